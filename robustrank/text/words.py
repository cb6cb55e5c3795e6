"""The definition of a word that smoothing, overlaps, attacks and certificates share.

A word is a token between white space, without punctuation at its ends; in scripts without spaces between words, as
of Chinese, Japanese and Thai, it is a character with its marks. Its key is its lower-case, composed form, that of
tables. A substitute is written in the case of the word it replaces, so that a text is determined by its keys and cases,
and no substitution changes a case: otherwise a certificate over a table would be unsound. The published CertDR code
strips a single trailing punctuation mark; ours strips all, at both ends.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from robustrank.text.scripts import JOINERS, MARKS, UNSPACED

_UNSPACED = re.compile(f"[{UNSPACED}]")
_TOKEN = re.compile(rf"[{UNSPACED}][{MARKS}{JOINERS}]*|[^{UNSPACED}\s]+")

Case = Literal["lower", "capitalised", "upper"]
Kind = Literal["cased", "caseless", "unspaced"]  # as in Latin, in Devanagari, in Han


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text: its characters ``start:end``."""

    start: int
    end: int
    text: str

    @property
    def key(self) -> str:
        """The lower-case form in Unicode's composed form (NFC), as in tables."""
        key = self.text.lower()
        return key if key.isascii() else unicodedata.normalize("NFC", key)


def words(text: str) -> list[Word]:
    """Return the words of a text in order; tokens without a letter or digit are skipped."""
    tokens = []
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        while start < end and not text[start].isalnum():
            start += 1
        while end > start and not _ends_word(text[end - 1]):
            end -= 1
        if start < end:
            tokens.append(Word(start, end, text[start:end]))
    return tokens


def first_words(text: str, count: int) -> str:
    """Return the first ``count`` words of a text, without the white space around it."""
    if _UNSPACED.search(text):
        positions = words(text)
        return text[: positions[count - 1].end].strip() if len(positions) > count else text.strip()
    return " ".join(text.split()[:count])


def document_frequencies(texts: Iterable[str]) -> Counter[str]:
    """Return the number of texts that contain each key."""
    return Counter(key for text in texts for key in {word.key for word in words(text)})


def vocabulary(texts: Iterable[str]) -> frozenset[str]:
    """Return the keys that occur in some texts."""
    return frozenset(word.key for text in texts for word in words(text))


def case_of(word: str) -> Case:
    """Return the case of a word: ``upper`` from two characters on, else that of the first character."""
    if len(word) > 1 and word.isupper():
        return "upper"
    return "capitalised" if word[:1].isupper() else "lower"


def in_case(key: str, case: Case) -> str:
    """Return ``key`` written in a case."""
    if case == "upper":
        return key.upper()
    return key[:1].upper() + key[1:] if case == "capitalised" else key


def in_case_of(key: str, word: str) -> str:
    """Return ``key`` in the case of ``word``."""
    return in_case(key, case_of(word))


def replace_words(text: str, replacements: Mapping[int, str]) -> str:
    """Return ``text`` with the words at some indices replaced by keys, each in the case of the word it replaces.

    All remaining characters are unchanged. If the keys are replaceable (see :func:`is_replaceable`), the new text has
    the same number of words, those keys at those indices, and the same cases.

    Raises:
        IndexError: An index is out of range.
    """
    tokens = words(text)
    pieces, position = [], 0
    for index in sorted(replacements):
        if not 0 <= index < len(tokens):
            raise IndexError(f"no word {index} in a text of {len(tokens)} words")
        word = tokens[index]
        pieces += [text[position : word.start], in_case_of(replacements[index], word.text)]
        position = word.end
    return "".join([*pieces, text[position:]])


def is_replaceable(key: str) -> bool:
    """Whether a key is allowed in a table: in every case it is a single word of that case, with this key.

    So is a word of a script without cases. Keys are in composed form (NFC). This excludes single letters and words
    whose only letter comes first, e.g. ``b2``: capitalised, they are in upper case too, and a substitute would be
    written in a different case than the word.
    """
    if unicodedata.normalize("NFC", key) != key:
        return False
    if kind_of(key) != "cased":
        return [word.text for word in words(key)] == [key] and any(map(str.isalpha, key))
    forms = {case: in_case(key, case) for case in get_args(Case)}
    return all(
        [word.text for word in words(form)] == [form] and case_of(form) == case and form.lower() == key
        for case, form in forms.items()
    )


def kind_of(key: str) -> Kind:
    """Return how the script of a key writes words; a key that replaces another is of the same kind.

    Otherwise a substitute could be written in another case than its word, or run into the word beside it.
    """
    if key.upper() != key or key != key.lower():
        return "cased"
    return "unspaced" if _UNSPACED.match(key) else "caseless"


def is_alphabetic(word: str) -> bool:
    """Return whether a word holds letters and their combining marks alone; ``str.isalpha`` knows no marks."""
    return word.isalpha() or (bool(word) and all(c.isalpha() or _is_mark(c) for c in word) and word[0].isalpha())


def _ends_word(character: str) -> bool:
    # A combining accent belongs to its letter.
    return character.isalnum() or _is_mark(character)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")
