"""The maximum change of a smoothed score when words are replaced: the total variation of product measures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rho(overlaps: NDArray[np.float64], radius: int | None = None) -> float:
    """Return the product of the ``radius`` smallest overlaps (None: of all).

    For any event A of the smoothed text and any x' that differs from x in at most ``radius`` words, each replaced by a
    substitute, Pr_x'(A) <= Pr_x(A) + 1 - rho(x) (Ye, Gong, Liu: SAFER, ACL 2020).

    Args:
        overlaps: float64[words], the overlap of each word of the text.
        radius: The maximum number of words an attacker may replace.

    Raises:
        ValueError: An overlap lies outside [0, 1], or the radius is negative.
    """
    if overlaps.size and not (overlaps.min() >= 0 and overlaps.max() <= 1):
        raise ValueError("overlaps must lie in [0, 1]")
    if radius is not None and radius < 0:
        raise ValueError(f"radius={radius}; it must be at least 0: a number of words")
    return float(np.prod(np.sort(overlaps)[:radius]))
