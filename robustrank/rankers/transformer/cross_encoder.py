"""Cross-encoders: one model reads query and document together (Nogueira, Cho, arXiv 1901.04085)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.printing import counted
from robustrank.rankers.ranker import Pair, Scores
from robustrank.rankers.transformer.batching import NUMBERS, filled
from robustrank.rankers.transformer.ranker import TransformerRanker

if TYPE_CHECKING:
    import torch

INCREASING = ("Identity", "Sigmoid", "Tanh", "LogSigmoid", "Softplus")  # strictly: they change no rank


class PairRanker(TransformerRanker):
    """Base of rankers that read query and document together."""

    document_side = "pair"

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]; pairs of the same tokens are computed once."""
        scores = np.empty(len(pairs), dtype=np.float32)
        for positions, values in self.score_in_batches(pairs):
            scores[positions] = values
        return scores

    def score_in_batches(self, pairs: Sequence[Pair]) -> Iterator[tuple[NDArray[np.int64], Scores]]:
        """Yield positions and scores, a batch of the network at a time."""
        if pairs:
            inputs, index = self.tokenisation.read(pairs, "pair").distinct()
            scores = np.empty(len(inputs), dtype=np.float32)
            for batch, values in self._computed(inputs, self._scores):
                scores[batch] = values
                positions = np.flatnonzero(np.isin(index, batch))
                yield positions, scores[index[positions]]

    def _scores(self, batch: NDArray[np.int64], features: Mapping[str, Any]) -> Scores:
        with self._inference():
            scores: Scores = self._relevance(features).float().cpu().numpy()[: len(batch)]
        return scores

    def relevance(self, queries: Sequence[str], documents: Sequence[str]) -> torch.Tensor:
        """Return float32[n], differentiable by the weights."""
        with self._precision():
            return self._relevance(self._pairs(queries, documents))

    @abstractmethod
    def _relevance(self, features: Mapping[str, Any]) -> torch.Tensor:
        """Return float32[B] of a batch of pairs, differentiable."""

    def _pairs(self, queries: Sequence[str], documents: Sequence[str]) -> dict[str, Any]:
        return self.tokenisation.whole(list(zip(queries, documents, strict=True)), "pair", self.device)

    def _scorer(self, query: str) -> Callable[[Mapping[str, Any]], torch.Tensor]:
        return self._relevance


@dataclass
class CrossEncoderRanker(PairRanker):
    """Any sentence-transformers cross-encoder over (query, document), by folder or hub name.

    With one label the score is that label's value; with two, that of the second minus that of the first. A pair that is
    too long is truncated in its longer text, in practice the document. A checkpoint without trained weights of the
    head, as ``minilm``, has to be trained first.
    """

    model: str  # a folder, a name on the Hugging Face hub, or minilm as the initialisation of training
    activation: Literal["logit", "model"] = "logit"  # logit: leave out an activation of the folder that changes no rank

    kind = "CrossEncoder"
    head = MappingProxyType({"num_labels": 1})

    def check(self) -> None:
        """Load the model, which refuses what cannot be honoured.

        Raises:
            DataError: The model has another number of labels than one or two.
        """
        super().check()
        if self.network.num_labels not in (1, 2):
            raise DataError(
                f"the cross-encoder has {self.network.num_labels} labels",
                where=str(self.folder),
                allowed="1, or 2 (not relevant, relevant)",
            )

    def relevance(self, queries: Sequence[str], documents: Sequence[str]) -> torch.Tensor:
        """Return float32[n], differentiable: without the activation."""
        return _label(self.network(self._pairs(queries, documents))["scores"])

    def _details(self) -> Sequence[str]:
        name = type(self.network.activation_fn).__name__
        left_out = "" if self.activates or name == "Identity" else " left out"
        return (f"{counted(self.network.num_labels, 'label')}, activation {name}{left_out}",)

    @property
    def activates(self) -> bool:
        """Whether the folder's activation is applied."""
        name = type(self.network.activation_fn).__name__
        return name != "Identity" and (self.activation == "model" or name not in INCREASING)

    def _loaded(self, fresh: bool, **options: Any) -> Any:
        network = super()._loaded(fresh, **options)
        if network.config.pad_token_id is None:
            network.config.pad_token_id = -1  # no token is padding: the texts of a batch have one length
        return network

    def _relevance(self, features: Mapping[str, Any]) -> torch.Tensor:
        scores = self.network(dict(features))["scores"]
        return _label(filled(self.network.activation_fn, NUMBERS, NUMBERS)(scores) if self.activates else scores)


def _label(scores: torch.Tensor) -> torch.Tensor:
    """Return [B] from [B, 1] or [B, 2]."""
    return scores[:, 0] if scores.shape[1] == 1 else scores[:, 1] - scores[:, 0]
