"""Robustness of effectiveness over queries: variance, poor queries, and the geometric mean.

Every function takes arrays with one value per query and returns a number, so that it can be bootstrapped over queries.
Variance, lower-tail means and the mean of the hard set take resamples as rows, too, and return an array of numbers.
An undefined result is nan, never 0, and a nan among the values makes the result nan unless the function says
otherwise.

Sources: Wu, Zhang, Guo, Fan, Cheng, "Are neural ranking models robust?", TOIS 41(2), 2023 (the tasks);
Voorhees, "The TREC robust retrieval track", SIGIR Forum 39(1), 2005 (poor queries, GMAP). Where no formula
was published the docstring says that the definition is ours.
"""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robustrank.errors import DataError, ExperimentError
from robustrank.measures.defined import mean, ratio

Normaliser = Literal["mean", "max", "ideal", "none"]


def variance(values: ArrayLike) -> Any:
    """Return the population variance of a measure over queries; nan without queries."""
    array = np.asarray(values, dtype=np.float64)
    centre = np.asarray(mean(array))
    return mean((array - centre[..., None]) ** 2) if array.size else mean(array)


def vnap(values: ArrayLike, normaliser: Normaliser = "mean", ideal: ArrayLike = 1.0) -> Any:
    """Return VNAP, the variance of normalised average precision over queries; lower is more robust.

    NAP_q = AP_q / normaliser; VNAP is its population variance. With ``mean`` that is Var(AP) / MAP^2, the
    squared coefficient of variation. The normaliser of Wu et al. was not published: ``mean`` is that of the
    only public script that prints a ``vnap``, so report :func:`variance` beside it.

    Args:
        values: [q], average precision, or another measure, of each query.
        normaliser: ``mean`` or ``max`` of ``values``; ``ideal``, query by query; ``none``.
        ideal: For ``ideal``: the best value that each query's candidates allow, [q] or a scalar. A query
            whose ideal is 0 has no normalised value and is left out.

    Returns:
        nan when the normaliser is 0.

    Raises:
        ExperimentError: Unknown normaliser.
    """
    array = np.asarray(values, dtype=np.float64)
    if normaliser not in get_args(Normaliser):
        raise ExperimentError(f"{normaliser!r} is not a normaliser", allowed=", ".join(get_args(Normaliser)))
    if not array.size or normaliser == "none":
        return variance(array)
    if normaliser == "ideal":
        reachable = np.broadcast_to(np.asarray(ideal, dtype=np.float64), array.shape)
        return variance(array[reachable != 0] / reachable[reachable != 0])
    centre = array.mean(axis=-1) if normaliser == "mean" else array.max(axis=-1)
    return variance(ratio(array, np.asarray(centre)[..., None]))


def poor_queries(values: ArrayLike, percent: float = 10) -> Any:
    """Return the mean over the lowest ``percent`` of the ranker's queries, rounded up: a lower-tail mean.

    The cutoff is ours. The queries differ from ranker to ranker; :func:`hard_set_mean` fixes them.

    Raises:
        ValueError: ``percent`` is not in (0, 100].
    """
    array = np.sort(np.asarray(values, dtype=np.float64))
    if np.isnan(array).any():  # sorting would remove them from the tail
        return math.nan
    return mean(array[..., : _tail(array.shape[-1], percent)])


def hard_set(reference: ArrayLike, percent: float = 10) -> NDArray[np.bool_]:
    """Return bool[q], the queries in the lowest ``percent`` under a reference ranker, e.g. BM25.

    Queries that tie with the last of them are hard, too: the set does not depend on the order of queries, and may be
    larger than ``percent`` when the reference fails often.

    Args:
        reference: [q], the reference ranker's measure of each query.
        percent: The share of queries, rounded up.

    Raises:
        DataError: The reference is undefined for a query.
        ValueError: ``percent`` is not in (0, 100].
    """
    array = np.asarray(reference, dtype=np.float64)
    if np.isnan(array).any():
        raise DataError(f"the reference is undefined for {np.count_nonzero(np.isnan(array))} of {array.size} queries")
    if not array.size:
        return np.zeros(0, dtype=np.bool_)
    last = _tail(array.shape[-1], percent) - 1
    hardest: NDArray[np.bool_] = array <= np.sort(array)[..., last : last + 1]
    return hardest


def hard_set_mean(values: ArrayLike, reference: ArrayLike, percent: float = 10) -> Any:
    """Return the mean over the reference ranker's :func:`hard_set`, the same for every ranker compared."""
    array, hardest = np.asarray(values, dtype=np.float64), hard_set(reference, percent)
    if array.ndim == 1:
        return mean(array[hardest])
    return (array * hardest).sum(axis=-1) / hardest.sum(axis=-1)


def gmap(values: ArrayLike, eps: float = 1e-5) -> Any:
    """Return the geometric mean of max(value, eps), as trec_eval's gm_map; eps is trec_eval's."""
    logs = mean(np.log(np.maximum(np.asarray(values, dtype=np.float64), eps)))
    return math.exp(logs) if isinstance(logs, float) else np.exp(logs)


def _tail(count: int, percent: float) -> int:
    if not 0 < percent <= 100:
        raise ValueError(f"percent={percent}; it must be above 0 and at most 100")
    return math.ceil(count * percent / 100)
