"""How evenly a ranker does well: variance, poor queries, and the drop under a shift or an attack.

Every function takes arrays with a value a query and returns a number, so that it can be bootstrapped over
queries. What is undefined is nan, never 0, and a nan among the values makes the result nan unless the
function says otherwise.

Sources: Wu, Zhang, Guo, Fan, Cheng, "Are neural ranking models robust?", TOIS 41(2), 2023 (the tasks);
Voorhees, "The TREC robust retrieval track", SIGIR Forum 39(1), 2005 (poor queries, GMAP). Where no formula
was published the docstring says that the definition is ours.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robustrank.errors import DataError, ExperimentError
from robustrank.measures.defined import defined_mean, mean, ratio, share

Normaliser = Literal["mean", "max", "ideal", "none"]


def variance(values: ArrayLike) -> float:
    """Return the population variance of a measure over queries; nan without queries."""
    array = np.asarray(values, dtype=np.float64)
    return mean((array - mean(array)) ** 2)


def vnap(values: ArrayLike, normaliser: Normaliser = "mean", ideal: ArrayLike = 1.0) -> float:
    """Return VNAP, the variance of normalised average precision over queries; lower is more robust.

    NAP_q = AP_q / normaliser; VNAP is its population variance. With ``mean`` that is Var(AP) / MAP^2, the
    squared coefficient of variation. The normaliser of Wu et al. was not at hand: ``mean`` is that of the one
    public script that prints a ``vnap``, so report :func:`variance` beside it.

    Args:
        values: [q], average precision, or another measure, of each query.
        normaliser: ``mean`` or ``max`` of ``values``; ``ideal``, query by query; ``none``.
        ideal: For ``ideal``: the best value that each query's candidates allow, [q] or one for all. A query
            whose ideal is 0 has no normalised value and is left out.

    Returns:
        nan when the normaliser is 0.

    Raises:
        ExperimentError: There is no such normaliser.
    """
    array = np.asarray(values, dtype=np.float64)
    if normaliser not in get_args(Normaliser):
        raise ExperimentError(f"no normaliser is called {normaliser!r}", allowed=", ".join(get_args(Normaliser)))
    if not array.size or normaliser == "none":
        return variance(array)
    if normaliser == "ideal":
        reachable = np.broadcast_to(np.asarray(ideal, dtype=np.float64), array.shape)
        return variance(array[reachable != 0] / reachable[reachable != 0])
    return variance(ratio(array, array.mean() if normaliser == "mean" else array.max()))


def variant_vnap(variants: ArrayLike) -> float:
    """Return the mean over queries of the VNAP over each query's variants, as the public script has it.

    Args:
        variants: [q, v], the measure of every variant of every query; nan where a query has fewer variants
            than others. A query whose mean is 0 is left out.
    """
    rows = np.asarray(variants, dtype=np.float64)
    return defined_mean([vnap(row[~np.isnan(row)]) for row in rows])


def poor_queries(values: ArrayLike, percent: float = 10) -> float:
    """Return the mean over the ranker's own lowest ``percent`` of queries, rounded up: a lower-tail mean.

    The cut is ours. The queries differ from ranker to ranker; :func:`hard_set_mean` holds them fixed.

    Raises:
        ValueError: ``percent`` is not in (0, 100].
    """
    array = np.sort(np.asarray(values, dtype=np.float64))
    if np.isnan(array).any():  # sorting would put them out of the tail
        return math.nan
    return mean(array[: _tail(array.size, percent)])


def hard_set(reference: ArrayLike, percent: float = 10) -> NDArray[np.bool_]:
    """Return bool[q], the queries no better than the lowest ``percent`` under a reference ranker, as BM25.

    Queries that tie with the last of them are hard, too: the set does not hang on the order of queries, and
    may be larger than ``percent`` when the reference fails often.

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
    hardest: NDArray[np.bool_] = array <= np.sort(array)[_tail(array.size, percent) - 1]
    return hardest


def hard_set_mean(values: ArrayLike, reference: ArrayLike, percent: float = 10) -> float:
    """Return the mean over the reference ranker's :func:`hard_set`, the same for every ranker compared."""
    return mean(np.asarray(values, dtype=np.float64)[hard_set(reference, percent)])


def gmap(values: ArrayLike, eps: float = 1e-5) -> float:
    """Return the geometric mean of max(value, eps), as trec_eval's gm_map; eps is trec_eval's."""
    logs = mean(np.log(np.maximum(np.asarray(values, dtype=np.float64), eps)))
    return math.exp(logs)


def share_below(values: ArrayLike, floor: float) -> float:
    """Return the share of queries whose measure is below ``floor``."""
    array = np.asarray(values, dtype=np.float64)
    return share(array < floor, array)


def drop_rate(clean: ArrayLike, shifted: ArrayLike) -> float:
    """Return DR = (mean shifted - mean clean) / mean clean: a ratio of means, negative for a loss.

    DR_adv of an attack, DR_OOD of a shift; nan when the clean mean is 0. A mean of ratios is another figure,
    see :func:`mean_query_drop_rate`.
    """
    before, after = mean(clean), mean(shifted)
    return float(ratio(after - before, before))


def query_drop_rates(clean: ArrayLike, shifted: ArrayLike) -> NDArray[np.float64]:
    """Return float64[q], each query's own drop rate; nan where its clean value is 0."""
    before, after = np.asarray(clean, dtype=np.float64), np.asarray(shifted, dtype=np.float64)
    return ratio(after - before, before)


def mean_query_drop_rate(clean: ArrayLike, shifted: ArrayLike) -> float:
    """Return the mean of the defined drop rates of queries; report :func:`undefined_drop_rates` beside it."""
    return defined_mean(query_drop_rates(clean, shifted))


def undefined_drop_rates(clean: ArrayLike, shifted: ArrayLike) -> int:
    """Return the number of queries without a drop rate."""
    return int(np.count_nonzero(np.isnan(query_drop_rates(clean, shifted))))


def share_dropped(clean: ArrayLike, shifted: ArrayLike, tau: float = 0.0) -> float:
    """Return the share of queries whose measure drops by more than ``tau``, in units of the measure."""
    before, after = np.asarray(clean, dtype=np.float64), np.asarray(shifted, dtype=np.float64)
    return share(before - after > tau, before, after)


def worst_case(variants: ArrayLike) -> NDArray[np.float64]:
    """Return float64[q], the lowest value over each query's variants.

    Args:
        variants: [q, v]; nan where a query has fewer variants than others. A query without any has nan.
    """
    lowest: NDArray[np.float64] = np.fmin.reduce(np.asarray(variants, dtype=np.float64), axis=-1, initial=np.nan)
    return lowest


def _tail(count: int, percent: float) -> int:
    if not 0 < percent <= 100:
        raise ValueError(f"{percent} percent of the queries; allowed: more than 0, at most 100")
    return math.ceil(count * percent / 100)
