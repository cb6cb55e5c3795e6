"""DRMM's network (Guo, Fan, Ai, Croft, CIKM 2016): histograms of matches, a small network, gates over query terms."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robustrank.rankers.neural.matching import cosines

BINS = 30  # 29 over the cosines in [-1, 1), one for exact matches
_HIDDEN = 5


def histograms(matches: Tensor, exact: Tensor, document_mask: Tensor) -> Tensor:
    """Return float32[n, Q, BINS]: log(1 + count) of the matches [n, Q, D] in each bin, exact ones in the last."""
    places = ((matches.clamp(-1, 1) + 1) / 2 * (BINS - 1)).floor().long().clamp(0, BINS - 2)
    places = torch.where(exact, BINS - 1, places)
    counts = torch.zeros(*matches.shape[:2], BINS)
    counts.scatter_add_(2, places, document_mask[:, None].expand_as(matches).contiguous())
    return torch.log1p(counts)


class DRMM(nn.Module):
    """Log-count histograms and gates by idf (LCH with term gating by IDF, the source's best).

    Args:
        embedding: int64[...] -> float32[..., E]; histograms pass no gradient to it.
    """

    def __init__(self, embedding: nn.Module) -> None:
        super().__init__()
        self.embedding = embedding.requires_grad_(False)
        self.scores = nn.Sequential(nn.Linear(BINS, _HIDDEN), nn.Tanh(), nn.Linear(_HIDDEN, 1), nn.Tanh())
        self.gate = nn.Parameter(torch.ones(1))

    def forward(self, queries: Tensor, documents: Tensor, idf: Tensor) -> Tensor:
        """Return float32[n] for ids [n, Q] and [n, D], 0 being no term, and idf [n, Q]."""
        there = queries > 0
        matches = cosines(self.embedding(queries), self.embedding(documents))
        exact = (queries[:, :, None] == documents[:, None, :]) & there[:, :, None]
        scores = self.scores(histograms(matches, exact, (documents > 0).float()))[:, :, 0]
        gates = torch.softmax((self.gate * idf).masked_fill(~there, -1e9), dim=1)
        found: Tensor = (gates * scores * there).sum(1)
        return found
