"""White-box sight of the neural rankers whose scores are smooth in the vectors of the document's terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from robustrank.rankers.gradients import InputGradients
from robustrank.rankers.neural.base import EmbeddingRanker
from robustrank.rankers.ranker import Encoding
from robustrank.text.analysis import analyze, located_terms

if TYPE_CHECKING:
    import torch


@dataclass
class DifferentiableRanker(InputGradients, EmbeddingRanker):
    """An embedding ranker with gradients by the vectors of the document's terms.

    The terms themselves stay as they are: which of them equal a query term, and where the text ends, has no gradient.
    The kernel of exact matches is 1e-3 wide, so that a kernel model's gradient can hold for steps far smaller than the
    distance to another word: on a fresh Conv-KNRM, steps of 1e-2 gave a fifth of the slope.
    """

    @property
    def embedding_table(self) -> NDArray[np.float32]:
        """float32[V, E], the vectors of all ids: padding, known terms, buckets."""
        table: NDArray[np.float32] = self.network.embedding.weight.detach().numpy()
        return table

    def encode(self, query: str, document: str) -> Encoding:
        """Return the terms that :meth:`score` reads; stop words are none."""
        found = located_terms(document)[: self.document_length]
        ids = np.array([self._id(term) for term, _ in found], dtype=np.int64)
        return Encoding(ids, tuple(span for _, span in found))

    def tokens_of(self, word: str) -> NDArray[np.int64]:
        """Return the ids of a word's terms; for a word that is not read, padding's, whose vector is zero."""
        return np.array([self._id(term) for term in analyze(word)] or [0], dtype=np.int64)

    def _differentiable_score(self, query: str, encoding: Encoding, leaf: torch.Tensor) -> torch.Tensor:
        import torch

        asked, found, idf = self.inputs([query], [""])
        found[0, : len(encoding.ids)] = torch.from_numpy(encoding.ids)
        vectors = torch.nn.functional.pad(leaf, (0, 0, 0, self.document_length - len(leaf)))
        score: torch.Tensor = self.network(asked, found, idf, vectors[None])
        return score[0]
