"""Risk measures against hand computations."""

from __future__ import annotations

import math

import numpy as np
import pytest

from robustrank.measures.risk import reliability_of_improvement, urisk

VALUES = np.array([0.6, 0.2, 0.5, 0.5])
BASELINE = np.array([0.4, 0.5, 0.5, 0.1])  # differences +.2, -.3, 0, +.4


def test_reliability_of_improvement_counts_wins_minus_losses() -> None:
    assert reliability_of_improvement(VALUES, BASELINE) == pytest.approx((2 - 1) / 4)
    assert reliability_of_improvement(BASELINE, VALUES) == pytest.approx(-1 / 4)
    assert reliability_of_improvement(VALUES, VALUES) == 0.0
    assert math.isnan(reliability_of_improvement([], []))
    assert math.isnan(reliability_of_improvement([0.1, float("nan")], [0.1, 0.1]))


def test_urisk_weights_losses() -> None:
    assert urisk(VALUES, BASELINE, alpha=0) == pytest.approx(VALUES.mean() - BASELINE.mean())
    assert urisk(VALUES, BASELINE, alpha=1) == pytest.approx((0.6 - 2 * 0.3) / 4)
    assert urisk(VALUES, BASELINE, alpha=5) == pytest.approx((0.6 - 6 * 0.3) / 4)
    assert math.isnan(urisk([], []))
