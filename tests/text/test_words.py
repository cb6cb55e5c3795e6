"""Words: tokenisation, replacement, and the words that are allowed in a table."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.words import (
    case_of,
    first_words,
    in_case,
    in_case_of,
    is_alphabetic,
    is_replaceable,
    kind_of,
    replace_words,
    words,
)

TEXT = '"Fast, fast" — the PLANE (jet), isn\'t well-known: e.g. U.S. 9/11...'


def test_words_have_their_spans_and_no_punctuation():
    tokens = words(TEXT)
    assert [w.text for w in tokens] == "Fast fast the PLANE jet isn't well-known e.g U.S 9/11".split()
    assert all(TEXT[w.start : w.end] == w.text for w in tokens)
    assert [w.key for w in tokens][:4] == ["fast", "fast", "the", "plane"]


def test_an_empty_text_has_no_words_and_an_accent_belongs_to_its_letter():
    assert words("") == words(" \n\t ") == words("… — !?") == []
    assert [w.text for w in words("cafe\u0301, हिन्दी.")] == ["cafe\u0301", "हिन्दी"]


def test_a_replacement_has_the_case_of_the_word_and_changes_nothing_else():
    assert replace_words(TEXT, {0: "quick", 3: "aircraft"}) == TEXT.replace('"Fast', '"Quick').replace(
        "PLANE", "AIRCRAFT"
    )
    assert in_case_of("quick", "I") == "Quick"
    assert in_case_of("quick", "iPhone") == "quick"
    with pytest.raises(IndexError, match="no word 7 in a text of 2 words"):
        replace_words("two words", {7: "more"})


keys = st.text("abñéдß'-9\u0301", min_size=2, max_size=6).filter(is_replaceable)


@given(st.lists(st.text(max_size=8), max_size=5), keys, st.data())
@example(["Plane"], "don't", None)
def test_a_replacement_keeps_the_number_of_words_and_the_case(tokens, key, data):
    text = " ".join([*tokens, "Plane, PLANE plane"])
    cased = [number for number, word in enumerate(words(text)) if kind_of(word.key) == "cased"]
    index = data.draw(st.sampled_from(cased)) if data else 0
    before, after = words(text), words(replace_words(text, {index: key}))
    assert [w.key for w in after] == [key if i == index else w.key for i, w in enumerate(before)]
    assert case_of(after[index].text) == case_of(before[index].text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("石桥。TCP协议-v2 です", ["石", "桥", "TCP", "协", "议", "v2", "で", "す"]),
        ("สะพานหิน", ["ส", "ะ", "พ", "า", "น", "หิ", "น"]),
        ("नदी पर पुल।", ["नदी", "पर", "पुल"]),
        ("강에는 다리가", ["강에는", "다리가"]),
        ("ca\u0302\u0300u đá!", ["ca\u0302\u0300u", "đá"]),
    ],
)
def test_words_suit_the_script(text, expected):
    found = words(text)
    assert [word.text for word in found] == [text[word.start : word.end] for word in found] == expected


@given(st.text("石桥नदीa1 .。", max_size=8), st.sampled_from(["石", "桥", "हिन्"]), st.data())
def test_a_replacement_of_a_word_without_cases_keeps_the_number_of_words(text, key, data):
    same = [number for number, word in enumerate(words(text)) if kind_of(word.key) == kind_of(key)]
    if same:
        index = data.draw(st.sampled_from(same))
        after = [word.key for word in words(replace_words(text, {index: key}))]
        assert after == [key if i == index else word.key for i, word in enumerate(words(text))]


def test_a_key_does_not_depend_on_the_unicode_form():
    assert [word.key for word in words("Ca\u0302\u0300u C\u1ea7u")] == ["c\u1ea7u"] * 2
    assert replace_words("Ca\u0302\u0300u đá", {0: "hầm"}) == "Hầm đá"


def test_first_words():
    assert first_words(" one  two - three", 3) == "one two -"
    assert first_words("石桥在河上。", 3) == "石桥在"


def test_letters_may_have_marks():
    assert all(map(is_alphabetic, ("plane", "हिन्दी", "น้ำ", "ca\u0302\u0300u")))
    assert not any(map(is_alphabetic, ("", "\u0302", "b2", "don't")))


@given(keys, keys, st.sampled_from(["Plane", "PLANE", "plane", "P", "pLANE"]))
def test_a_chain_of_replacements_does_not_depend_on_the_words_between(first, second, word):
    once = replace_words(word, {0: first})
    assert replace_words(once, {0: second}) == replace_words(word, {0: second})


@pytest.mark.parametrize(
    "key", ["a", "b2", "cafe\u0301", "f-16", "1990", "9x", "Paris", "two words", "end.", "", "straße", "x\u0301"]
)
def test_words_that_would_lose_their_case_or_their_ends_are_not_allowed_in_a_table(key):
    assert not is_replaceable(key)


def test_ordinary_words_are_allowed_in_a_table():
    assert all(is_replaceable(key) for key in ("plane", "don't", "well-known", "naïve", "ab2", "москва", "पुल", "石"))
    assert in_case("naïve", "upper") == "NAÏVE"


def test_the_stop_list_has_lower_case_function_words_only():
    assert {"the", "of", "and", "not", "which"} <= STOP_WORDS
    assert not {"good", "government", "aircraft", "water"} & STOP_WORDS
    assert all(word == word.lower() and word.isalpha() for word in STOP_WORDS)
