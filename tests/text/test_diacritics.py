from __future__ import annotations

import unicodedata

import pytest

from robustrank.text.diacritics import without_diacritics


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Cầu đá bắc qua sông", "Cau da bac qua song"),
        ("Žluťoučký kůň, Łódź, smørrebrød", "Zlutoucky kun, Lodz, smorrebrod"),
        ("Ωραία", "Ωραια"),
        ("كِتَابٌ", "كتاب"),
        ("שָׁלוֹם", "שלום"),
        ("नदी में हिन्दी", "नदी में हिन्दी"),  # vowels, not diacritics
        ("ที่นี่", "ที่นี่"),
        ("が 한국 йод", "が 한국 йод"),
        ("straße æther", "straße æther"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_diacritics_go_and_all_else_stays(text, expected):
    for form in ("NFC", "NFD"):
        written, wanted = (unicodedata.normalize(form, value) for value in (text, expected))
        assert without_diacritics(written) == wanted
