"""Character typos."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustrank.text.quality import edit_distance
from robustrank.text.typos import HOMOGLYPHS, LETTERS, alphabets, eligible, neighbours, operations
from robustrank.text.words import words

OPERATIONS = operations({})
WORDS = ["window", "Aircraft", "aaaa", "UNESCO", "naïve", "x9-Y", "ßßßß"]


@pytest.mark.parametrize("name", sorted(OPERATIONS))
@given(st.sampled_from(WORDS), st.integers(0, 2**32 - 1))
def test_every_typo_changes_the_word_by_one_character(name, word, seed):
    typo = OPERATIONS[name](word, np.random.default_rng(seed))
    assert typo != word
    length = {"delete": -1, "insert": 1}.get(name, 0)
    impossible = {"swap": len(set(word)) == 1, "homoglyph": not set(word) & set(HOMOGLYPHS)}
    assert len(typo) - len(word) == (-1 if impossible.get(name) else length)
    assert edit_distance(word, typo) <= (2 if name == "swap" else 1)
    assert name != "swap" or sorted(typo) == sorted(word) or len(set(word)) == 1


@pytest.mark.parametrize("name", ["insert", "substitute", "neighbour"])
def test_a_new_letter_has_the_case_of_the_character_at_its_position(name):
    drawn = {OPERATIONS[name]("NATO", np.random.default_rng(seed)) for seed in range(50)}
    assert all(typo.isupper() for typo in drawn)
    assert len(drawn) > 5


def test_neighbouring_keys_are_symmetric_as_on_a_keyboard():
    assert sorted(neighbours("s")) == sorted("adwezx")
    assert sorted(neighbours("q")) == sorted("wa")
    assert sorted(neighbours("P")) == sorted("ol")
    for a in LETTERS:
        assert a not in neighbours(a)
        assert all(a in neighbours(b) for b in neighbours(a))
    assert neighbours("ß") == LETTERS


def test_stop_words_and_short_words_are_never_misspelt():
    text = "the cat would chase windows through May"
    assert [words(text)[i].text for i in eligible(text, "en")] == ["chase", "windows"]
    assert eligible("", "en") == []


def test_new_letters_are_of_the_script_of_the_word():
    assert alphabets(["Wing, reka"], "de") == {}
    known = alphabets(["река и гора", "Volga"], "ru")
    assert known == {"Cyrillic": "агеикор"}
    typos = operations(known)
    for name in ("insert", "substitute", "neighbour"):
        drawn = {typos[name]("река", np.random.default_rng(seed)) for seed in range(30)}
        assert all(set(typo) <= set(known["Cyrillic"]) for typo in drawn)
        assert len(drawn) > 3
        latin = {typos[name]("reka", np.random.default_rng(seed)) for seed in range(30)}
        assert all(typo.isascii() for typo in latin)


def test_words_of_other_languages_have_no_stop_words_here():
    assert [words("this with река")[i].text for i in eligible("this with река", "ru")] == ["this", "with", "река"]
