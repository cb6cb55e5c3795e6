"""Robustness measures against hand computations; what is undefined is nan, without a warning."""

from __future__ import annotations

import math

import numpy as np
import pytest
import pytrec_eval

from robustrank.errors import DataError, ExperimentError
from robustrank.measures import robustness as r

AP = np.array([0.2, 0.4, 0.6, 0.8])  # mean .5, population variance .05
NAN = float("nan")


def test_vnap_by_each_normaliser() -> None:
    assert r.variance(AP) == pytest.approx(0.05)
    assert r.vnap(AP) == pytest.approx(0.05 / 0.25)
    assert r.vnap(AP) == pytest.approx(np.mean((AP / AP.mean() - 1) ** 2))
    assert r.vnap(AP, "max") == pytest.approx(0.05 / 0.64)
    assert r.vnap(AP, "none") == pytest.approx(0.05)
    assert r.vnap(AP, "ideal", ideal=0.8) == pytest.approx(0.05 / 0.64)


def test_vnap_by_the_ideal_of_each_query() -> None:
    reachable = np.array([0.2, 0.8, 0.6, 0.8])  # normalised: 1, .5, 1, 1
    assert r.vnap(AP, "ideal", ideal=reachable) == pytest.approx(np.var([1, 0.5, 1, 1]))
    # A query without a relevant candidate is not a failure of the ranker.
    assert r.vnap([0.2, 0.0], "ideal", ideal=[0.2, 0.0]) == 0.0


def test_vnap_does_not_depend_on_the_scale_but_the_variance_does() -> None:
    assert r.vnap(AP / 2) == pytest.approx(r.vnap(AP))
    assert r.variance(AP / 2) == pytest.approx(r.variance(AP) / 4)


def test_vnap_of_a_single_query_of_equal_values_of_zeros_and_of_no_queries() -> None:
    assert r.vnap([0.3]) == r.vnap([0.5, 0.5, 0.5]) == 0.0
    assert math.isnan(r.vnap([0.0, 0.0]))
    assert math.isnan(r.vnap([0.0, 0.0], "max"))
    assert r.variance([0.0, 0.0]) == 0.0
    assert math.isnan(r.vnap([]))
    assert math.isnan(r.vnap([0.1, NAN]))


def test_an_unknown_normaliser_is_refused() -> None:
    with pytest.raises(ExperimentError, match="'median'"):
        r.vnap(AP, "median")  # type: ignore[arg-type]


def test_poor_queries_are_the_lower_tail_rounded_up() -> None:
    values = np.arange(10)[::-1] / 10
    assert r.poor_queries(values, 10) == 0.0
    assert r.poor_queries(values, 25) == pytest.approx((0.0 + 0.1 + 0.2) / 3)
    assert r.poor_queries(values, 100) == pytest.approx(values.mean())
    assert r.poor_queries([0.7], 10) == 0.7
    assert math.isnan(r.poor_queries([], 10))
    assert math.isnan(r.poor_queries([0.1, NAN], 50))
    assert r.poor_queries(np.ones(30), 10) == 1.0
    for percent in (0, -1, 101, NAN):
        with pytest.raises(ValueError, match="percent"):
            r.poor_queries(values, percent)


def test_the_hard_set_is_that_of_the_reference_ranker_with_ties() -> None:
    reference = np.array([0.9, 0.0, 0.5, 0.0, 0.1])
    assert r.hard_set(reference, 20).tolist() == [False, True, False, True, False]
    assert r.hard_set(reference, 60).tolist() == [False, True, False, True, True]
    assert r.hard_set(reference[::-1], 20).tolist() == [False, True, False, True, False]
    assert r.hard_set_mean([1.0, 0.2, 1.0, 0.4, 1.0], reference, 20) == pytest.approx(0.3)
    assert r.hard_set([], 10).tolist() == []
    assert math.isnan(r.hard_set_mean([], []))
    with pytest.raises(DataError, match="1 of 2"):
        r.hard_set([0.1, NAN])


def test_gmap_equals_trec_eval() -> None:
    qrels = {"1": {"a": 1, "b": 1}, "2": {"a": 1}}
    run = {"1": {"a": 1.0, "c": 0.5, "b": 0.2}, "2": {"b": 1.0}}
    values = pytrec_eval.RelevanceEvaluator(qrels, {"map", "gm_map"}).evaluate(run)
    expected = math.exp(np.mean([v["gm_map"] for v in values.values()]))
    assert r.gmap([v["map"] for v in values.values()]) == pytest.approx(expected)
    assert r.gmap([0.0, 0.0]) == pytest.approx(1e-5)
    assert r.gmap([0.25, 1.0], eps=1e-3) == pytest.approx(0.5)
    assert math.isnan(r.gmap([]))
    assert math.isnan(r.gmap([NAN, 1.0]))
