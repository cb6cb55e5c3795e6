"""One-sided confidence bounds on a mean, from independent samples in [0, 1]; pure functions on arrays.

Every lower bound has the same signature: it maps samples and delta to a number L with Pr(mean < L) <= delta. Upper
bounds follow by symmetry, see :func:`upper`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.floating]
Bound = Callable[[Samples, float], float]
Plan = Callable[[NDArray[np.float64], NDArray[np.int64]], NDArray[np.float64]]

CLIP = 0.75  # c of the betting bound: the maximum share of the capital that a bet risks
STEPS = 40  # bisection steps of the betting bound: exact to 2**-40


def hoeffding(samples: Samples, delta: float) -> float:
    """Return the bound estimate - sqrt(ln(1/delta) / 2n) (Hoeffding, JASA 1963, theorem 1).

    Args:
        samples: float[n], independent, in [0, 1].
        delta: The probability that the mean lies below the bound.
    """
    return max(0.0, _mean(samples) - math.sqrt(math.log(1 / delta) / (2 * len(samples))))


def empirical_bernstein(samples: Samples, delta: float) -> float:
    """Return the empirical Bernstein bound (Maurer, Pontil, COLT 2009, theorem 4).

    estimate - sqrt(2 V ln(2/delta) / n) - 7 ln(2/delta) / (3 (n - 1)), V the sample variance (ddof 1). It needs at
    least 2 samples; the bound of a single sample is 0. Arguments as for :func:`hoeffding`.
    """
    count = len(samples)
    if count < 2:
        return 0.0
    log = math.log(2 / delta)
    variance = float(np.var(samples, ddof=1, dtype=np.float64))
    return max(0.0, _mean(samples) - math.sqrt(2 * variance * log / count) - 7 * log / (3 * (count - 1)))


def tightest_lower(bound: str, mean: float, count: int, delta: float) -> float:
    """Return the largest lower bound that ``count`` samples of a mean have: that of equal samples.

    A bettor who risks at most the share c of the capital wins at most the factor 1 + c (mean - m) / m on each of them.
    A lucky order of unequal samples could give a little more, so the betting bounds are cut to this number: a larger
    one can be refused without the samples.

    Args:
        bound: A name of ``BOUNDS``.
        mean: The mean of the samples.
        count: Their number.
        delta: The probability that the true mean lies below the bound.
    """
    if delta <= 0:
        return 0.0
    log = -math.log(delta)
    if bound == "hoeffding":
        return max(0.0, mean - math.sqrt(log / (2 * count)))
    if bound == "empirical-bernstein":
        return max(0.0, mean - 7 * (math.log(2) + log) / (3 * (count - 1))) if count > 1 else 0.0
    return mean * CLIP / (CLIP + math.expm1(min(log / count, 700.0)))


def betting(samples: Samples, delta: float) -> float:
    """Return the betting bound (Waudby-Smith, Ramdas, JRSS-B 2024, arXiv 2010.09686, section 4, one side).

    The capital of a bettor against the mean m is K_t(m) = prod over i <= t of 1 + b_i(m) (x_i - m). If the mean is m, K
    is a nonnegative martingale with K_0 = 1, so it reaches 1/delta with probability at most delta (Ville): the bound is
    the largest m at which it does. The bets b_i(m) = min(b_i, c/m) depend on earlier samples alone, with
    b_i = sqrt(2 ln(1/delta) / (n V_i)), V_i the variance of the samples before i, initialised at 1/4. K decreases in m,
    so the bound is computed by bisection. The bets are planned for n samples: optional stopping is not covered.
    Arguments as for :func:`hoeffding`; the order of the samples matters.
    """
    return float(_bets([samples], lambda seen, count: np.full_like(seen, count), delta)[0])


def sequential(samples: Samples, delta: float) -> float:
    """Return the time-uniform betting bound (Waudby-Smith, Ramdas, 2024, section 4.2).

    As :func:`betting`, with bets that do not depend on the number of samples to come: b_i = sqrt(2 ln(1/delta) / (V_i i
    ln(1 + i))). Optional stopping is covered: the probability that any of the bounds, after any number of samples, lies
    above the mean is at most delta.
    Arguments as for :func:`hoeffding`; the order of the samples matters.
    """
    return float(sequential_bounds([samples], delta)[0])


def sequential_bounds(samples: Sequence[Samples], delta: float, steps: int = STEPS) -> NDArray[np.float64]:
    """Return float64[n], the bound of :func:`sequential` of each of n arrays, computed together.

    With fewer bisection steps they are lower, by at most 2**-steps.
    """
    return _bets(samples, lambda seen, _: seen * np.log1p(seen), delta, steps)


BOUNDS: dict[str, Bound] = {
    "hoeffding": hoeffding,
    "empirical-bernstein": empirical_bernstein,
    "betting": betting,
    "sequential": sequential,
}

PAPER = "paper"
PAPER_DELTA = 0.05


def upper(bound: Bound, samples: Samples, delta: float) -> float:
    """Return the number U with Pr(mean > U) <= delta: one minus the lower bound of one minus the samples."""
    return 1 - bound(1 - np.asarray(samples, dtype=np.float64), delta)


def paper_term(count: int) -> float:
    """Return the sampling term of the published CertDR evaluation: 2 sqrt(ln(2/0.05) / 2n).

    It covers the pair (K, K+1) alone, so it is not a valid bound at 1 - alpha for a list: for comparison only.
    """
    return 2 * math.sqrt(math.log(2 / PAPER_DELTA) / (2 * count))


def _mean(samples: Samples) -> float:
    return float(np.mean(samples, dtype=np.float64))


def _variances_before(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64[n, N], the variance of the samples of each row before each, initialised at 1/4."""
    seen = np.arange(1, x.shape[1] + 1)
    means = (0.5 + np.cumsum(x, axis=1)) / (seen + 1)
    variances = (0.25 + np.cumsum((x - means) ** 2, axis=1)) / (seen + 1)
    return np.concatenate([np.full((len(x), 1), 0.25), variances[:, :-1]], axis=1)


def _bets(samples: Sequence[Samples], plan: Plan, delta: float, steps: int = STEPS) -> NDArray[np.float64]:
    """Return float64[n], the largest mean against which the capital of each of n bettors reaches 1 / delta.

    By bisection, and cut to :func:`tightest_lower`.

    Args:
        samples: n arrays, of any lengths.
        plan: The divisor of the variance in a squared bet, from the number of the sample and that of all samples.
        delta: The probability that a mean lies below its bound.
        steps: Of the bisection.
    """
    counts = np.array([[len(of_one)] for of_one in samples])
    seen = np.arange(1, int(counts.max()) + 1, dtype=np.float64)
    x = np.zeros((len(samples), len(seen)))
    for row, of_one in zip(x, samples, strict=True):
        row[: len(of_one)] = of_one
    bets = np.sqrt(2 * math.log(1 / delta) / (plan(seen, counts) * _variances_before(x)))
    bets[seen > counts] = 0.0  # nothing is bet where a row has ended
    low, high = np.zeros(len(x)), np.ones(len(x))
    for _ in range(steps):
        middle = (low + high) / 2
        capital = np.log1p(np.minimum(bets, CLIP / middle[:, None]) * (x - middle[:, None]))
        is_refuted = np.cumsum(capital, axis=1).max(axis=1) >= math.log(1 / delta)
        low, high = np.where(is_refuted, middle, low), np.where(is_refuted, high, middle)
    tightest = [tightest_lower("betting", _mean(of_one), len(of_one), delta) for of_one in samples]
    return np.minimum(low, tightest)
