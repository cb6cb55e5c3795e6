"""White-box access to neural rankers whose scores are differentiable in the document's term vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from robustrank.rankers.gradients import InputGradients
from robustrank.rankers.neural.base import EmbeddingRanker
from robustrank.rankers.ranker import Encoding
from robustrank.text.analysis import analyser

if TYPE_CHECKING:
    import torch


@dataclass
class DifferentiableRanker(InputGradients, EmbeddingRanker):
    """An embedding ranker with gradients with respect to the vectors of the document's terms.

    Exact matches with query terms and the length of the text have no gradient. The kernel of exact matches is 1e-3
    wide, so the gradient of a kernel model is valid only for steps far smaller than the distance to another word: on an
    untrained Conv-KNRM, finite differences with steps of 1e-2 gave a fifth of the gradient.
    """

    @property
    def embedding_table(self) -> NDArray[np.float32]:
        """float32[V, E], the vectors of all ids: padding, known terms, buckets."""
        table: NDArray[np.float32] = self.network.embedding.weight.detach().cpu().numpy()
        return table

    def encode(self, query: str, document: str) -> Encoding:
        """Return the terms that :meth:`score` reads, without stop words."""
        terms = analyser(self.language).located_terms(document)[: self.document_length]
        ids = np.array([self.term_id(term) for term, _ in terms], dtype=np.int64)
        return Encoding(ids, tuple(span for _, span in terms))

    def tokens_of(self, word: str) -> NDArray[np.int64]:
        """Return the ids of a word's terms; for a stop word the id of padding, whose vector is zero."""
        return np.array([self.term_id(term) for term in analyser(self.language).terms(word)] or [0], dtype=np.int64)

    def _differentiable_scores(
        self, query: str, encodings: Sequence[Encoding], leaves: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        import torch

        query_ids, document_ids, idf = self.inputs([query] * len(encodings), [""] * len(encodings))
        for row, encoding in enumerate(encodings):
            document_ids[row, : len(encoding.ids)] = torch.from_numpy(encoding.ids)
        pad, length = torch.nn.functional.pad, self.document_length
        vectors = torch.stack([pad(leaf, (0, 0, 0, length - len(leaf))) for leaf in leaves])
        scores: torch.Tensor = self.network(*self.on_device((query_ids, document_ids, idf, vectors)))
        return scores
