"""The size of an edit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustrank.text.quality import edit_distance, edit_size


def textbook(before, after):
    """Wagner and Fischer's table, cell by cell."""
    table = [[max(i, j) if not i * j else 0 for j in range(len(after) + 1)] for i in range(len(before) + 1)]
    for i in range(1, len(before) + 1):
        for j in range(1, len(after) + 1):
            change = table[i - 1][j - 1] + (before[i - 1] != after[j - 1])
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, change)
    return table[-1][-1]


@given(st.text("abc ", max_size=12), st.text("abc ", max_size=12))
def test_edit_distance_is_levenshteins(before, after):
    assert edit_distance(before, after) == textbook(before, after)
    assert edit_distance(before.split(), after.split()) == textbook(before.split(), after.split())


def test_edit_distance_of_long_texts_is_that_of_what_differs():
    text = "the cat sat on the mat " * 150
    assert edit_distance(text, "X" + text[:1500] + "YZ" + text[1510:]) == 11
    assert edit_distance("kitten", "sitting") == 3


def test_the_size_of_an_edit_by_hand():
    size = edit_size("a fast plane", "a quick old plane")
    assert size == {
        "words_changed": pytest.approx(2 / 3),
        "characters_changed": pytest.approx(edit_distance("fast", "quick old") / 12),
        "tokens_added": 1,
    }


def test_no_edit_has_no_size_and_empty_texts_have_one():
    assert set(edit_size("same text", "same text").values()) == {0}
    assert edit_size("", "two words") == {"words_changed": 2, "characters_changed": 9, "tokens_added": 2}
    assert edit_size("two words", "")["words_changed"] == 1
