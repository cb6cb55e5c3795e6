"""Detection rates: points of scikit-learn's ROC curve, by hand, and with ties."""

from __future__ import annotations

import math

import numpy as np
import pytest

from robustrank.measures.detection import detection_rate


def test_by_hand():
    clean, attacked = [0, 1, 2, 3], [0.5, 2.5, 2.5, 9]
    shares = [0, 0.24, 0.25, 0.5, 0.75, 1]
    assert [detection_rate(attacked, clean, share) for share in shares] == [0.25, 0.25, 0.75, 0.75, 1, 1]


def test_it_equals_the_roc_curve_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    clean, attacked = rng.integers(0, 30, 100), rng.integers(10, 40, 70)  # with ties
    labels = [0] * len(clean) + [1] * len(attacked)
    false_positives, true_positives, _ = metrics.roc_curve(labels, [*clean, *attacked], drop_intermediate=False)
    for share in np.linspace(0, 1, 101):
        best = true_positives[false_positives <= share + 1e-12].max()
        assert detection_rate(attacked, clean, float(share)) == pytest.approx(best)


def test_a_constant_detector_detects_nothing_and_an_empty_sample_has_no_rate():
    assert [detection_rate([1, 1], [1, 1, 1], share) for share in (0, 0.5, 1)] == [0, 0, 1]
    assert math.isnan(detection_rate([], [1], 0.5))
    assert math.isnan(detection_rate([1], [], 0.5))


def test_rows_of_scores_have_the_rates_of_each_row() -> None:
    draw = np.random.default_rng(0)
    attacked, clean = draw.integers(9, size=(20, 7)), draw.integers(9, size=(20, 5))
    for share in (0.0, 0.3, 1.0):
        alone = [detection_rate(a, c, share) for a, c in zip(attacked, clean, strict=True)]
        assert np.array_equal(detection_rate(attacked, clean, share), alone)
