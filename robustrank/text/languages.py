"""The languages of collections: their codes, scripts and stemmers, and which scripts a text is written in.

Codes are those of ISO 639-1, and of ISO 639-2 ``und`` (undetermined: any other language) and ``mul`` (several
languages). A plug-in that needs certain languages names their codes in its ``languages``.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection as Sized
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice

from robustrank.errors import UsageError, nearest

ENGLISH = "en"
_NAMED = 5  # languages of a plug-in that a message names
_TEXTS, _CHARACTERS = 1_000, 2_000  # texts, evenly spaced, and first characters of each that tell the script


@dataclass(frozen=True)
class Language:
    """A language.

    Attributes:
        code: Its code.
        scripts: The scripts that it is written in, by their Unicode names; empty: any.
        stemmer: The Snowball algorithm of its words, among those of PyStemmer 2.2; empty: words are not stemmed.
    """

    code: str
    scripts: tuple[str, ...] = ("Latin",)
    stemmer: str = ""

    @property
    def separates_words(self) -> bool:
        """Whether it is written with spaces between words."""
        return not self.scripts or not UNSPACED.intersection(self.scripts) or "Hangul" in self.scripts


# Scripts without spaces between words. Hangul has spaces, but they separate phrases (noun and particle) rather than
# words: its terms are bigrams, see robustrank.text.analysis, and its words those between spaces.
UNSPACED = frozenset(("Han", "Hiragana", "Katakana", "Bopomofo", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan"))
_STEMMED = (
    "en english, de german, fr french, es spanish, it italian, pt portuguese, nl dutch, sv swedish, da danish, "
    "no norwegian, nb norwegian, nn norwegian, fi finnish, hu hungarian, ro romanian, ca catalan, eu basque, ga irish, "
    "id indonesian, lt lithuanian, tr turkish"
)
_LATIN = "af az bs cs cy eo et gl hr is la lv ms mt pl sk sl so sq sw tl uz vi yo zu"
_OTHERS = (
    Language("am", ("Ethiopic",)),
    Language("ar", ("Arabic",), "arabic"),
    Language("as", ("Bengali",)),
    Language("be", ("Cyrillic",)),
    Language("bg", ("Cyrillic",)),
    Language("bn", ("Bengali",)),
    Language("bo", ("Tibetan",)),
    Language("el", ("Greek",), "greek"),
    Language("fa", ("Arabic",)),
    Language("gu", ("Gujarati",)),
    Language("he", ("Hebrew",)),
    Language("hi", ("Devanagari",), "hindi"),
    Language("hy", ("Armenian",), "armenian"),
    Language("ja", ("Han", "Hiragana", "Katakana")),
    Language("ka", ("Georgian",)),
    Language("kk", ("Cyrillic",)),
    Language("km", ("Khmer",)),
    Language("kn", ("Kannada",)),
    Language("ko", ("Hangul", "Han")),
    Language("lo", ("Lao",)),
    Language("mk", ("Cyrillic",)),
    Language("ml", ("Malayalam",)),
    Language("mn", ("Cyrillic", "Mongolian")),
    Language("mr", ("Devanagari",)),
    Language("mul", ()),
    Language("my", ("Myanmar",)),
    Language("ne", ("Devanagari",), "nepali"),
    Language("or", ("Oriya",)),
    Language("pa", ("Gurmukhi",)),
    Language("ru", ("Cyrillic",), "russian"),
    Language("si", ("Sinhala",)),
    Language("sr", ("Cyrillic", "Latin"), "serbian"),
    Language("ta", ("Tamil",), "tamil"),
    Language("te", ("Telugu",)),
    Language("th", ("Thai",)),
    Language("uk", ("Cyrillic",)),
    Language("und", ()),
    Language("ur", ("Arabic",)),
    Language("yi", ("Hebrew",), "yiddish"),
    Language("zh", ("Han", "Bopomofo")),
)
LANGUAGES = {
    language.code: language
    for language in (
        *(Language(code, ("Latin",), stemmer) for code, stemmer in map(str.split, _STEMMED.split(","))),
        *map(Language, _LATIN.split()),
        *_OTHERS,
    )
}
SPACED = tuple(sorted(code for code, language in LANGUAGES.items() if language.separates_words))
_SCRIPTS = frozenset(script for language in LANGUAGES.values() for script in language.scripts)


def language_of(code: str) -> Language:
    """Return the language of a code.

    Raises:
        UsageError: The code is not known.
    """
    if code not in LANGUAGES:
        raise UsageError(
            f"language {code!r} is not known",
            allowed=f"{', '.join(sorted(LANGUAGES))}; und: any other; mul: several",
            hint=nearest(code, sorted(LANGUAGES)),
        )
    return LANGUAGES[code]


def common_languages(several: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Return the languages that several plug-ins all work on; none named: any."""
    named = [frozenset(languages) for languages in several if languages]
    common = frozenset.intersection(*named) if named else frozenset()
    if named and not common:
        raise UsageError("the plug-ins have no language in common", allowed="plug-ins of one language")
    return tuple(sorted(common))


def unsupported(plugin: str, languages: Sequence[str], language: str) -> str:
    """Return why a plug-in does not work on a language; nothing where it does.

    Args:
        plugin: Its kind and name.
        languages: The languages that it works on; none: any.
        language: The language.
    """
    if not languages or language in languages:
        return ""
    works = f"works on {', '.join(languages)} alone" if len(languages) <= _NAMED else "does not work on it"
    return f"language {language}: {plugin} {works}"


def scripts(texts: Iterable[str]) -> Counter[str]:
    """Return the number of letters of each script, most frequent first; letters of rare scripts count as Other."""
    characters: Counter[str] = Counter()
    for text in texts:
        characters.update(text)
    counts: Counter[str] = Counter()
    for character, count in characters.items():
        if character.isalpha():
            counts[script_of(character)] += count
    return Counter(dict(counts.most_common()))


def foreign_script(code: str, *texts: Sized[str]) -> str:
    """Return a sentence about the scripts of some texts if most letters are not of the language's; else nothing.

    Of many texts 1,000, evenly spaced, are read, and of each the first 2,000 characters.
    """
    expected = language_of(code).scripts
    step = max(1, sum(map(len, texts)) // _TEXTS)
    counts = scripts(text[:_CHARACTERS] for text in islice(chain.from_iterable(texts), 0, None, step))
    letters = counts.total()
    foreign = letters - sum(counts[script] for script in expected)
    if not expected or 2 * foreign <= letters:
        return ""
    shares = ", ".join(f"{script} {count / letters:.0%}" for script, count in counts.most_common(4))
    return (
        f"{foreign / letters:.0%} of the letters are not {' or '.join(expected)}, the script of language {code!r} "
        f"({shares}): set `language` of the collection, as und for a language without a code or mul for several."
    )


@cache
def script_of(character: str) -> str:
    """Return the Unicode name of a character's script, Other for scripts of no language here."""
    script = unicodedata.name(character, "").split(" ")[0].capitalize().replace("Cjk", "Han")
    return script if script in _SCRIPTS else "Other"
