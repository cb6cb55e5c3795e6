"""Intervals over queries and seeds: against a plain double loop, and by how often they cover the truth."""

from __future__ import annotations

import numpy as np
import pytest
from robustrank.tasks.reports.columns import relative_change

from robustrank.measures.robustness import vnap
from robustrank.measures.significance import Run, seeded_interval


def runs_of(values, queries=None):
    """Runs of one array; values [seeds, n]."""
    return [Run([array], queries or [f"q{i:03}" for i in range(len(array))]) for array in values]


def looped(runs, statistic, rng, rounds, level=0.95):
    """The two-way bootstrap as one would write it down: two loops, and units matched by comparing names."""
    names = sorted({query for run in runs for query in run.queries})
    drawn = rng.integers(len(names), size=(rounds, len(names)))
    seeds = rng.integers(len(runs), size=(rounds, len(runs)))
    resampled = []
    for queries, picked in zip(drawn, seeds, strict=True):
        figures = []
        for seed in picked:
            rows = [i for q in queries for i, query in enumerate(runs[seed].queries) if query == names[q]]
            figures.append(statistic(*(array[rows] for array in runs[seed].arrays)))
        resampled.append(np.mean(figures))
    return tuple(np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2]))


def uneven_runs():
    """Three seeds, several units a query, and a query that one seed has not."""
    rng = np.random.default_rng(4)
    runs = []
    for seed in range(3):
        queries = [f"q{i}" for i in range(9) for _ in range(1 + (i + seed) % 3) if (seed, i) != (1, 4)]
        clean = rng.uniform(0.2, 0.9, len(queries))
        runs.append(Run([clean, clean * rng.uniform(0.5, 1, len(clean))], queries))
    return runs


@pytest.mark.parametrize("statistic", [vnap, np.median, np.mean])
def test_units_are_resampled_as_a_double_loop_does(statistic):
    runs = [Run(run.arrays[:1], run.queries) for run in uneven_runs()]
    ends = seeded_interval(runs, statistic, np.random.default_rng(1), rounds=150)
    assert ends == pytest.approx(looped(runs, statistic, np.random.default_rng(1), 150))


def test_means_are_resampled_as_a_double_loop_does():
    runs = uneven_runs()
    ends = seeded_interval(runs, relative_change, np.random.default_rng(1), rounds=150, of_means=True)
    assert ends == pytest.approx(
        looped(runs, lambda clean, shifted: shifted.mean() / clean.mean() - 1, np.random.default_rng(1), 150)
    )


def test_one_seed_is_the_interval_over_queries():
    values = np.random.default_rng(2).uniform(size=40)
    rng = np.random.default_rng(3)
    samples = [rng.integers(40, size=40) for _ in range(300)]
    expected = tuple(np.quantile([vnap(values[sampled]) for sampled in samples], [0.025, 0.975]))
    for seeds in (1, 3):  # three seeds that agree add nothing
        ends = seeded_interval(runs_of([values] * seeds), vnap, np.random.default_rng(3), rounds=300)
        assert ends == pytest.approx(expected)


def test_what_cannot_be_stated_is_nan():
    assert np.isnan(seeded_interval(runs_of([[0.5]]), vnap, np.random.default_rng(0))).all()
    one_without = runs_of(np.array([[0.2, 0.4], [0.0, 0.0]]))
    assert np.isnan(seeded_interval(one_without, vnap, np.random.default_rng(0), rounds=50)).all()


def test_the_interval_covers_the_truth_where_seeds_differ():
    rng = np.random.default_rng(11)
    covered = {"both": 0, "queries": 0}
    for _ in range(250):
        queries, seeds = rng.normal(0, 0.1, size=(1, 40)), rng.normal(0, 0.04, size=(8, 1))
        values = 0.5 + queries + seeds + rng.normal(0, 0.05, size=(8, 40))
        for name, runs in (("both", runs_of(values)), ("queries", runs_of(values.mean(axis=0, keepdims=True)))):
            low, high = seeded_interval(runs, lambda mean: mean, rng, rounds=200, of_means=True)
            covered[name] += low <= 0.5 <= high
    assert 0.90 <= covered["both"] / 250 <= 0.99
    assert covered["queries"] < covered["both"]
