"""The one notion of a word that samplers, overlaps, attacks and certificates share.

A word is what stands between white space, without punctuation at its ends. Its key is its lower-case form: tables
know keys. A replacement is written in the case of the word it replaces, so that a text is decided by its keys and the
case of its places, and the case of a place never changes: without that, a certificate over a table would be unsound.
The published CertDR code strips one trailing punctuation mark only; ours strips all, at both ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_TOKEN = re.compile(r"\S+")


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
        while end > start and not text[end - 1].isalnum():
            end -= 1
        if start < end:
            found.append(Word(start, end, text[start:end]))
    return found


def in_case_of(key: str, word: str) -> str:
    """Return ``key`` in the case of ``word``: upper, capitalised or lower."""
    if len(word) > 1 and word.isupper():
        return key.upper()
    return key[:1].upper() + key[1:] if word[:1].isupper() else key


def replace_words(text: str, replacements: Mapping[int, str]) -> str:
    """Return ``text`` with the words at some indices replaced by keys, each in the case of the word it replaces."""
    pieces, position = [], 0
    for index, word in enumerate(words(text)):
        if index in replacements:
            pieces += [text[position : word.start], in_case_of(replacements[index], word.text)]
            position = word.end
    return "".join([*pieces, text[position:]])


def is_replaceable(key: str) -> bool:
    """Whether a key may stand in a table: one word of at least two characters that survives every case."""
    found = words(key)
    return (
        len(key) > 1
        and len(found) == 1
        and found[0].text == key
        and all(form.lower() == key for form in (key, key.upper(), in_case_of(key, "Xx")))
    )
