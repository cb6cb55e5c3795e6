"""Batches in which no text is padded, so that a score is a function of its pair alone, to the last bit.

Padding changes the order in which sums are taken, and with it the last bits of a score; the score would then depend on
which pairs share a batch, and a resumed run would differ from an undisturbed one. Texts of exactly equal length share a
batch instead. On the processors we measured, fp32 scores then depend neither on the batch nor on the threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def equal_length_batches(lengths: Sequence[int], max_tokens: int) -> Iterator[NDArray[np.int64]]:
    """Yield the indices of each batch, shortest first: at most ``max_tokens`` tokens, at least one text."""
    array = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(array, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(array[order])) + 1):
        if group.size:
            size = max(1, max_tokens // max(1, int(array[group[0]])))
            for start in range(0, len(group), size):
                yield group[start : start + size]
