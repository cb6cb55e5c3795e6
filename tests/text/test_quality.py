"""What an edit looks like: its size, its repetition of the query."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustrank.text.analysis import analyze
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


def test_spamicity_is_scikit_learns_tf_idf():
    sklearn = pytest.importorskip("sklearn.feature_extraction.text")
    documents = ["The flow over a wing", "Heat and flow in a wall", "The wing of a bird, the wing"]
    found = Spamicity.of(documents)
    vectors = sklearn.TfidfVectorizer(analyzer=analyze).fit(documents)
    for query, text in itertools.product(["wing flow", "heat", "bird wing wing"], [*documents, "wing wing flow heat"]):
        asked, shown = (vectors.transform([one]).toarray()[0] for one in (query, text))
        expected = shown[asked > 0].sum() / ((asked > 0).sum() * asked.max())
        assert found.score(query, text) == pytest.approx(expected)


def test_spamicity_of_nothing_is_none_and_repetition_raises_it():
    found = Spamicity.of(["The flow over a wing", "Heat in a wall"])
    assert found.score("", "wing") == found.score("wing", "") == found.score("the", "the wing") == 0
    values = [found.score("wing flow", "heat in a wall " + "wing flow " * n) for n in range(4)]
    assert values == sorted(values)
    assert values[0] == 0
    assert found.score("unheard", "of unheard things") > 0


def test_cosine_by_hand():
    one, other = np.array([1, 0], dtype=np.float32), np.array([1, 1], dtype=np.float32)
    assert cosine(one, other) == pytest.approx(np.sqrt(0.5))
    assert cosine(one, np.zeros(2, dtype=np.float32)) == 0
