"""Batches in which a score depends on its pair alone, to the last bit.

The order in which a matrix product sums depends on the shape of the matrices, and with it the last bits of a score. If
a score depended on which pairs share its batch, a resumed run would differ from an undisturbed one. So a text is padded
to a length determined by its number of tokens, and shares a batch with texts of that padded length only. Products with
few rows, or with a number of rows that is not a multiple of 4, are computed by other kernels (measured on x86 with MKL:
fewer than 12 rows), so every product has a multiple of 4 rows, at least 16 per text. fp32 scores then depend neither on
the batch nor on the number of threads. A test checks this on the machine that runs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

ROWS = 4  # a batch is filled up to a multiple of this many texts
_MULTIPLE, _LEAST = 8, 16  # tokens


def padded_length(length: int) -> int:
    """Return the number of tokens a text of ``length`` tokens is padded to: a multiple of 8, at least 16."""
    return max(_LEAST, -(-length // _MULTIPLE) * _MULTIPLE)


def equal_length_batches(lengths: Sequence[int], max_tokens: int) -> Iterator[NDArray[np.int64]]:
    """Yield the indices of each batch, shortest first: equal lengths, at most ``max_tokens`` tokens or one text."""
    array = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(array, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(array[order])) + 1):
        if group.size:
            size = max(1, max_tokens // max(1, int(array[group[0]])))
            for start in range(0, len(group), size):
                yield group[start : start + size]
