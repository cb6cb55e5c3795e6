"""White-box access: gradients of a score with respect to the document's input embeddings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from robustrank.rankers.ranker import Encoding, Scores

if TYPE_CHECKING:
    import torch

BATCH = 64  # documents differentiated at a time


class InputGradients(ABC):
    """Mix-in with ``gradients`` of :class:`robustrank.rankers.ranker.GradientRanker`, computed in batches."""

    @property
    @abstractmethod
    def embedding_table(self) -> NDArray[np.float32]:
        """float32[V, H], the input embeddings."""

    def gradients(
        self,
        query: str,
        documents: Sequence[Encoding],
        embeddings: Sequence[NDArray[np.float32]] | None = None,
    ) -> tuple[Scores, list[NDArray[np.float32]]]:
        """Return scores and d score / d embedding; see :class:`robustrank.rankers.ranker.GradientRanker`."""
        import torch

        scores, gradients = [], []
        for start in range(0, len(documents), BATCH):
            batch = documents[start : start + BATCH]
            given = [self.embedding_table[d.ids] for d in batch] if embeddings is None else embeddings[start:][:BATCH]
            leaves = [torch.tensor(vectors, dtype=torch.float32, requires_grad=True) for vectors in given]
            values = self._differentiable_scores(query, batch, leaves)
            gradients += [gradient.numpy() for gradient in torch.autograd.grad(values.sum(), leaves)]
            scores += values.detach().tolist()
        return np.array(scores, dtype=np.float32), gradients

    @abstractmethod
    def _differentiable_scores(
        self, query: str, encodings: Sequence[Encoding], leaves: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """Return float32[n], the scores as functions of the documents' input embeddings (float32[L, H] each)."""
