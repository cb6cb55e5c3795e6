"""Antonyms: pairs that are excluded as substitutes."""

from __future__ import annotations

import itertools

import pytest

from robustrank.text.antonyms import are_antonyms, opposites


@pytest.mark.parametrize(
    "pair",
    """good bad; increases decreased; rising falling; rose fell; buyer seller; north south; winners losers; first last;
    seven nine; seventh ninth; january march; mondays tuesdays; red blue; happy unhappy; legal illegal;
    agreed disagrees; careful careless; hopeful hopelessly; widening narrowing; australian indian""".split(";"),
)
def test_antonyms_are_symmetric(pair):
    first, second = pair.split()
    assert are_antonyms(first, second)
    assert are_antonyms(second, first)


@pytest.mark.parametrize(
    "pair",
    "large big; decrease reduce; good excellent; aircraft airplane; australia australian; first first".split(";"),
)
def test_synonyms_and_inflections_are_not_antonyms(pair):
    assert not are_antonyms(*pair.split())


def test_the_list_is_large_and_clean_and_no_word_is_its_own_antonym():
    pairs = [(a, b) for sides in opposites() for x, y in itertools.combinations(sides, 2) for a in x for b in y]
    assert len(pairs) > 1000
    assert all(a != b and a == a.lower() and a.isalpha() for pair in pairs for a, b in (pair, pair[::-1]))
    listed = {word for pair in pairs for word in pair}
    assert not [word for word in listed if are_antonyms(word, word)]
