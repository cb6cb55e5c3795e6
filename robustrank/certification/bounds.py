"""One-sided confidence bounds on the mean of samples in [0, 1]; pure functions on arrays."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.floating]
Radius = Callable[[Samples, float], float]


def hoeffding(samples: Samples, delta: float) -> float:
    """Return the half-width r with Pr(mean - estimate > r) <= delta: sqrt(ln(1/delta) / 2n) (Hoeffding, JASA 1963)."""
    return math.sqrt(math.log(1 / delta) / (2 * len(samples)))


def empirical_bernstein(samples: Samples, delta: float) -> float:
    """Return the half-width of the empirical Bernstein bound (Maurer, Pontil, COLT 2009, theorem 4).

    sqrt(2 V ln(2/delta) / n) + 7 ln(2/delta) / (3 (n - 1)), V the sample variance (ddof 1). It needs two samples; one
    sample has the trivial half-width 1.
    """
    count = len(samples)
    if count < 2:
        return 1.0
    log = math.log(2 / delta)
    return math.sqrt(2 * float(np.var(samples, ddof=1)) * log / count) + 7 * log / (3 * (count - 1))


BOUNDS: dict[str, Radius] = {"hoeffding": hoeffding, "empirical-bernstein": empirical_bernstein}

PAPER = "paper"
PAPER_DELTA = 0.05


def paper_term(count: int) -> float:
    """Return the sampling term of the published CertDR evaluation: 2 sqrt(ln(2/0.05) / 2n).

    It covers the pair (K, K+1) alone, so it is no bound at 1 - alpha for a list: for comparison only.
    """
    return 2 * math.sqrt(math.log(2 / PAPER_DELTA) / (2 * count))
