"""Embedding modules. Row 0 is padding; then follow the known terms, then the hash buckets of all other terms."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor, nn

from robustrank.rankers.neural.vectors import word_vectors


class FixedVectors(nn.Module):
    """Frozen embeddings from a file, which are neither trained nor saved.

    Args:
        table: float32[V, E].
    """

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.weight: Tensor
        self.register_buffer("weight", table, persistent=False)  # no part of a checkpoint

    def forward(self, ids: Tensor) -> Tensor:
        """Return float32[..., E] for int64[...]."""
        return nn.functional.embedding(ids, self.weight)


@cache
def fixed_vectors(name: str, language: str, buckets: int) -> FixedVectors:
    """Return the unit-length vectors of a file, with random vectors for the buckets."""
    known = torch.from_numpy(word_vectors(name, language).table)
    return FixedVectors(_padded(nn.functional.normalize(known, dim=-1), buckets))


def trained_vectors(terms: int, buckets: int, dimension: int) -> nn.Embedding:
    """Return trainable vectors of terms and buckets, initialised from torch's generator."""
    layer = nn.Embedding(1 + terms + buckets, dimension, padding_idx=0)
    nn.init.normal_(layer.weight, std=1 / math.sqrt(dimension))
    with torch.no_grad():
        layer.weight[0].zero_()
    return layer


def _padded(known: Tensor, buckets: int) -> Tensor:
    drawn = torch.randn(buckets, known.shape[1], generator=torch.Generator().manual_seed(0))
    return torch.cat([torch.zeros(1, known.shape[1]), known, nn.functional.normalize(drawn, dim=-1)])
