"""What is chance and what is not: a paired permutation test, bootstrap intervals, Holm's correction.

Ours, because ranx's randomisation test does not repeat for a fixed seed, gives nan for equal runs and
corrects nothing. Units are queries, or documents that share queries: then name the query of each as its
cluster, since documents of one query rise and fall together and are no independent evidence.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

_BLOCK = 1 << 20  # numbers drawn at once: 8 MB of them

_Taker = Callable[[NDArray[np.int64]], NDArray[np.float64]]  # drawn queries [rounds, n] -> a statistic each [rounds]


def paired_permutation_test(
    a: ArrayLike,
    b: ArrayLike,
    rng: np.random.Generator,
    rounds: int = 10_000,
    clusters: Sequence[str] | None = None,
) -> float:
    """Return the two-sided p of Fisher's paired randomisation test of the difference of means.

    Under the null hypothesis the sign of each unit's difference is a coin toss. All sign patterns are counted
    when they are no more than ``rounds`` (13 units that differ, at the default), and p is exact; otherwise
    ``rounds`` patterns are drawn and p = (1 + as extreme) / (1 + rounds), never 0 (Phipson and Smyth, 2010).

    Args:
        a: [n], a measure of each unit under one system.
        b: [n], the same units under the other.
        rng: Not used when p is exact.
        rounds: Patterns drawn.
        clusters: The n labels of the units' clusters; a cluster's differences change sign together.

    Returns:
        1 when no unit differs. Units undefined (nan) under either system are left out; nan when none is left.
    """
    differences = _differences(a, b, clusters)
    if not len(differences):
        return math.nan
    differences = differences[differences != 0]  # a unit without a difference is the same under either sign
    # Sums of equal sizes in another order differ by rounding, and have to count as equal.
    observed = abs(float(differences.sum())) - 1e-12 * float(np.abs(differences).sum())
    count = len(differences)
    if 2**count <= rounds:
        patterns = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
        return float(np.mean(_flipped(differences, patterns) >= observed))
    extreme = sum(
        int(np.count_nonzero(_flipped(differences, patterns) >= observed))
        for patterns in _blocks(rng, 2, rounds, count)
    )
    return (1 + extreme) / (1 + rounds)


def bootstrap_interval(
    arrays: Sequence[ArrayLike],
    statistic: Callable[..., Any],
    rng: np.random.Generator,
    rounds: int = 2000,
    level: float = 0.95,
    method: Literal["percentile", "bca"] = "percentile",
    clusters: Sequence[str] | None = None,
    vectorized: bool = False,
) -> tuple[float, float]:
    """Return a bootstrap confidence interval of ``statistic(*arrays)``.

    Units are drawn with replacement, the same for all arrays, so that paired differences and ratios of means
    work.

    Args:
        arrays: One or more arrays of one length n along their first axis, a unit an entry.
        statistic: Takes the arrays and returns a number, or nan where it is undefined.
        rng: Draws the resamples.
        rounds: Resamples.
        level: The confidence, in (0, 1).
        method: ``percentile``, or ``bca``: bias-corrected and accelerated (Efron, JASA 1987), which takes the
            statistic once more for each unit.
        clusters: The n labels of the units' clusters; whole clusters are drawn then.
        vectorized: The statistic takes ``axis=`` and arrays [..., n], as ``np.mean`` does: twenty times as
            fast on a few hundred units without clusters.

    Returns:
        (low, high). (nan, nan) where no interval can be stated: fewer than two units (or clusters), an
        undefined statistic, more than 1 - ``level`` of the resamples undefined (fewer are left out), or, with
        ``bca``, a statistic that is undefined without one of the units or outside all its resamples.

    Raises:
        ValueError: The lengths differ, there is no such method, or ``level`` is not in (0, 1).
    """
    if method not in ("percentile", "bca") or not 0 < level < 1:
        raise ValueError(f"method {method!r} at level {level}; allowed: percentile or bca, between 0 and 1")
    statistic = functools.partial(statistic, axis=-1) if vectorized else statistic
    groups, value = _resampler([np.asarray(array) for array in arrays], statistic, clusters)
    estimate = float(value(np.arange(groups))) if groups > 1 else math.nan
    if math.isnan(estimate):
        return math.nan, math.nan
    if vectorized and clusters is None:
        resampled = np.concatenate([value(drawn) for drawn in _blocks(rng, groups, rounds, groups)])
    else:
        resampled = np.array([value(rng.integers(groups, size=groups)) for _ in range(rounds)])
    resampled = resampled[~np.isnan(resampled)]
    if len(resampled) < level * rounds:
        return math.nan, math.nan
    tails = _tails(level)
    if method == "bca":
        jackknife = np.array([value(np.delete(np.arange(groups), i)) for i in range(groups)])
        tails = _bca_tails(tails, estimate, resampled, jackknife)
    if np.isnan(tails).any():
        return math.nan, math.nan
    low, high = np.quantile(resampled, tails)
    return float(low), float(high)


@dataclass(frozen=True)
class Run:
    """What one seed measured.

    Attributes:
        arrays: One or more arrays [n], an entry a unit.
        queries: The n queries of the units.
    """

    arrays: Sequence[NDArray[np.float64]]
    queries: Sequence[str]


def seeded_interval(
    runs: Sequence[Run],
    statistic: Callable[..., Any],
    rng: np.random.Generator,
    rounds: int = 2000,
    level: float = 0.95,
    of_means: bool = False,
) -> tuple[float, float]:
    """Return a percentile bootstrap interval, over queries and seeds, of the mean over seeds of a statistic.

    Queries and seeds are drawn with replacement, each independently of the other: a resample has the same drawn
    queries, with all their units, under every drawn seed. Resampling both ways does not understate the variance
    of a two-way mean the way resampling queries alone does (Owen, "The pigeonhole bootstrap", Annals of Applied
    Statistics 1(2), 2007), but few seeds still say little: k of them show (k - 1) / k of their variance. Seeds
    that agree leave the interval over queries.

    Args:
        runs: What each seed measured; the units may differ from seed to seed.
        statistic: Takes the arrays of a run and returns a number, nan where it is undefined.
        rng: Draws the queries, then the seeds.
        rounds: Resamples.
        level: The confidence, in (0, 1).
        of_means: The statistic takes the means of the arrays instead, of any one shape: a hundred times as fast.

    Returns:
        (low, high); (nan, nan) with fewer than two queries, or where the statistic is undefined under some seed or
        in more than 1 - ``level`` of the resamples.
    """
    names = sorted({query for run in runs for query in run.queries})
    if len(names) < 2:
        return math.nan, math.nan
    evaluate = _means_resampled if of_means else _units_resampled
    takers = [evaluate(run, names, statistic) for run in runs]
    if any(math.isnan(taker(np.arange(len(names))[None])[0]) for taker in takers):
        return math.nan, math.nan
    blocks = _blocks(rng, len(names), rounds, len(names))
    values = np.concatenate([np.stack([taker(drawn) for taker in takers], axis=1) for drawn in blocks])
    if len(runs) > 1:
        values = np.take_along_axis(values, rng.integers(len(runs), size=values.shape), axis=1)
    resampled = values.mean(axis=1)
    resampled = resampled[~np.isnan(resampled)]
    if len(resampled) < level * rounds:
        return math.nan, math.nan
    low, high = np.quantile(resampled, _tails(level))
    return float(low), float(high)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return float64[m], p-values adjusted for the family they form, by Holm's step-down method.

    Undefined p-values (nan) stay so and are not counted: no test was made.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 1979.
    """
    values = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(values.shape, np.nan)
    order = np.argsort(values, kind="stable")[: np.count_nonzero(~np.isnan(values))]
    weighted = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(weighted))
    return adjusted


