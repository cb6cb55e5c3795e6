"""Stealth measures of an edit: its size and its spamicity."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustrank.text.analysis import analyser
from robustrank.text.quality import Spamicity, cosine, edit_distance, edit_size


def textbook(before, after):
    """Wagner and Fischer's table, cell by cell."""
    table = [[max(i, j) if not i * j else 0 for j in range(len(after) + 1)] for i in range(len(before) + 1)]
    for i in range(1, len(before) + 1):
        for j in range(1, len(after) + 1):
            change = table[i - 1][j - 1] + (before[i - 1] != after[j - 1])
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, change)
    return table[-1][-1]


@given(st.text("abc ", max_size=12), st.text("abc ", max_size=12))
def test_edit_distance_equals_the_textbook_table(before, after):
    assert edit_distance(before, after) == textbook(before, after)
    assert edit_distance(before.split(), after.split()) == textbook(before.split(), after.split())


def test_edit_distance_of_long_texts_is_that_of_their_difference():
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


def test_no_edit_has_size_0_and_an_edit_of_an_empty_text_has_a_size():
    assert set(edit_size("same text", "same text").values()) == {0}
    assert edit_size("", "two words") == {"words_changed": 2, "characters_changed": 9, "tokens_added": 2}
    assert edit_size("two words", "")["words_changed"] == 1


def test_spamicity_equals_that_by_scikit_learn():
    sklearn = pytest.importorskip("sklearn.feature_extraction.text")
    documents = ["The flow over a wing", "Heat and flow in a wall", "The wing of a bird, the wing"]
    spamicity = Spamicity.of(documents, "en")
    vectors = sklearn.TfidfVectorizer(analyzer=analyser("en").terms).fit(documents)
    for query, text in itertools.product(["wing flow", "heat", "bird wing wing"], [*documents, "wing wing flow heat"]):
        query_weights, text_weights = (vectors.transform([string]).toarray()[0] for string in (query, text))
        terms = query_weights > 0
        expected = text_weights[terms].sum() / (terms.sum() * query_weights.max())
        assert spamicity.score(query, text) == pytest.approx(expected)


def test_spamicity_of_an_empty_text_is_0_and_repetition_raises_it():
    spamicity = Spamicity.of(["The flow over a wing", "Heat in a wall"], "en")
    assert spamicity.score("", "wing") == spamicity.score("wing", "") == spamicity.score("the", "the wing") == 0
    values = [spamicity.score("wing flow", "heat in a wall " + "wing flow " * n) for n in range(4)]
    assert values == sorted(values)
    assert values[0] == 0
    assert spamicity.score("unheard", "of unheard things") > 0


def test_cosine_by_hand():
    first, second = np.array([1, 0], dtype=np.float32), np.array([1, 1], dtype=np.float32)
    assert cosine(first, second) == pytest.approx(np.sqrt(0.5))
    assert cosine(first, np.zeros(2, dtype=np.float32)) == 0
