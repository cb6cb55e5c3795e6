"""Rank stability against hand computations, scipy's Kendall tau, and the RBO formulas written out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from robustrank.errors import DataError
from robustrank.measures.stability import kendall_tau_distance, rbo, top_k_overlap

LISTS = st.lists(st.sampled_from("abcdefghij"), unique=True, min_size=1, max_size=9)


def overlap(first: Sequence[str], second: Sequence[str], d: int) -> int:
    return len(set(first[:d]) & set(second[:d]))


def test_kendall_tau_distance_by_hand() -> None:
    assert kendall_tau_distance("abcd", "abcd") == 0.0
    assert kendall_tau_distance("abcd", "dcba") == 1.0
    assert kendall_tau_distance("abcd", "bacd") == pytest.approx(1 / 6)
    assert kendall_tau_distance("abcd", "dabc") == pytest.approx(3 / 6)
    assert math.isnan(kendall_tau_distance("a", "a"))
    assert math.isnan(kendall_tau_distance("", ""))


def test_kendall_tau_distance_is_half_of_one_minus_tau() -> None:
    rng = np.random.default_rng(11)
    for _ in range(20):
        before, after = ([f"d{i}" for i in rng.permutation(25)] for _ in range(2))
        tau = stats.kendalltau(range(25), [after.index(doc_id) for doc_id in before]).statistic
        assert kendall_tau_distance(before, after) == pytest.approx((1 - tau) / 2)


def test_kendall_tau_distance_needs_the_same_documents() -> None:
    with pytest.raises(DataError, match=r"e\.g\. 'c'"):
        kendall_tau_distance(["a", "b"], ["a", "c", "b"])


def test_truncated_rbo_of_equal_lists_is_1_minus_p_to_the_depth() -> None:
    ids = [f"d{i}" for i in range(10)]
    assert rbo(ids, ids, p=0.7) == pytest.approx(1 - 0.7**10)
    assert rbo(ids, ids, p=0.7, depth=3) == pytest.approx(1 - 0.7**3)
    assert rbo(ids, [f"x{i}" for i in range(10)]) == 0.0


@given(LISTS, LISTS, st.sampled_from([0.5, 0.7, 0.9, 0.98]), st.sampled_from([None, 1, 3, 20]))
@settings(max_examples=100, deadline=None)
def test_truncated_rbo_is_the_published_sum(a: list[str], b: list[str], p: float, depth: int | None) -> None:
    last = depth or max(len(a), len(b))
    expected = (1 - p) * sum(p ** (d - 1) * overlap(a, b, d) / d for d in range(1, last + 1))
    assert rbo(a, b, p, depth) == pytest.approx(expected)


def test_rbo_refuses_repeated_documents_and_impossible_persistence() -> None:
    with pytest.raises(DataError, match="1 duplicate documents"):
        rbo(["a", "a"], ["a", "b"])
    for p in (0.0, 1.0, 1.5):
        with pytest.raises(ValueError, match=r"p=.*must lie in"):
            rbo(["a"], ["a"], p)


def test_top_k_overlap() -> None:
    assert top_k_overlap("abcde", "xbaye", 3) == pytest.approx(2 / 3)
    assert top_k_overlap("abc", "cba", 10) == 1.0  # both end before rank 10
    assert top_k_overlap("ab", "abcd", 10) == 0.5


def test_empty_rankings_have_no_measure() -> None:
    for value in (
        rbo([], ["a"]),
        rbo(["a"], []),
        top_k_overlap([], [], 10),
        top_k_overlap(["a"], ["a"], 0),
    ):
        assert math.isnan(value)
