from __future__ import annotations

import pytest

from robustrank.text.analysis import STOP_WORDS, analyze, located_terms


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The Running dogs, and the RUNS of a dog!", ["run", "dog", "run", "dog"]),
        ("generously generic", ["generous", "generic"]),  # Porter's first stemmer makes both "gener"
        ("naïve café’s x 7 42", ["naïv", "café", "42"]),  # single characters are not words
        ("to be or not to be", []),
        ("", []),
        ("\ud800 lone surrogate", ["lone", "surrog"]),
    ],
)
def test_terms_are_lower_case_stems_without_stop_words(text: str, terms: list[str]) -> None:
    assert analyze(text) == terms
    assert [term for term, _ in located_terms(text)] == terms


def test_located_terms_have_the_spans_of_their_words() -> None:
    text = "İzmir's WINGS, and ΟΔΟΣ (Runs)"  # İ is i and a dot in lower case
    terms = located_terms(text)
    assert [text[start:end] for _, (start, end) in terms] == ["zmir", "WINGS", "ΟΔΟΣ", "Runs"]
    assert [term for term, _ in terms] == analyze(text)


def test_the_stop_list_equals_that_of_bm25s() -> None:
    from bm25s.stopwords import STOPWORDS_EN

    assert set(STOPWORDS_EN) == STOP_WORDS
