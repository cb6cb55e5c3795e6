"""Means and shares that know what is undefined: nan, never 0, and no warning on the way."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def mean(values: ArrayLike) -> float:
    """Return the mean; nan when there is no value or one of them is nan."""
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()) if array.size else float("nan")


def defined_mean(values: ArrayLike) -> float:
    """Return the mean of the values that are not nan; nan when there is none."""
    array = np.asarray(values, dtype=np.float64)
    return mean(array[~np.isnan(array)])


def share(condition: NDArray[np.bool_], *compared: ArrayLike) -> float:
    """Return the share of True in ``condition``; nan when it is empty or anything that was compared is nan.

    Args:
        condition: bool[n].
        compared: What the condition was made from: a comparison with nan is False, and would count as a fact.
    """
    if any(np.isnan(np.asarray(array, dtype=np.float64)).any() for array in compared):
        return float("nan")
    return mean(condition)


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> NDArray[np.float64]:
    """Return numerator / denominator element by element; nan where the denominator is 0."""
    above, below = np.broadcast_arrays(
        np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    )
    result = np.full(above.shape, np.nan)
    np.divide(above, below, out=result, where=below != 0)
    return result
