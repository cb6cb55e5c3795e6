"""Statistical significance: a paired permutation test, bootstrap intervals, Holm's correction.

Ours, because ranx's randomisation test is not reproducible for a fixed seed, gives nan for equal runs and corrects
nothing. Units are queries, or documents that share queries: then the query of each is its cluster, since documents of
the same query are not independent.
"""

from __future__ import annotations

import contextlib
import math
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_BLOCK = 1 << 20  # random numbers per block: 8 MB


@dataclass(frozen=True, eq=False)
class _Draws:
    """Random integers in [0, below), drawn for many rounds at once.

    Attributes:
        numbers: int64[rounds, count].
        below: How many different ones there may be.
    """

    numbers: NDArray[np.int64]
    below: int

    @cached_property
    def floats(self) -> NDArray[np.float64]:
        """The numbers, as they are multiplied."""
        return self.numbers.astype(np.float64)

    @cached_property
    def multiplicities(self) -> NDArray[np.float64]:
        """How often each integer was drawn in each round: [rounds, below]."""
        rounds = len(self.numbers)
        places = self.numbers + self.below * np.arange(rounds)[:, None]
        counts = np.bincount(places.ravel(), minlength=rounds * self.below)
        return counts.reshape(rounds, -1).astype(np.float64)


_Evaluate = Callable[[_Draws], NDArray[np.float64]]  # sampled queries -> a statistic for each round


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
        a: [n], a measure of each unit under the first system.
        b: [n], the same units under the second system.
        rng: Not used when p is exact.
        rounds: Patterns drawn.
        clusters: The n labels of the units' clusters; a cluster's differences change sign together.

    Returns:
        1 when no unit differs. Units that are undefined (nan) under either system are excluded; nan when none remains.
    """
    differences = _differences(a, b, clusters)
    if not len(differences):
        return math.nan
    differences = differences[differences != 0]  # a zero difference is the same under either sign
    # Equal sums in a different order differ by rounding, and must count as equal.
    observed = abs(float(differences.sum())) - 1e-12 * float(np.abs(differences).sum())
    count = len(differences)
    if 2**count <= rounds:
        patterns = ((np.arange(2**count)[:, None] >> np.arange(count)) & 1).astype(np.float64)
        return float(np.mean(_flipped(differences, patterns) >= observed))
    extreme = sum(
        int(np.count_nonzero(_flipped(differences, patterns.floats) >= observed))
        for patterns in _blocks(rng, 2, rounds, count)
    )
    return (1 + extreme) / (1 + rounds)


@dataclass(frozen=True)
class Run:
    """The measurements of a seed.

    Attributes:
        arrays: One or more arrays [n], an entry per unit.
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
    """Return an interval, over queries and seeds, of the mean over seeds of a statistic.

    Queries are drawn with replacement, with all their units, the same under every seed: a percentile bootstrap. Several
    seeds widen it about the figure, by what their own differences add to its variance and by the t quantile of as few
    as they are; see :func:`_widening`. Drawing seeds with replacement as well, as the pigeonhole bootstrap does (Owen,
    Annals of Applied Statistics 1(2), 2007), shows (k - 1) / k of the variance of k seeds, and covers too rarely. Seeds
    that agree leave the interval over queries.

    Args:
        runs: The measurements of each seed; the units may differ from seed to seed.
        statistic: Maps the arrays of a run to a number, nan where it is undefined.
        rng: Draws the queries.
        rounds: Resamples.
        level: The confidence, in (0, 1).
        of_means: The statistic takes the means of the arrays instead, of any shape: a hundred times as fast.

    Returns:
        (low, high); (nan, nan) with fewer than two queries, or where the statistic is undefined under some seed or
        in more than 1 - ``level`` of the resamples.
    """
    names = sorted({query for run in runs for query in run.queries})
    if len(names) < 2:
        return math.nan, math.nan
    resampler = _means_resampler if of_means else _units_resampler
    evaluators = [resampler(run, names, statistic) for run in runs]
    every = _Draws(np.arange(len(names))[None], len(names))
    figures = np.array([evaluate(every)[0] for evaluate in evaluators])
    if np.isnan(figures).any():
        return math.nan, math.nan
    blocks = _blocks(rng, len(names), rounds, len(names))
    values = np.concatenate([np.stack([evaluate(sampled) for evaluate in evaluators], axis=1) for sampled in blocks])
    values = values[~np.isnan(values).any(axis=1)]
    if len(values) < level * rounds:
        return math.nan, math.nan
    ends = np.quantile(values.mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    if len(runs) > 1:
        factor, half = _widening(values, figures, len(names), level)
        figure = figures.mean()
        ends = figure + (factor * (ends - figure) if factor else np.array([-half, half]))
    return float(ends[0]), float(ends[1])


def _widening(
    values: NDArray[np.float64], figures: NDArray[np.float64], queries: int, level: float
) -> tuple[float, float]:
    """Return by what an interval over queries has to be widened for seeds, and half the width of one for both.

    With q the variance of the mean over seeds when queries are drawn, s that of the mean of as many seeds, and e the
    part of both that is the seeds' and queries' own, the variance is q + s - e, and not below q or s: the method of
    moments for two crossed random factors, as in Searle, Casella, McCulloch, Variance Components, 1992, section 4.3,
    with Satterthwaite's degrees of freedom. The first is 0 where queries do not matter.

    Args:
        values: [rounds, S], the statistic of each seed on the drawn queries.
        figures: [S], that on all queries.
        queries: How many there are.
        level: The confidence.
    """
    from scipy.special import stdtrit  # what scipy.stats.t.ppf is, whose import takes a second

    seeds, unbiased = len(figures), queries / (queries - 1)
    q = float(values.mean(axis=1).var()) * unbiased
    s = float(figures.var(ddof=1)) / seeds
    e = max(0.0, (float(values.var(axis=0).mean()) * unbiased - q) / (seeds - 1))
    if e < min(q, s):
        variance = q + s - e
        parts = q**2 / (queries - 1) + s**2 / (seeds - 1) + e**2 / ((queries - 1) * (seeds - 1))
        freedom = max(1.0, variance**2 / parts)
    else:
        variance, freedom = (q, queries - 1) if q >= s else (s, seeds - 1)
    quantile, of_queries = stdtrit([freedom, queries - 1], (1 + level) / 2)
    half = float(quantile * math.sqrt(variance))
    matters = q > 1e-12 * s  # beyond rounding
    return (half / float(of_queries * math.sqrt(q)) if matters else 0.0), half


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return float64[m], p-values adjusted for the family they form, by Holm's step-down method.

    Undefined p-values (nan) stay nan and are not counted: no test was done.

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


def _flipped(differences: NDArray[np.float64], patterns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return |sum of differences| for each row of signs, 1 for an unchanged sign and 0 for a changed sign."""
    sums: NDArray[np.float64] = np.abs(2 * (patterns @ differences) - differences.sum())
    return sums


def _blocks(rng: np.random.Generator, below: int, rounds: int, count: int) -> Iterator[_Draws]:
    """Yield random integers in [0, below), so many in each round, in blocks of rounds.

    A report asks for the same draws of equal generators for each of its figures: the last ones are kept.
    """
    rows = max(1, _BLOCK // count)
    for start in range(0, rounds, rows):
        drawn, rng.bit_generator.state = _drawn(pickle.dumps(rng), below, min(rows, rounds - start), count)
        yield drawn


@lru_cache(maxsize=8)
def _drawn(generator: bytes, below: int, rows: int, count: int) -> tuple[_Draws, Mapping[str, Any]]:
    """Return a block, and the state of the generator (as a pickle) after it."""
    rng: np.random.Generator = pickle.loads(generator)
    drawn = rng.integers(below, size=(rows, count))
    drawn.setflags(write=False)
    return _Draws(drawn, below), rng.bit_generator.state


def _units_resampler(run: Run, names: Sequence[str], statistic: Callable[..., Any]) -> _Evaluate:
    """Return a function that evaluates the statistic on the units of sampled queries.

    All resamples are evaluated at once where queries have equally many units and the statistic takes them as rows,
    which is tried; else one at a time.
    """
    numbers = np.searchsorted(names, np.asarray(run.queries, dtype=str))
    arrays = [array[np.argsort(numbers, kind="stable")] for array in run.arrays]
    counts = np.bincount(numbers, minlength=len(names))
    starts = np.cumsum(counts) - counts

    def evaluate(sampled: NDArray[np.int64]) -> float:
        sizes = counts[sampled]
        before = np.cumsum(sizes) - sizes
        rows = np.arange(sizes.sum()) + np.repeat(starts[sampled] - before, sizes)
        return float(statistic(*(array[rows] for array in arrays))) if len(rows) else math.nan

    def evaluate_rows(block: _Draws) -> NDArray[np.float64]:
        rows = (starts[block.numbers][..., None] + np.arange(counts[0])).reshape(len(block.numbers), -1)
        return np.asarray(statistic(*(array[rows] for array in arrays)), dtype=np.float64)

    def one_by_one(block: _Draws) -> NDArray[np.float64]:
        return np.array([evaluate(sampled) for sampled in block.numbers])

    if len(set(counts.tolist())) > 1 or not counts[0]:
        return one_by_one
    every = np.arange(len(names))
    trial = _Draws(np.stack([every, every[::-1], np.zeros_like(every)]), len(names))
    with contextlib.suppress(ValueError, TypeError, IndexError):  # a statistic need not know rows
        rows, single = evaluate_rows(trial), one_by_one(trial)
        if rows.shape == single.shape and np.allclose(rows, single, rtol=1e-12, atol=1e-14, equal_nan=True):
            return evaluate_rows
    return one_by_one


def _means_resampler(run: Run, names: Sequence[str], statistic: Callable[..., Any]) -> _Evaluate:
    """Return a function that evaluates the statistic on means over sampled queries, all resamples at once."""
    numbers = np.searchsorted(names, np.asarray(run.queries, dtype=str))
    counted = [np.ones(len(numbers)), *run.arrays]
    sums = np.stack([np.bincount(numbers, weights=array, minlength=len(names)) for array in counted], axis=1)

    def evaluate(block: _Draws) -> NDArray[np.float64]:
        counts, *totals = (block.multiplicities @ sums).T
        with np.errstate(invalid="ignore"):  # no unit was sampled: undefined
            return np.asarray(statistic(*(total / counts for total in totals)), dtype=np.float64)

    return evaluate


@cache
def clopper_pearson(count: int, number: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a share of independent units (Clopper and Pearson, Biometrika 26(4), 1934).

    Args:
        count: The units that have what is counted.
        number: All units, 1 or more.
        level: The confidence, in (0, 1).

    Returns:
        (low, high), in [0, 1].
    """
    from scipy.special import betaincinv  # what scipy.stats.beta.ppf is, whose import takes a second

    tail = (1 - level) / 2
    low = 0.0 if count == 0 else float(betaincinv(count, number - count + 1, tail))
    high = 1.0 if count == number else float(betaincinv(count + 1, number - count, 1 - tail))
    return low, high
