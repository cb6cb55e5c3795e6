"""Significance tests against scipy, hand computations and simulation; equal seeds give equal results."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from robustrank.measures.significance import holm, paired_permutation_test

NAN = float("nan")


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.mean(a - b))


def test_the_exact_p_by_hand() -> None:
    # Differences 1, 2, 3: |sum| = 6 for two of the eight sign patterns.
    assert paired_permutation_test([1, 2, 3], [0, 0, 0], rng()) == 2 / 8
    # Differences 1, 1, -1: every pattern has |sum| of at least 1.
    assert paired_permutation_test([1, 1, 0], [0, 0, 1], rng()) == 1.0
    # Tenths do not add up exactly in floating point; the patterns still count as equally extreme.
    assert paired_permutation_test([0.1, 0.2, 0.3], [0, 0, 0], rng()) == 2 / 8


def test_identical_systems_have_p_1_and_no_units_have_no_p() -> None:
    values = rng().random(40)
    assert paired_permutation_test(values, values, rng()) == 1.0
    assert paired_permutation_test([0.5], [0.5], rng()) == 1.0
    assert paired_permutation_test([0.5], [0.1], rng()) == 1.0  # a single query is no evidence
    assert math.isnan(paired_permutation_test([], [], rng()))
    assert math.isnan(paired_permutation_test([NAN, 1.0], [1.0, NAN], rng()))


@pytest.mark.parametrize("n", [5, 12])
def test_the_exact_p_equals_scipy(n: int) -> None:
    a, b = rng(n).random(n), rng(n + 1).random(n) * 0.8
    theirs = stats.permutation_test((a, b), difference, permutation_type="samples", n_resamples=np.inf)
    assert paired_permutation_test(a, b, rng()) == pytest.approx(theirs.pvalue)


def test_the_sampled_p_is_near_scipy_and_repeats() -> None:
    a = rng(4).random(60)
    b = a + rng(5).normal(0.02, 0.1, 60)
    ours = paired_permutation_test(a, b, rng(6))
    theirs = stats.permutation_test(
        (a, b),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        random_state=rng(7),
    )
    assert ours == pytest.approx(theirs.pvalue, abs=0.02)
    assert ours == paired_permutation_test(a, b, rng(6))
    assert paired_permutation_test(b, a, rng(6)) == ours


def test_the_sampled_p_is_never_zero() -> None:
    assert paired_permutation_test(np.ones(50), np.zeros(50), rng(), rounds=999) == pytest.approx(1 / 1000)


def test_ties_and_undefined_units_change_nothing() -> None:
    a, b = [1.0, 2.0, 3.0, NAN, 0.5], [0.0, 0.0, 0.0, 0.5, NAN]
    ties = [0.4] * 40
    assert paired_permutation_test(a + ties, b + ties, rng()) == 2 / 8


def test_sampling_in_blocks_covers_all_rounds() -> None:
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


def test_holm_by_hand() -> None:
    # Sorted .005, .01, .03, .04 times 4, 3, 2, 1 is .02, .03, .06, .04; never falling: .02, .03, .06, .06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([0.02]) == pytest.approx([0.02])
    assert holm([]).tolist() == []


def test_holm_ignores_undefined_p_values() -> None:
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
