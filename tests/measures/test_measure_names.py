"""Measure names follow ir_measures, and a wrong name gets the nearest valid name as a hint."""

from __future__ import annotations

import pytest

from robustrank.errors import ExperimentError
from robustrank.measures.measure_names import parse_measure


@pytest.mark.parametrize(
    ("name", "kind", "cutoff", "relevance"),
    [
        ("nDCG@10", "nDCG", 10, 1),
        ("nDCG", "nDCG", 0, 1),
        ("AP", "AP", 0, 1),
        ("AP(rel=2)@100", "AP", 100, 2),
        ("MRR@10", "MRR", 10, 1),
        ("RR(rel=2)", "RR", 0, 2),
        ("Rprec", "Rprec", 0, 1),
    ],
)
def test_a_name_says_kind_cutoff_and_relevance(name: str, kind: str, cutoff: int, relevance: int) -> None:
    measure = parse_measure(name)
    assert (measure.name, measure.kind, measure.cutoff, measure.relevance) == (name, kind, cutoff, relevance)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("ndcg@10", "nDCG@10"),
        ("ndcg_cut_10", "nDCG@10"),
        ("nDGC@10", "nDCG@10"),
        ("P_5", "P@5"),
        ("recall_100", "R@100"),
        ("mrr@10", "MRR@10"),
        ("recip_rank", "RR"),
        ("map", "MAP"),
        ("precision@5", "P@5"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_right_one(name: str, suggestion: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        parse_measure(name)
    assert caught.value.hint == f"did you mean {suggestion!r}?"


@pytest.mark.parametrize("name", ["", "nDCG@0", "nDCG@ten", "P", "R", "Success", "Rprec@5", "nDCG(rel=2)", "xyzzy"])
def test_what_is_no_measure_is_refused(name: str) -> None:
    with pytest.raises(ExperimentError):
        parse_measure(name)
