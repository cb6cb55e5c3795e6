"""Attack measures on a handful of targets whose ranks can be counted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from robustrank.measures import attacks as a

NAN = float("nan")
OLD = [60, 70, 80, 5, 1]
NEW = [10, 70, 90, 2, 1]  # up by 50, the same, down by 10, up by 3, first already


def test_success_is_an_improved_rank() -> None:
    assert a.success_rate(OLD, NEW) == 2 / 5


def test_success_above_noise_needs_a_score_that_grew_by_more_than_the_noise() -> None:
    gains = [1.0, 0.0, -0.5, 1e-6, 0.1]
    assert a.success_rate_above_noise(OLD, NEW, gains, 1e-5) == 1 / 5
    assert a.success_rate_above_noise(OLD, NEW, gains, 0.0) == a.success_rate(OLD, NEW)
    assert a.success_rate_above_noise(OLD, NEW, gains, [2.0, 0.0, 0.0, 1e-7, 0.0]) == 1 / 5


def test_top_k_success_is_among_targets_that_stood_outside() -> None:
    assert a.top_k_success_rate(OLD, NEW, 10) == 1 / 3
    assert a.top_k_success_rate(OLD, NEW, 50) == 1 / 3
    assert a.top_k_success_rate(OLD, NEW, 3) == 1 / 4
    assert a.top_k_success_rate(OLD, NEW, 5) == 0.0  # rank 5 is inside the top 5
    assert math.isnan(a.top_k_success_rate([1, 2], [1, 1], 10))
    assert a.top_k_rate(NEW, 10) == 3 / 5  # the published tables count those that were inside, too


def test_boosts() -> None:
    assert a.mean_boost(OLD, NEW) == pytest.approx((50 + 0 - 10 + 3 + 0) / 5)
    assert a.median_boost(OLD, NEW) == 0
    assert a.normalised_boosts(OLD, NEW) == pytest.approx([50 / 59, 0, -10 / 79, 3 / 4, NAN], nan_ok=True)
    assert a.mean_normalised_boost(OLD, NEW) == pytest.approx((50 / 59 - 10 / 79 + 3 / 4) / 4)
    assert math.isnan(a.mean_normalised_boost([1, 1], [1, 1]))


def test_the_normalised_ranking_shift_is_the_share_of_pairs_turned_over() -> None:
    assert a.normalised_ranking_shifts(OLD, NEW, 101) == pytest.approx([0.5, 0, 0.1, 0.03, 0])
    assert a.normalised_ranking_shifts([3], [1], [3]).tolist() == [1.0]
    assert np.isnan(a.normalised_ranking_shifts([1], [1], [1])).all()
    others, old, new = np.array([5.0, 4.0, 3.0, 2.0]), 1.0, 4.5  # pairs counted one by one: 3 of 4 turn over
    turned = sum((old > s) != (new > s) for s in others)
    assert a.normalised_ranking_shifts([5], [2], 5)[0] == turned / 4


@pytest.mark.parametrize("measure", [a.success_rate, a.mean_boost, a.median_boost, a.mean_normalised_boost])
def test_no_targets_and_undefined_ranks_are_undefined(measure: object) -> None:
    assert math.isnan(measure([], []))  # type: ignore[operator]
    assert math.isnan(measure([60, 70], [10, NAN]))  # type: ignore[operator]
    assert math.isnan(measure([60, NAN], [10, 5]))  # type: ignore[operator]


def test_undefined_ranks_are_no_failures_in_the_other_rates() -> None:
    for rate in (a.top_k_success_rate([60, 70], [10, NAN], 10), a.top_k_success_rate([NAN, 70], [10, 5], 10)):
        assert math.isnan(rate)
    assert math.isnan(a.top_k_rate([1, NAN], 10))
    assert math.isnan(a.top_k_rate([], 10))
    assert math.isnan(a.success_rate_above_noise([60], [10], [NAN], 0.0))
    assert math.isnan(a.success_rate_above_noise([60], [10], [1.0], NAN))
