from __future__ import annotations

import pytest

from robustrank.errors import UsageError
from robustrank.text.languages import (
    LANGUAGES,
    SPACED,
    common_languages,
    foreign_script,
    language_of,
    scripts,
    unsupported,
)


def test_every_stemmer_is_one_of_pystemmer():
    import Stemmer

    named = {language.stemmer for language in LANGUAGES.values()} - {""}
    assert named <= set(Stemmer.algorithms())
    assert len(named) == 28


def test_languages_without_spaces():
    assert set(LANGUAGES) - set(SPACED) == {"zh", "ja", "th", "lo", "km", "my", "bo"}


def test_scripts_are_counted_by_letters():
    assert scripts(["Bridge 12!", "石桥", "नदी", "ｱ"]) == {"Latin": 6, "Han": 2, "Devanagari": 2, "Other": 1}


@pytest.mark.parametrize(
    ("language", "texts", "share"),
    [
        ("en", ["नदी पर पुल", "bridge"], ""),  # half and half
        ("en", ["नदी पर पुल", "red"], "67% of the letters are not Latin"),
        ("ja", ["川に石橋がある"], ""),
        ("ru", ["the bridge over the river"], "100% of the letters are not Cyrillic"),
        ("und", ["नदी"], ""),
        ("en", ["12 !", ""], ""),
    ],
)
def test_another_script_than_the_language_s_is_told(language, texts, share):
    told = foreign_script(language, texts)
    assert told.startswith(share) if share else told == ""


def test_many_texts_are_sampled():
    texts = ["a bridge"] * 1500 + ["石桥很长"] * 3500
    assert foreign_script("zh", texts) == ""
    assert "not Latin" in foreign_script("en", ["石" * 5000, *["bridge"] * 10])  # 2,000 of the 5,000


def test_languages_of_plug_ins():
    assert unsupported("attack 'x'", (), "hi") == ""
    assert unsupported("attack 'x'", ("en", "hi"), "hi") == ""
    assert unsupported("attack 'x'", ("en", "de"), "hi") == "language hi: attack 'x' works on en, de alone"
    assert unsupported("attack 'x'", SPACED, "zh") == "language zh: attack 'x' does not work on it"
    assert common_languages([(), ("en", "de"), ("de", "fr")]) == ("de",)
    assert common_languages([(), ()]) == ()
    with pytest.raises(UsageError, match="no language in common"):
        common_languages([("en",), ("de",)])
    with pytest.raises(UsageError, match="not known"):
        language_of("xx")
