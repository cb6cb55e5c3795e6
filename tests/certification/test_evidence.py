"""The bounds that a certificate states are at most as tight as samples can give, and honest ones are never refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from robustrank.certification.bounds import BOUNDS, tightest_lower, upper
from robustrank.certification.evidence import Evidence
from robustrank.certification.mean import certify_mean
from robustrank.certification.median import certify_median, median
from robustrank.certification.sequential import certify_sequentially

COUNTS = (1, 2, 5, 16, 100)


def drawn(rng, n):
    """Return n scores in [0, 1] of one of the shapes that rankers have, float32 as theirs."""
    shapes = [
        lambda: np.full(n, rng.random()),
        lambda: np.full(n, float(rng.integers(2))),
        lambda: rng.random(n) < rng.random(),
        lambda: rng.beta(*rng.uniform(0.05, 60, 2), n),
        lambda: np.clip(rng.normal(rng.random(), 10.0 ** -rng.integers(1, 7), n), 0, 1),
    ]
    return np.asarray(shapes[rng.integers(len(shapes))](), dtype=np.float32)


@pytest.mark.parametrize("bound", sorted(BOUNDS))
def test_no_bound_is_tighter_than_that_of_equal_samples(bound):
    rng = np.random.default_rng(3)
    for delta in (0.1, 1e-3, 1e-9):
        for n in COUNTS:
            samples = drawn(rng, n)
            mean = float(np.mean(samples, dtype=np.float64))
            assert BOUNDS[bound](samples, delta) <= tightest_lower(bound, mean, n, delta) + 1e-9
            equal = np.full(n, mean)
            assert BOUNDS[bound](equal, delta) <= tightest_lower(bound, mean, n, delta) + 1e-9
            assert upper(BOUNDS[bound], equal, delta) >= 1 - tightest_lower(bound, 1 - mean, n, delta) - 1e-9


@pytest.mark.parametrize("bound", ["hoeffding", "empirical-bernstein"])
def test_equal_samples_reach_the_tightest_bound(bound):
    assert BOUNDS[bound](np.full(500, 0.8), 0.01) == pytest.approx(tightest_lower(bound, 0.8, 500, 0.01))


def test_a_lucky_order_is_cut_to_what_the_mean_can_give():
    lucky = np.repeat([1.0, 0.0], 50)
    for bound in ("betting", "sequential"):
        assert BOUNDS[bound](lucky, 0.05) == tightest_lower(bound, 0.5, 100, 0.05) < 0.5


def test_honest_certificates_are_verified():
    rng = np.random.default_rng(5)
    for n in COUNTS * 2:
        ids, rhos = list("abcd"), [float(r) for r in rng.choice([1.0, 0.9, 0.5, rng.random()], 4)]
        samples = sorted((drawn(rng, n) for _ in ids), key=lambda s: -float(np.mean(s, dtype=np.float64)))
        for bound in (*BOUNDS, "paper"):
            for certificate in certify_mean("q", ids, samples, rhos, [1, 3, 9], alpha=0.05, bound=bound):
                certificate.verify()
        raw = sorted((drawn(rng, n) * 100 - 7 for _ in ids), key=lambda s: -median(s))
        for certificate in certify_median("q", ids, raw, rhos, [1, 3], alpha=0.3):
            certificate.verify()
        scores = [drawn(rng, 200) for _ in ids]
        for certificate in certify_sequentially(
            "q", ids, lambda spans, scores=scores: {i: scores[i][a:b] for i, (a, b) in spans.items()},
            rhos, [1, 2], alpha=0.05, most=200, first=n,
        ):  # fmt: skip
            certificate.verify()


@pytest.mark.parametrize(
    ("kind", "bound", "changes", "fault"),
    [
        ("mean", "betting", {}, ""),
        ("mean", "betting", {"samples": 5}, "too tight"),
        ("mean", "hoeffding", {}, "too tight"),
        ("mean", "hoeffding", {"lower": 0.0, "upper": 1.0}, "not Hoeffding's"),
        ("mean", "paper", {}, "not the score itself"),
        ("mean", "betting", {"upper": 1.5}, "not in 0 to 1"),
        ("mean", "betting", {"lower": 0.9}, "do not enclose"),
        ("mean", "betting", {"rho": -0.1}, "rho is -0.1"),
        ("canonical", "exact", {}, "not the score itself"),
        ("canonical", "exact", {"lower": 0.8, "upper": 0.8, "samples": 2}, "has 1 sample"),
        ("median", "order-statistics", {}, ""),
        ("median", "order-statistics", {"upper": 7.5}, ""),
        ("median", "order-statistics", {"samples": 5}, "no upper bound"),
        ("median", "order-statistics", {"rho": 0.5}, "no upper bound"),
        ("median", "order-statistics", {"lower": float("-inf")}, "not finite"),
    ],
)
def test_numbers_that_no_samples_give_are_faults(kind, bound, changes, fault):
    evidence = replace(Evidence("d", 0.8, 0.75, 0.85, 0.9, 100), **changes)
    shown = evidence.fault(kind, bound, 0.01)
    assert fault in shown
    assert bool(fault) == bool(shown)
