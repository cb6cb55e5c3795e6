"""Risk measures against hand computations, scipy, and the paper's symbols written out cell by cell."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from robustrank.measures.risk import georisk, reliability_of_improvement, trisk, urisk, zrisk

OWN = np.array([0.6, 0.2, 0.5, 0.5])
BASE = np.array([0.4, 0.5, 0.5, 0.1])  # differences +.2, -.3, 0, +.4


def test_reliability_of_improvement_counts_wins_less_losses() -> None:
    assert reliability_of_improvement(OWN, BASE) == pytest.approx((2 - 1) / 4)
    assert reliability_of_improvement(BASE, OWN) == pytest.approx(-1 / 4)
    assert reliability_of_improvement(OWN, OWN) == 0.0
    assert math.isnan(reliability_of_improvement([], []))
    assert math.isnan(reliability_of_improvement([0.1, float("nan")], [0.1, 0.1]))


def test_urisk_weighs_losses() -> None:
    assert urisk(OWN, BASE, alpha=0) == pytest.approx(OWN.mean() - BASE.mean())
    assert urisk(OWN, BASE, alpha=1) == pytest.approx((0.6 - 2 * 0.3) / 4)
    assert urisk(OWN, BASE, alpha=5) == pytest.approx((0.6 - 6 * 0.3) / 4)
    assert math.isnan(urisk([], []))


def test_trisk_is_the_t_statistic_of_the_weighed_differences() -> None:
    assert trisk(OWN, BASE, alpha=0) == pytest.approx(stats.ttest_rel(OWN, BASE).statistic)
    assert trisk(OWN, BASE, alpha=1) == pytest.approx(stats.ttest_1samp([0.2, -0.6, 0, 0.4], 0).statistic)
    assert math.isnan(trisk(OWN, OWN))
    assert math.isnan(trisk([0.5], [0.1]))
    assert math.isnan(trisk([], []))


def by_the_papers_symbols(x: np.ndarray, i: int, alpha: float) -> tuple[float, float]:
    """ZRisk and GeoRisk of system i of x[systems, queries], one cell of the table after the other."""
    systems, c = x.shape
    total = sum(x[s, q] for s in range(systems) for q in range(c))
    z_risk = 0.0
    for q in range(c):
        expected = sum(x[i]) * sum(x[s, q] for s in range(systems)) / total
        if expected > 0:
            z = (x[i, q] - expected) / math.sqrt(expected)
            z_risk += z if z >= 0 else (1 + alpha) * z
    return z_risk, math.sqrt(sum(x[i]) / c * stats.norm.cdf(z_risk / c))


@pytest.mark.parametrize("alpha", [0.0, 1.0, 5.0])
def test_zrisk_and_georisk_are_the_papers(alpha: float) -> None:
    table = np.random.default_rng(5).beta(1, 2, size=(4, 30))
    table[:, 7] = 0  # a query on which every system fails
    for system in range(4):
        others = np.delete(table, system, axis=0).T
        expected_z, expected_geo = by_the_papers_symbols(table, system, alpha)
        assert zrisk(table[system], others, alpha) == pytest.approx(expected_z)
        assert georisk(table[system], others, alpha) == pytest.approx(expected_geo)


def test_zrisk_of_two_systems_by_hand() -> None:
    # Sums: own 1, baseline 1, queries 1 and 1, total 2; expected .5 and .5.
    z = 0.3 / math.sqrt(0.5)
    assert zrisk([0.8, 0.2], [[0.2], [0.8]], alpha=0) == pytest.approx(0.0)
    assert zrisk([0.8, 0.2], [[0.2], [0.8]], alpha=1) == pytest.approx(z - 2 * z)
    # A ranker that is better by one factor everywhere bears no risk: Phi(0) is one half.
    assert zrisk([0.8, 0.4], [[0.4], [0.2]]) == pytest.approx(0.0)
    assert georisk([0.8, 0.4], [[0.4], [0.2]]) == pytest.approx(math.sqrt(0.6 / 2))


def test_georisk_prefers_the_even_ranker_of_two_with_one_mean() -> None:
    baseline = np.full((10, 1), 0.4)
    even, uneven = np.full(10, 0.4), np.array([0.8, 0.0] * 5)
    assert georisk(even, baseline) > georisk(uneven, baseline)


def test_a_ranker_that_always_fails_has_georisk_zero_and_no_queries_have_none() -> None:
    assert georisk([0.0, 0.0], [[0.5], [0.5]]) == 0.0
    assert georisk([0.0, 0.0], [[0.0], [0.0]]) == 0.0
    assert math.isnan(georisk([], np.zeros((0, 2))))
    assert math.isnan(georisk([0.5, float("nan")], [[0.5], [0.5]]))


def test_baselines_of_the_wrong_shape_are_refused() -> None:
    for baselines in (np.zeros((3, 4)).T.reshape(3, 4), np.zeros(4)):
        with pytest.raises(ValueError, match="shape"):
            zrisk(OWN, baselines)
