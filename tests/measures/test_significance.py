"""Tests and intervals against scipy, hand computations and simulation; one seed gives one answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from robustrank.measures.robustness import drop_rate
from robustrank.measures.significance import bootstrap_interval, holm, paired_permutation_test

NAN = float("nan")


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.mean(a - b))


# The permutation test.


def test_the_exact_p_by_hand() -> None:
    # Differences 1, 2, 3: |sum| = 6 for two of the eight sign patterns.
    assert paired_permutation_test([1, 2, 3], [0, 0, 0], rng()) == 2 / 8
    # Differences 1, 1, -1: every pattern has |sum| of at least 1.
    assert paired_permutation_test([1, 1, 0], [0, 0, 1], rng()) == 1.0
    # Tenths do not add up exactly in floating point; the patterns still count as equally extreme.
    assert paired_permutation_test([0.1, 0.2, 0.3], [0, 0, 0], rng()) == 2 / 8


def test_identical_systems_have_p_one_and_no_units_have_none() -> None:
    values = rng().random(40)
    assert paired_permutation_test(values, values, rng()) == 1.0
    assert paired_permutation_test([0.5], [0.5], rng()) == 1.0
    assert paired_permutation_test([0.5], [0.1], rng()) == 1.0  # one query proves nothing
    assert math.isnan(paired_permutation_test([], [], rng()))
    assert math.isnan(paired_permutation_test([NAN, 1.0], [1.0, NAN], rng()))


@pytest.mark.parametrize("n", [5, 12])
def test_the_exact_p_is_scipys(n: int) -> None:
    a, b = rng(n).random(n), rng(n + 1).random(n) * 0.8
    theirs = stats.permutation_test((a, b), difference, permutation_type="samples", n_resamples=np.inf)
    assert paired_permutation_test(a, b, rng()) == pytest.approx(theirs.pvalue)


def test_the_drawn_p_is_near_scipys_and_repeats() -> None:
    a = rng(4).random(60)
    b = a + rng(5).normal(0.02, 0.1, 60)
    ours = paired_permutation_test(a, b, rng(6))
    theirs = stats.permutation_test(
        (a, b),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        rng=rng(7),
    )
    assert ours == pytest.approx(theirs.pvalue, abs=0.02)
    assert ours == paired_permutation_test(a, b, rng(6))
    assert paired_permutation_test(b, a, rng(6)) == ours


def test_the_drawn_p_is_never_zero() -> None:
    assert paired_permutation_test(np.ones(50), np.zeros(50), rng(), rounds=999) == pytest.approx(1 / 1000)


def test_equal_units_and_undefined_units_change_nothing() -> None:
    a, b = [1.0, 2.0, 3.0, NAN, 0.5], [0.0, 0.0, 0.0, 0.5, NAN]
    ties = [0.4] * 40
    assert paired_permutation_test(a + ties, b + ties, rng()) == 2 / 8


def test_drawing_in_blocks_leaves_no_round_out() -> None:
    differences = rng(8).normal(0.0, 1.0, 30_000)  # 139 patterns a block
    p = paired_permutation_test(differences, np.zeros(30_000), rng(9), rounds=300)
    assert (p * 301) == pytest.approx(round(p * 301))
    assert p == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, abs=0.1)


def test_documents_of_one_query_change_sign_together() -> None:
    queries = ["q1"] * 4 + ["q2"] * 4 + ["q3"] * 4
    p = paired_permutation_test(np.ones(12), np.zeros(12), rng(), clusters=queries)
    assert p == 2 / 8  # three queries of equal sign, not twelve documents
    assert paired_permutation_test(np.ones(12), np.zeros(12), rng()) == 2 / 2**12


def test_under_the_null_p_is_below_five_percent_about_five_percent_of_the_time() -> None:
    draws = rng(10)
    p = [paired_permutation_test(draws.random(20), draws.random(20), draws, rounds=200) for _ in range(400)]
    assert 0.02 < np.mean(np.array(p) <= 0.05) < 0.085


# The bootstrap.


def test_the_percentile_interval_is_near_scipys_and_repeats() -> None:
    values = rng(2).exponential(size=50)
    ours = bootstrap_interval([values], np.mean, rng(3), rounds=4000)
    theirs = stats.bootstrap((values,), np.mean, method="percentile", rng=rng(4)).confidence_interval
    assert ours == pytest.approx(tuple(theirs), abs=0.02)
    assert ours == bootstrap_interval([values], np.mean, rng(3), rounds=4000)


def test_the_bca_interval_of_a_skewed_statistic_is_scipys() -> None:
    values = rng(5).exponential(size=25)
    ours = bootstrap_interval([values], np.var, rng(7), rounds=40_000, method="bca", vectorized=True)
    theirs = stats.bootstrap((values,), np.var, method="BCa", n_resamples=40_000, rng=rng(8)).confidence_interval
    percentile = bootstrap_interval([values], np.var, rng(7), rounds=40_000, vectorized=True)
    assert ours == pytest.approx(tuple(theirs), rel=0.03)
    assert all(b > 1.07 * p for b, p in zip(ours, percentile, strict=True))


def test_the_bca_interval_of_a_paired_statistic_is_near_scipys() -> None:
    clean = rng(5).beta(2, 2, 60)
    attacked = clean * rng(6).random(60)
    ours = bootstrap_interval([clean, attacked], drop_rate, rng(7), rounds=4000, method="bca")
    theirs = stats.bootstrap(
        (clean, attacked),
        drop_rate,
        paired=True,
        vectorized=False,
        method="BCa",
        n_resamples=4000,
        rng=rng(8),
    ).confidence_interval
    assert ours == pytest.approx(tuple(theirs), abs=0.015)
    percentile = bootstrap_interval([clean, attacked], drop_rate, rng(7), rounds=4000)
    assert ours != percentile
    assert percentile[0] < drop_rate(clean, attacked) < percentile[1]


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_a_vectorized_statistic_gives_the_same_interval(method: str) -> None:
    values = rng(2).exponential(size=300)
    for clusters in (None, [f"q{i // 3}" for i in range(300)]):
        plain, fast = (
            bootstrap_interval([values], np.mean, rng(3), 6000, 0.95, method, clusters, vectorized=v)  # type: ignore[arg-type]
            for v in (False, True)
        )
        assert fast == pytest.approx(plain, abs=0.02)
    paired = bootstrap_interval(
        [values, 2 * values], lambda a, b, axis: np.sum(a, axis) / np.sum(b, axis), rng(), vectorized=True
    )
    assert paired == pytest.approx((0.5, 0.5))


def test_units_are_drawn_jointly() -> None:
    a = rng(9).random(30)
    low, high = bootstrap_interval([a, a + 0.25], difference, rng(), rounds=200)
    assert (low, high) == pytest.approx((-0.25, -0.25))


def test_a_level_is_a_level() -> None:
    values = rng(1).random(40)
    wide, narrow = (bootstrap_interval([values], np.mean, rng(2), level=level) for level in (0.99, 0.5))
    assert wide[0] < narrow[0] < values.mean() < narrow[1] < wide[1]


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    draws, covered = rng(12), 0
    for _ in range(300):
        low, high = bootstrap_interval([draws.normal(1.0, 1.0, 40)], np.mean, draws, rounds=200, level=0.9)
        covered += low <= 1.0 <= high
    assert 0.81 < covered / 300 < 0.93  # 0.865 over 2,000 simulations; 0.89 with 1,000 rounds


def test_clusters_make_the_interval_of_dependent_documents_honest() -> None:
    """Five targets of a query share its fate: without clusters the interval is far too narrow."""
    draws, covered, naive = rng(13), 0, 0
    for _ in range(150):
        fate = np.repeat(draws.normal(0.0, 1.0, 30), 5)
        queries = np.repeat([f"q{i}" for i in range(30)], 5).tolist()
        order = draws.permutation(150)  # a cluster's units need not stand together
        fate, queries = fate[order], [queries[i] for i in order]
        low, high = bootstrap_interval([fate], np.mean, draws, rounds=200, level=0.9, clusters=queries)
        covered += low <= 0.0 <= high
        low, high = bootstrap_interval([fate], np.mean, draws, rounds=200, level=0.9)
        naive += low <= 0.0 <= high
    assert 0.8 < covered / 150 < 0.97
    assert naive / 150 < 0.75


def test_clusters_of_one_are_units() -> None:
    values = rng(3).random(20)
    labels = [f"{i:02}" for i in range(20)]
    for method in ("percentile", "bca"):
        plain = bootstrap_interval([values], np.mean, rng(4), rounds=300, method=method)
        assert bootstrap_interval([values], np.mean, rng(4), 300, method=method, clusters=labels) == plain


def test_one_unit_or_one_cluster_has_no_interval() -> None:
    for method in ("percentile", "bca"):
        for values, clusters in (([], None), ([0.5], None), ([0.5, 0.6], ["q", "q"])):
            interval = bootstrap_interval([values], np.mean, rng(), method=method, clusters=clusters)
            assert np.isnan(interval).all()


def test_a_constant_has_an_interval_of_no_width() -> None:
    for method in ("percentile", "bca"):
        assert bootstrap_interval([np.full(20, 0.5)], np.mean, rng(), rounds=50, method=method) == (0.5, 0.5)


def test_undefined_statistics_have_no_interval_and_rare_undefined_resamples_are_left_out() -> None:
    undefined = bootstrap_interval([[0.0, 0.0, 0.0], [0.1, 0.2, 0.3]], drop_rate, rng())
    assert np.isnan(undefined).all()
    # One query in four has a clean value: 32 % of the resamples have none, too many to leave out.
    often = bootstrap_interval([[0.5, 0.0, 0.0, 0.0], [0.1] * 4], drop_rate, rng())
    assert np.isnan(often).all()
    # Three in six: 1.6 % of the resamples have none.
    low, high = bootstrap_interval([[0.5] * 3 + [0.0] * 3, [0.25] * 3 + [0.0] * 3], drop_rate, rng())
    assert (low, high) == pytest.approx((-0.5, -0.5))


def test_arguments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="lengths"):
        bootstrap_interval([[1.0, 2.0], [1.0]], difference, rng())
    with pytest.raises(ValueError, match="lengths"):
        bootstrap_interval([[1.0, 2.0]], np.mean, rng(), clusters=["q"])
    with pytest.raises(ValueError, match="level"):
        bootstrap_interval([[1.0, 2.0]], np.mean, rng(), level=95)
    with pytest.raises(ValueError, match="studentized"):
        bootstrap_interval([[1.0, 2.0]], np.mean, rng(), method="studentized")  # type: ignore[arg-type]


# Holm's correction.


def test_holm_by_hand() -> None:
    # Sorted .005, .01, .03, .04 times 4, 3, 2, 1 is .02, .03, .06, .04; never falling: .02, .03, .06, .06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([0.02]) == pytest.approx([0.02])
    assert holm([]).tolist() == []


def test_holm_passes_over_tests_that_were_not_made() -> None:
    assert holm([0.01, NAN, 0.04]) == pytest.approx([0.02, NAN, 0.04], nan_ok=True)
    assert np.isnan(holm([NAN, NAN])).all()


def test_holm_rejects_what_the_step_down_procedure_rejects() -> None:
    draws = rng(20)
    for _ in range(50):
        p = draws.random(8) ** 3
        rejected: set[int] = set()
        for step, i in enumerate(np.argsort(p)):
            if p[i] > 0.05 / (8 - step):
                break
            rejected.add(int(i))
        assert set(np.flatnonzero(holm(p) <= 0.05).tolist()) == rejected
