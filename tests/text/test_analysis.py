from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustrank.errors import UsageError
from robustrank.text.analysis import STOP_WORDS, analyser, terms
from robustrank.text.languages import LANGUAGES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Running dogs, and the RUNS of a dog!", ["run", "dog", "run", "dog"]),
        ("generously generic", ["generous", "generic"]),  # Porter's first stemmer makes both "gener"
        ("naïve café’s x 7 42", ["naïv", "café", "42"]),  # single characters are not words
        ("TGF-β and snake_case", ["tgf", "snake_cas"]),
        ("to be or not to be", []),
        ("", []),
        ("\ud800 lone surrogate", ["lone", "surrog"]),
    ],
)
def test_english_terms_are_lower_case_stems_without_stop_words(text: str, expected: list[str]) -> None:
    assert analyser("en").terms(text) == list(terms("en", text)) == expected
    assert [term for term, _ in analyser("en").located_terms(text)] == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("de", "Die Häuser am Fluss", ["die", "haus", "am", "fluss"]),  # no stop words but in English
        ("ru", "я вижу реки", ["я", "виж", "рек"]),  # one letter can be a word
        ("hi", "नदी पर पत्थर का पुल है", ["नद", "पर", "पत्थर", "क", "पुल", "है"]),  # vowel signs stay in their word
        ("th", "หินน้ำ", ["หิน", "นน้", "น้ำ"]),  # pairs of characters with their marks
        ("zh", "石桥。河 TCP协议", ["石", "石桥", "桥", "河", "tcp", "协", "协议", "议"]),
        ("ja", "石橋のパン", ["石", "石橋", "橋", "橋の", "のパ", "パン"]),
        ("ko", "강에는 돌 다리", ["강에", "에는", "돌", "다리"]),
        ("vi", "Cầu đá, ý", ["cầu", "đá", "ý"]),
        ("tr", "ISPARTA İzmir", ["ıspar", "izmir"]),
        ("fa", "می\u200cخواهم", ["میخواهم"]),
        ("he", "שָׁלוֹם עולם", [unicodedata.normalize("NFC", "שָׁלוֹם"), "עולם"]),
        ("und", "running runs", ["running", "runs"]),
    ],
)
def test_terms_suit_the_script(language: str, text: str, expected: list[str]) -> None:
    for form in ("NFC", "NFD"):
        written = unicodedata.normalize(form, text)
        assert analyser(language).terms(written) == expected
        located = analyser(language).located_terms(written)
        assert [term for term, _ in located] == expected
        assert all(written[start:end].strip() for _, (start, end) in located)


def test_scripts_are_told_apart_whatever_the_language() -> None:
    assert analyser("en").terms("पुल, 石桥 and bridges") == ["पुल", "石", "石桥", "桥", "bridg"]
    assert analyser("de").terms("石桥") == analyser("zh").terms("石桥")


def test_located_terms_have_the_spans_of_their_words() -> None:
    text = "İzmir's WINGS, and ΟΔΟΣ (Runs) cafe\u0301 石桥"  # İ is i and a dot in lower case
    located = analyser("en").located_terms(text)
    assert [text[start:end] for _, (start, end) in located] == [
        *("İzmir", "WINGS", "ΟΔΟΣ", "Runs", "cafe\u0301"),
        *("石", "石桥", "桥"),
    ]
    assert [term for term, _ in located] == analyser("en").terms(text)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(["en", "tr", "hi", "zh", "ko"]))
def test_equivalent_texts_have_the_same_terms(text: str, language: str) -> None:
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
    assert analyser(language).terms(forms[0]) == analyser(language).terms(forms[1])
    for form in (text, *forms):
        located = analyser(language).located_terms(form)
        assert [term for term, _ in located] == analyser(language).terms(form)


def test_every_language_has_an_analyser_and_no_other() -> None:
    for code in LANGUAGES:
        assert analyser(code).terms("2027")
    with pytest.raises(UsageError, match="not known"):
        analyser("english")


def test_the_stop_list_equals_that_of_bm25s() -> None:
    from bm25s.stopwords import STOPWORDS_EN

    assert set(STOPWORDS_EN) == STOP_WORDS
