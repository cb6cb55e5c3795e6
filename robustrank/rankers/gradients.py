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


class InputGradients(ABC):
    """Mix-in with ``gradients`` of :class:`robustrank.rankers.ranker.GradientRanker`, computed document by document."""

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
