"""Measures of following instructions, by hand."""

from __future__ import annotations

import math

import pytest

from robustrank.errors import DataError
from robustrank.measures.instructions import p_mrr, robustness_at


@pytest.mark.parametrize(("before", "after", "value"), [(10, 20, 0.5), (20, 10, -0.5), (7, 7, 0.0), (1, 100, 0.99)])
def test_p_mrr_is_above_0_where_a_document_falls(before, after, value):
    assert p_mrr({"d": before}, {"d": after}, ["d"]) == pytest.approx(value)
    assert p_mrr({"d": after}, {"d": before}, ["d"]) == pytest.approx(-value)


def test_p_mrr_is_a_mean_over_the_documents_that_changed():
    before, after = {"a": 10, "b": 20, "c": 1}, {"a": 20, "b": 10, "c": 9}
    assert p_mrr(before, after, ["a", "b"]) == 0
    assert math.isnan(p_mrr(before, after, []))
    with pytest.raises(DataError, match="1 documents are not in both rankings"):
        p_mrr(before, after, ["a", "x"])


def test_robustness_is_the_mean_of_the_worst_instructions():
    assert robustness_at({"q1": [0.9, 0.5], "q2": [1.0]}) == 0.75
    for empty in ({}, {"q": []}):
        with pytest.raises(DataError):
            robustness_at(empty)
