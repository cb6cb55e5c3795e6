"""How often, and how much, a ranker does worse than others: the field's risk-sensitive measures.

Every function takes a value a query, [q], and returns a number; higher is better. nan without queries or with
an undefined value among them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robustrank.measures.defined import mean, ratio, share


def reliability_of_improvement(values: ArrayLike, baseline: ArrayLike) -> float:
    """Return RI = (wins - losses) / queries against a baseline, in [-1, 1].

    Source: Sakai, Manabe, Koyama, "Flexible pseudo-relevance feedback via selective sampling", TALIP 4(2),
    2005; also called the robustness index.
    """
    own, other = np.asarray(values, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    return share(own > other, own, other) - share(own < other, own, other)


def urisk(values: ArrayLike, baseline: ArrayLike, alpha: float = 1.0) -> float:
    """Return URisk_alpha = mean over queries of (1 + alpha if it is a loss else 1) * (value - baseline).

    Source: Wang, Bennett, Collins-Thompson, "Robust ranking models via risk-sensitive optimization", SIGIR
    2012.

    Args:
        values: [q], the ranker's measure of each query.
        baseline: [q], the baseline's.
        alpha: How much more a loss weighs than a gain; 0 gives the difference of means.
    """
    return mean(_weighed(values, baseline, alpha))


def trisk(values: ArrayLike, baseline: ArrayLike, alpha: float = 1.0) -> float:
    """Return TRisk_alpha = URisk_alpha / its standard error; below -2 the risk is hardly chance.

    With alpha = 0 it is the paired t statistic. The standard error takes the sample variance (n - 1), as a t
    statistic does; the script of Benham and Culpepper takes the population's. nan when all queries weigh the
    same.

    Source: Dinçer, Macdonald, Ounis, "Hypothesis testing for the risk-sensitive evaluation of retrieval
    systems", SIGIR 2014.
    """
    weighed = _weighed(values, baseline, alpha)
    if weighed.size < 2 or np.ptp(weighed) == 0:
        return math.nan
    return float(weighed.mean() / (weighed.std(ddof=1) / math.sqrt(weighed.size)))


def zrisk(values: ArrayLike, baselines: ArrayLike, alpha: float = 1.0) -> float:
    """Return ZRisk_alpha against several baselines: the sum of the chi-squared statistic's signed residuals.

    x_sq is the value of system s on query q, S_s, T_q and N are the sums over queries, systems and both;
    e_q = S T_q / N is what the ranker would have on q by its own and the query's level; z_q = (x_q - e_q) /
    sqrt(e_q); ZRisk = sum of z_q > 0 + (1 + alpha) * sum of z_q < 0. The ranker itself is one of the systems.
    A query on which every system has 0 adds nothing.

    Source: Dinçer, Macdonald, Ounis, "Risk-sensitive evaluation and learning to rank using multiple
    baselines", SIGIR 2016.

    Args:
        values: [q], the ranker's measure of each query, not negative.
        baselines: [q, b], that of b baselines.
        alpha: How much more a loss weighs than a gain.

    Raises:
        ValueError: ``baselines`` is not of that shape.
    """
    own = np.asarray(values, dtype=np.float64)
    others = np.asarray(baselines, dtype=np.float64)
    if others.ndim != 2 or len(others) != len(own):
        raise ValueError(f"baselines of shape {others.shape}; allowed: ({len(own)}, number of baselines)")
    query_sums = own + others.sum(axis=1)
    if not own.size or np.isnan(query_sums).any():
        return math.nan
    expected = own.sum() * np.nan_to_num(ratio(query_sums, query_sums.sum()))
    residuals = np.nan_to_num(ratio(own - expected, np.sqrt(expected)))
    return float(_with_alpha(residuals, alpha).sum())


def georisk(values: ArrayLike, baselines: ArrayLike, alpha: float = 1.0) -> float:
    """Return GeoRisk_alpha = sqrt(mean value * Phi(ZRisk_alpha / number of queries)).

    Phi is the distribution function of the standard normal. Source and arguments as in :func:`zrisk`.
    """
    level = mean(values)
    # zrisk is nan without queries; the mean of one value a query is the S / c of the paper.
    risk = zrisk(values, baselines, alpha) / max(1, np.size(values))
    return math.sqrt(level * 0.5 * math.erfc(-risk / math.sqrt(2)))


def _weighed(values: ArrayLike, baseline: ArrayLike, alpha: float) -> NDArray[np.float64]:
    own, other = np.asarray(values, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    return _with_alpha(own - other, alpha)


def _with_alpha(differences: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    return np.where(differences < 0, (1 + alpha) * differences, differences)