def _differences(a: ArrayLike, b: ArrayLike, clusters: Sequence[str] | None) -> NDArray[np.float64]:
    """Return the defined differences a - b of units, or their sums over clusters."""
    differences = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    defined = ~np.isnan(differences)
    if clusters is None:
        return differences[defined]
    inverse = np.unique(np.asarray(clusters)[defined], return_inverse=True)[1]
    return np.bincount(inverse, weights=differences[defined]).astype(np.float64)


def _flipped(differences: NDArray[np.float64], patterns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return |sum of differences| for each row of signs, 1 for a kept sign and 0 for a changed one."""
    sums: NDArray[np.float64] = np.abs(2 * (patterns @ differences) - differences.sum())
    return sums


def _blocks(rng: np.random.Generator, below: int, rounds: int, count: int) -> Iterator[NDArray[np.int64]]:
    """Yield int64[rounds, count] of random numbers 0 … below - 1, a block of rounds at a time."""
    rows = max(1, _BLOCK // count)
    for start in range(0, rounds, rows):
        yield rng.integers(below, size=(min(rows, rounds - start), count))


def _resampler(
    data: Sequence[NDArray[Any]], statistic: Callable[..., Any], clusters: Sequence[str] | None
) -> tuple[int, Callable[[NDArray[np.int64]], Any]]:
    """Return the number of units (or clusters), and the statistic of any of them, given by their numbers."""
    lengths = {len(array) for array in data} | (set() if clusters is None else {len(clusters)})
    if len(lengths) != 1:
        raise ValueError(f"arrays and clusters of lengths {sorted(lengths)}; allowed: one length")
    if clusters is None:
        return lengths.pop(), lambda drawn: statistic(*(array[drawn] for array in data))
    _, inverse, counts = np.unique(np.asarray(clusters), return_inverse=True, return_counts=True)
    members = np.split(np.argsort(inverse, kind="stable"), np.cumsum(counts)[:-1])

    def value(drawn: NDArray[np.int64]) -> Any:
        rows = np.concatenate([members[i] for i in drawn])
        return statistic(*(array[rows] for array in data))

    return len(counts), value


def _units_resampled(run: Run, names: Sequence[str], statistic: Callable[..., Any]) -> _Taker:
    """Return what takes the statistic of the units of drawn queries, [rounds, drawn], one resample at a time."""
    numbers = np.searchsorted(names, np.asarray(run.queries, dtype=str))
    arrays = [array[np.argsort(numbers, kind="stable")] for array in run.arrays]
    counts = np.bincount(numbers, minlength=len(names))
    starts = np.cumsum(counts) - counts

    def one(drawn: NDArray[np.int64]) -> float:
        sizes = counts[drawn]
        before = np.cumsum(sizes) - sizes
        rows = np.arange(sizes.sum()) + np.repeat(starts[drawn] - before, sizes)
        return float(statistic(*(array[rows] for array in arrays))) if len(rows) else math.nan

    return lambda blocks: np.array([one(drawn) for drawn in blocks])


def _means_resampled(run: Run, names: Sequence[str], statistic: Callable[..., Any]) -> _Taker:
    """Return what takes the statistic of the means over drawn queries, [rounds, drawn], all resamples at once."""
    numbers = np.searchsorted(names, np.asarray(run.queries, dtype=str))
    counted = [np.ones(len(numbers)), *run.arrays]
    sums = np.stack([np.bincount(numbers, weights=array, minlength=len(names)) for array in counted], axis=1)

    def all_of(blocks: NDArray[np.int64]) -> NDArray[np.float64]:
        rounds = len(blocks)
        places = blocks + len(names) * np.arange(rounds)[:, None]
        times = np.bincount(places.ravel(), minlength=rounds * len(names)).reshape(rounds, -1)
        counts, *totals = (times @ sums).T
        with np.errstate(invalid="ignore"):  # no unit was drawn: undefined
            return np.asarray(statistic(*(total / counts for total in totals)), dtype=np.float64)

    return all_of


def _tails(level: float) -> NDArray[np.float64]:
    return np.array([(1 - level) / 2, (1 + level) / 2])


def _bca_tails(
    tails: NDArray[np.float64], estimate: float, resampled: NDArray[Any], jackknife: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the quantiles of the resamples that BCa takes instead of ``tails``; nan where there are none."""
    from scipy.special import ndtr, ndtri  # imported here: most uses of this module need no scipy

    if np.ptp(resampled) == 0:
        return tails
    below = (np.count_nonzero(resampled < estimate) + np.count_nonzero(resampled <= estimate)) / 2
    bias = ndtri(below / len(resampled))
    if not math.isfinite(bias):
        return np.full(2, np.nan)
    deviations = jackknife.mean() - jackknife
    squares = float((deviations**2).sum())
    acceleration = float((deviations**3).sum()) / (6 * squares**1.5) if squares else 0.0
    shifted = bias + ndtri(tails)
    return np.asarray(ndtr(bias + shifted / (1 - acceleration * shifted)), dtype=np.float64)
