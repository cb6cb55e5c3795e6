"""The one notion of a word that samplers, overlaps, attacks and certificates share.

A word is what stands between white space, without punctuation at its ends. Its key is its lower-case form: tables
know keys. A replacement is written in the case of the word it replaces, so that a text is decided by its keys and the
case of its places, and no replacement changes the case of a place: without that, a certificate over a table would be
unsound. The published CertDR code strips one trailing punctuation mark only; ours strips all, at both ends.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

_TOKEN = re.compile(r"\S+")

Case = Literal["lower", "capitalised", "upper"]


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text: characters ``start:end``, as they stand there."""

    start: int
    end: int
    text: str

    @property
    def key(self) -> str:
        """The form tables know."""
        return self.text.lower()


def words(text: str) -> list[Word]:
    """Return the words of a text in order; tokens without a letter or digit are none."""
    found = []
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        while start < end and not text[start].isalnum():
            start += 1
        while end > start and not _ends_word(text[end - 1]):
            end -= 1
        if start < end:
            found.append(Word(start, end, text[start:end]))
    return found


def document_frequencies(texts: Iterable[str]) -> Counter[str]:
    """Return in how many of the texts each key stands."""
    return Counter(key for text in texts for key in {word.key for word in words(text)})


def case_of(word: str) -> Case:
    """Return the case a place is in: ``upper`` from two characters on, else that of the first character."""
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

    All other characters stay. If the keys are replaceable (see :func:`is_replaceable`), the new text has the same
    number of words, those keys at those indices, and the same cases.

    Raises:
        IndexError: An index is not that of a word.
    """
    found = words(text)
    pieces, position = [], 0
    for index in sorted(replacements):
        if not 0 <= index < len(found):
            raise IndexError(f"there is no word {index} in a text of {len(found)} words")
        word = found[index]
        pieces += [text[position : word.start], in_case_of(replacements[index], word.text)]
        position = word.end
    return "".join([*pieces, text[position:]])


def is_replaceable(key: str) -> bool:
    """Whether a key may stand in a table: in every case it is one word, of that case, and leads back to the key.

    This leaves out single letters and words whose only letter comes first, as ``b2``: capitalised, they are in upper
    case too, and what replaces them would be written in another case than what stood there.
    """
    forms = {case: in_case(key, case) for case in get_args(Case)}
    return all(
        [word.text for word in words(form)] == [form] and case_of(form) == case and form.lower() == key
        for case, form in forms.items()
    )


def _ends_word(character: str) -> bool:
    # An accent written as a character of its own belongs to its letter.
    return character.isalnum() or unicodedata.category(character).startswith("M")
