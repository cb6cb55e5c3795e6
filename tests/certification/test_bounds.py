"""Confidence bounds: their error rates do not exceed delta, and some are tight."""

from __future__ import annotations

import math

import numpy as np
import pytest

from robustrank.certification.bounds import BOUNDS, betting, empirical_bernstein, hoeffding, paper_term, upper

DELTA, ROUNDS = 0.05, 1000
DISTRIBUTIONS = {  # of samples in [0, 1], with their mean
    "skewed to 0": (lambda rng, n: rng.beta(0.5, 2.0, n), 0.2),
    "skewed to 1": (lambda rng, n: rng.beta(2.0, 0.5, n), 0.8),
    "rarely 1": (lambda rng, n: (rng.random(n) < 0.03).astype(float), 0.03),
    "rarely 0": (lambda rng, n: (rng.random(n) < 0.97).astype(float), 0.97),
    "narrow": (lambda rng, n: 0.5 + 0.02 * (rng.random(n) - 0.5), 0.5),
    "wide": (lambda rng, n: (rng.random(n) < 0.5).astype(float), 0.5),
}


@pytest.mark.parametrize("name", sorted(BOUNDS))
@pytest.mark.parametrize("distribution", sorted(DISTRIBUTIONS))
def test_the_error_rate_is_at_most_delta(name, distribution):
    draw, mean = DISTRIBUTIONS[distribution]
    rng, bound = np.random.default_rng(1), BOUNDS[name]
    errors = sum(bound(draw(rng, 60), DELTA) > mean for _ in range(ROUNDS))
    # Three standard errors: an error rate of delta passes, 1.5 delta does not.
    assert errors / ROUNDS <= DELTA + 3 * math.sqrt(DELTA * (1 - DELTA) / ROUNDS)


@pytest.mark.parametrize("name", sorted(BOUNDS))
@pytest.mark.parametrize("distribution", sorted(DISTRIBUTIONS))
def test_an_upper_bound_is_a_lower_one_of_what_is_missing_to_1(name, distribution):
    """So that its error rate is that of the mirrored distribution, which is there, too."""
    samples = DISTRIBUTIONS[distribution][0](np.random.default_rng(1), 60)
    assert upper(BOUNDS[name], samples, DELTA) == pytest.approx(1 - BOUNDS[name](1 - samples, DELTA))


def test_hoeffding_and_bernstein_by_hand():
    samples = np.array([0.9, 0.7] * 500)
    assert hoeffding(samples, 0.05) == pytest.approx(0.8 - math.sqrt(math.log(20) / 2000))
    variance, log = 0.01 * 1000 / 999, math.log(40)
    expected = 0.8 - math.sqrt(2 * variance * log / 1000) - 7 * log / (3 * 999)
    assert empirical_bernstein(samples, 0.05) == pytest.approx(expected)
    assert upper(hoeffding, samples, 0.05) == pytest.approx(0.8 + math.sqrt(math.log(20) / 2000))


def test_the_betting_bound_is_the_mean_at_which_the_capital_reaches_1_over_delta():
    x, delta = np.random.default_rng(3).random(50), 0.05

    def capital(m):
        most, total, spread, seen = 1.0, 0.5, 0.25, 1
        value = 1.0
        for sample in x:
            bet = min(math.sqrt(2 * math.log(1 / delta) / (50 * spread / seen)), 0.75 / m)
            value *= 1 + bet * (sample - m)
            most, seen, total = max(most, value), seen + 1, total + sample
            spread += (sample - total / seen) ** 2
        return most

    bound = betting(x, delta)
    assert capital(bound - 1e-6) > 20 > capital(bound + 1e-6)


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_bounds_stay_in_the_unit_interval_also_for_a_single_sample(name):
    for samples in ([0.0], [1.0], [0.5], [1.0] * 400, [0.0] * 400):
        low, high = BOUNDS[name](np.array(samples), 1e-4), upper(BOUNDS[name], np.array(samples), 1e-4)
        assert 0 <= low <= np.mean(samples) <= high <= 1


@pytest.mark.parametrize(("deviation", "width"), [(0.03, 0.015), (0.1, 0.016), (0.2, 0.026)])
def test_betting_is_far_tighter_than_hoeffding_on_scores_that_vary_little(deviation, width):
    rng, b = np.random.default_rng(4), 0.25 / deviation**2 - 1
    samples = rng.beta(b / 2, b / 2, 1000)
    assert samples.mean() - betting(samples, 0.05 / 100) < width < samples.mean() - hoeffding(samples, 0.05 / 100)


def test_the_published_term_at_a_thousand_samples():
    assert paper_term(1000) == pytest.approx(0.0859, abs=5e-5)
