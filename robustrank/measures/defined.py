"""Means, shares and ratios that are nan where they are undefined: never 0, and without a warning."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def mean(values: ArrayLike) -> Any:
    """Return the mean, of each row where there are several; nan when there is no value or one of them is nan."""
    array = np.asarray(values, dtype=np.float64)
    if not array.shape[-1]:
        return float("nan")
    return float(array.mean()) if array.ndim == 1 else array.mean(axis=-1)


def share(condition: NDArray[np.bool_], *compared: ArrayLike) -> Any:
    """Return the share of True in ``condition``; nan when it is empty or a compared value is nan.

    Args:
        condition: bool[n].
        compared: The arrays behind the condition: a comparison with nan is False, and would count as an observation.
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
