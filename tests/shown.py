"""Numbers as the pages of published results show them, with intervals by code of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

DRAWS = 10_000


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of the mean of float64[n], a value for each query or pair."""
    draws = np.random.default_rng(0).integers(len(values), size=(DRAWS, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def clopper_pearson(outcomes: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % bounds of Clopper and Pearson on the share of ones among n zeros and ones."""
    n, k = len(outcomes), round(sum(outcomes))
    low = float(beta.ppf(0.025, k, n - k + 1)) if k else 0.0
    high = float(beta.ppf(0.975, k + 1, n - k)) if k < n else 1.0
    return low, high


def number(value: float, places: int = 3) -> str:
    """Return a number without the zero before its point (three places), and without a negative zero."""
    text = f"{value:.{places}f}"
    text = text.removeprefix("-") if float(text) == 0 else text
    return text.replace("0.", ".", 1) if places == 3 and abs(value) < 1 else text


def with_interval(values: NDArray[np.float64], places: int = 3) -> str:
    """Return the mean of values with its interval."""
    low, high = interval(values)
    return f"{number(values.mean(), places)} [{number(low, places)}, {number(high, places)}]"
