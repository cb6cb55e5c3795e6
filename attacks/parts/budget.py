"""Edit budget of word-level perturbations: a number of words, or a share of the words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def words_to_change(eligible: int, count: int, rate: float | None) -> int:
    """Return how many of the ``eligible`` words are changed: ``count`` words, or the share ``rate`` of them.

    A rate above 0 changes at least one word.
    """
    if rate is None:
        return min(count, eligible)
    return min(eligible, max(1, round(rate * eligible))) if rate else 0


def sample_indices(indices: Sequence[int], count: int, rng: np.random.Generator) -> list[int]:
    """Return ``count`` of the indices, drawn without replacement, in ascending order."""
    return sorted(rng.permutation(indices)[:count].tolist())
