"""Base of transformer rankers: weights, tokenizer, batches, fine-tuning, gradients of embeddings."""

from __future__ import annotations

import shutil
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.errors import UsageError
from robustrank.plugins.constraints import Amount, Count, Tokens
from robustrank.rankers.batching import ROWS, equal_length_batches, padded_length
from robustrank.rankers.gradients import InputGradients
from robustrank.rankers.ranker import BF16_NOISE, FP32_NOISE, Encoding, PointwiseRanker
from robustrank.rankers.training import TrainingSettings
from robustrank.rankers.training import train as train_ranker
from robustrank.rankers.weights import load_model, load_tokenizer, model_folder, weights_digest

if TYPE_CHECKING:
    import torch

Dtype = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class FineTuning(TrainingSettings):
    """Fine-tuning settings of a pretrained ranker."""

    frozen_layers: Amount = 0  # number of lowest layers that are frozen, together with the input embeddings


@dataclass
class TransformerRanker(InputGradients, PointwiseRanker):
    """A Hugging Face model as a ranker."""

    family = "pretrained"
    auto_class: ClassVar[str]
    head: ClassVar[Mapping[str, Any]] = {}  # options of a network that is initialised for training
    training: ClassVar[FineTuning] = FineTuning()

    model: str  # a folder, minilm, or a name on the Hugging Face hub
    revision: str | None = None  # a commit, branch or tag on the hub
    max_length: Tokens = 256  # tokens the model reads at once, special tokens included
    dtype: Dtype = "fp32"  # bf16 is faster and changes scores
    max_tokens: Count = 8192  # tokens in a batch

    @cached_property
    def folder(self) -> Path:
        """Where the model's files are."""
        return model_folder(self.model, self.revision)

    @cached_property
    def fingerprint(self) -> str:
        """The content of the model's files, which a name may stand for."""
        return weights_digest(self.folder)

    @property
    def noise(self) -> float:
        """How far rounding may move a score, relative to the largest score of the call."""
        return FP32_NOISE if self.dtype == "fp32" else BF16_NOISE

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
        """Return the token ids of a word inside a document."""
        return np.array(self.tokenizer(word, add_special_tokens=False)["input_ids"], dtype=np.int64)

    def characters_read(self, query: str, document: str) -> int:
        """Return the end of the last token that is left of the document beside this query."""
        return max((end for _, end in self.encode(query, document).spans), default=0)

    @abstractmethod
    def encode(self, query: str, document: str) -> Encoding:
        """Tokenise the document as :meth:`score` does beside this query."""

    def fit(
        self, train: Collection, validation: Collection, seed: int, folder: str, settings: Mapping[str, Any]
    ) -> None:
        """Fine-tune the model; see :func:`robustrank.rankers.training.train`."""
        chosen = FineTuning.of(settings, self.training)

        def create_learner() -> TransformerRanker:
            learner = replace(self)
            learner.__dict__["network"] = load_model(self.auto_class, self.folder, **self.head)
            freeze(learner.network, chosen.frozen_layers)
            return learner

        start = {"ranker": type(self).__name__, "start": self.model, "max_length": self.max_length}
        train_ranker(create_learner, train, validation, seed, folder, chosen, start)

    def load(self, folder: str) -> Self:
        """Return the ranker with the weights in ``folder``."""
        return replace(self, model=folder, revision=None)

    def save(self, folder: Path) -> None:
        """Write weights and tokenizer, and the pooling configuration of the model's folder."""
        self.network.save_pretrained(folder, safe_serialization=True)
        self.tokenizer.save_pretrained(folder)
        for name in ("modules.json", "1_Pooling/config.json"):
            if (self.folder / name).exists():
                (folder / name).parent.mkdir(exist_ok=True)
                shutil.copyfile(self.folder / name, folder / name)

    @abstractmethod
    def relevance(self, queries: Sequence[str], documents: Sequence[str]) -> torch.Tensor:
        """Return float32[n], differentiable by the weights; see :class:`robustrank.rankers.training.Learner`."""

    def _document_embeddings(self, encoding: Encoding, leaf: torch.Tensor) -> tuple[list[int], torch.Tensor]:
        """Return the token ids of a single document with special tokens, and its input embeddings [1, L, H].

        ``leaf`` [L, H] replaces the embeddings of the document's tokens; special tokens keep theirs.
        """
        import torch

        ids: list[int] = self.tokenizer.build_inputs_with_special_tokens(encoding.ids.tolist())
        embeddings: torch.Tensor = self.network.get_input_embeddings()(torch.tensor([ids])).detach()
        start = ids.index(self.tokenizer.cls_token_id) + 1 if self.tokenizer.cls_token_id in ids[:1] else 0
        return ids, torch.cat([embeddings[:, :start], leaf[None], embeddings[:, start + len(leaf) :]], dim=1)

    def _batches(self, inputs: Mapping[str, list[list[int]]]) -> Iterator[tuple[NDArray[np.int64], dict[str, Any]]]:
        """Yield the indices and the padded tensors of each batch; rows beyond the indices repeat the last row."""
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
            torch.no_grad(),  # not inference_mode: weights loaded lazily in this context are differentiated later
            torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.dtype == "bf16"),
        ):
            yield


def freeze(network: Any, layers: int) -> None:
    """Freeze the input embeddings and the lowest ``layers`` layers; 0 freezes nothing.

    Raises:
        UsageError: The model has fewer layers.
    """
    import torch

    if not layers:
        return
    stacks = [module for module in network.modules() if isinstance(module, torch.nn.ModuleList)]
    if not stacks or layers > len(stacks[0]):
        available = len(stacks[0]) if stacks else 0
        raise UsageError(f"frozen_layers={layers}, but the model has {available} layers", allowed=f"0 to {available}")
    network.get_input_embeddings().requires_grad_(False)
    for layer in stacks[0][:layers]:
        layer.requires_grad_(False)


def document_encoding(encoded: Any, sequence: int) -> Encoding:
    """Return the tokens of one sequence of a tokenised text or pair, without special tokens."""
    indices = [i for i, number in enumerate(encoded.sequence_ids(0)) if number == sequence]
    ids, spans = encoded["input_ids"], encoded["offset_mapping"]
    return Encoding(np.array([ids[i] for i in indices], dtype=np.int64), tuple(tuple(spans[i]) for i in indices))
