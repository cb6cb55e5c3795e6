"""What cross-encoders and bi-encoders share: weights, tokens, batches without padding, gradients by embeddings."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.rankers.batching import ROWS, equal_length_batches, padded_length
from robustrank.rankers.ranker import Encoding, Ranker, Scores
from robustrank.rankers.weights import load_model, load_tokenizer, model_folder, weights_digest

if TYPE_CHECKING:
    import torch

Dtype = Literal["fp32", "bf16"]


class TransformerRanker(Ranker):
    """A Hugging Face model as a ranker. Subclasses are dataclasses with the fields named below."""

    family = "pretrained"
    auto_class: ClassVar[str]

    model: str
    revision: str | None
    max_length: int
    dtype: Dtype
    max_tokens: int

    @cached_property
    def folder(self) -> Path:
        """Where the model's files are."""
        return model_folder(self.model, self.revision)

    @cached_property
    def fingerprint(self) -> str:
        """The model's files and every parameter that decides a score."""
        text = f"{type(self).__name__}|{weights_digest(self.folder)}|{self.max_length}|{self.dtype}|{self._decides()}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @cached_property
    def network(self) -> Any:
        """The torch module."""
        return load_model(self.auto_class, self.folder)

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer."""
        return load_tokenizer(self.folder)

    @cached_property
    def embedding_table(self) -> NDArray[np.float32]:
        """float32[V, H], the input embeddings."""
        table: NDArray[np.float32] = self.network.get_input_embeddings().weight.detach().numpy()
        return table

    def tokens_of(self, word: str) -> NDArray[np.int64]:
        """Return the vocabulary ids of a word inside a document."""
        return np.array(self.tokenizer(word, add_special_tokens=False)["input_ids"], dtype=np.int64)

    def gradients(
        self,
        query: str,
        documents: Sequence[Encoding],
        embeddings: Sequence[NDArray[np.float32]] | None = None,
    ) -> tuple[Scores, list[NDArray[np.float32]]]:
        """Return scores and d score / d embedding; see :class:`robustrank.rankers.ranker.GradientRanker`."""
        import torch

        scores, gradients = [], []
        for number, encoding in enumerate(documents):
            given = self.embedding_table[encoding.ids] if embeddings is None else embeddings[number]
            leaf = torch.tensor(given, dtype=torch.float32, requires_grad=True)
            score = self._differentiable_score(query, encoding, leaf)
            (gradient,) = torch.autograd.grad(score, leaf)
            scores.append(float(score.detach()))
            gradients.append(gradient.numpy())
        return np.array(scores, dtype=np.float32), gradients

    @abstractmethod
    def _differentiable_score(self, query: str, encoding: Encoding, leaf: torch.Tensor) -> torch.Tensor:
        """Return the score as a function of the document's input embeddings (float32[L, H])."""

    def _decides(self) -> str:
        return ""

    def _batches(self, inputs: Mapping[str, list[list[int]]]) -> Iterator[tuple[NDArray[np.int64], dict[str, Any]]]:
        """Yield the indices and the padded tensors of each batch; rows beyond the indices repeat the last one."""
        import torch

        fill = {"input_ids": int(self.tokenizer.pad_token_id or 0)}
        lengths = [padded_length(len(ids)) for ids in inputs["input_ids"]]
        for batch in equal_length_batches(lengths, self.max_tokens):
            rows = [*batch, *[batch[-1]] * (-len(batch) % ROWS)]
            length = lengths[batch[0]]
            yield (
                batch,
                {
                    name: torch.tensor([values[i] + [fill.get(name, 0)] * (length - len(values[i])) for i in rows])
                    for name, values in inputs.items()
                },
            )

    @contextmanager
    def _inference(self) -> Iterator[None]:
        import torch

        with (
            torch.inference_mode(),
            torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.dtype == "bf16"),
        ):
            yield


def document_encoding(encoded: Any, sequence: int) -> Encoding:
    """Return the tokens of one sequence of a tokenised text or pair, specials left out."""
    places = [i for i, owner in enumerate(encoded.sequence_ids(0)) if owner == sequence]
    ids, spans = encoded["input_ids"], encoded["offset_mapping"]
    return Encoding(np.array([ids[i] for i in places], dtype=np.int64), tuple(tuple(spans[i]) for i in places))
