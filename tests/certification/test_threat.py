"""Texts inside and outside the threat model, by hand, and every allowed edit of a small text."""

from __future__ import annotations

import itertools

import pytest

from robustrank.certification.threat import words_replaced
from robustrank.text.table import symmetric
from robustrank.text.words import replace_words

TABLE = symmetric({"quick": ["fast", "rapid"], "dog": ["hound"]}, {})
TEXT = "The Quick, QUICK dog."


def test_every_replacement_by_the_table_is_allowed():
    options = [(None, "fast", "rapid"), (None, "fast", "rapid"), (None, "hound")]
    for substitutes in itertools.product(*options):
        edits = {i + 1: key for i, key in enumerate(substitutes) if key}
        after = replace_words(TEXT, edits)
        assert words_replaced(TABLE, TEXT, after) == len(edits)


@pytest.mark.parametrize(
    "after",
    [
        "The fast, QUICK dog.",  # case changed
        "The Quick QUICK dog.",  # punctuation
        "The Quick, QUICK dog",
        "The Quick, QUICK dog dog.",
        "The Quick, QUICK cat.",  # not a substitute
        "A Quick, QUICK dog.",
        "quick The Quick, QUICK dog.",
    ],
)
def test_any_further_edit_is_not(after):
    assert words_replaced(TABLE, TEXT, after) is None
