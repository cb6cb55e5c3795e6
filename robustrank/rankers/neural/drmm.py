"""DRMM's network (Guo, Fan, Ai, Croft, CIKM 2016): matching histograms, a feed-forward network, term gating."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robustrank.rankers.neural.matching import cosines

BINS = 30  # 29 for cosines in [-1, 1) and one for exact matches
_HIDDEN = 5


def histograms(matches: Tensor, exact: Tensor, document_mask: Tensor) -> Tensor:
    """Return float32[n, Q, BINS]: log(1 + count) of the matches [n, Q, D] per bin; the last bin has exact matches."""
    bins = ((matches.clamp(-1, 1) + 1) / 2 * (BINS - 1)).floor().long().clamp(0, BINS - 2)
    bins = torch.where(exact, BINS - 1, bins)
    counts = torch.zeros(*matches.shape[:2], BINS, device=matches.device)
    counts.scatter_add_(2, bins, document_mask[:, None].expand_as(matches).contiguous())
    return torch.log1p(counts)


class DRMM(nn.Module):
    """Log-count histograms with term gating by IDF (LCH x IDF, the best variant of the source).

    Args:
        embedding: int64[...] -> float32[..., E]; histograms pass no gradient to it.
    """

    def __init__(self, embedding: nn.Module) -> None:
        super().__init__()
        self.embedding = embedding.requires_grad_(False)
        self.scores = nn.Sequential(nn.Linear(BINS, _HIDDEN), nn.Tanh(), nn.Linear(_HIDDEN, 1), nn.Tanh())
        self.gate = nn.Parameter(torch.ones(1))

    def forward(self, queries: Tensor, documents: Tensor, idf: Tensor) -> Tensor:
        """Return float32[n] for term ids [n, Q] and [n, D], 0 for padding, and idf [n, Q]."""
        present = queries > 0
        matches = cosines(self.embedding(queries), self.embedding(documents))
        exact = (queries[:, :, None] == documents[:, None, :]) & present[:, :, None]
        scores = self.scores(histograms(matches, exact, (documents > 0).float()))[:, :, 0]
        gates = torch.softmax((self.gate * idf).masked_fill(~present, -1e9), dim=1)
        total: Tensor = (gates * scores * present).sum(1)
        return total
