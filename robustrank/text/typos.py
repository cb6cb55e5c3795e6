"""Character typos: one character of a word is deleted, inserted, substituted, swapped or mistyped.

Source: Penha, Camara, Hauff, ECIR 2022 (arXiv 2111.13057); Zhuang, Zuccon, EMNLP 2021: longer words only, no stop
words. Every operation changes the word; a new letter is written in the case of the character at its place.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.words import words

LETTERS = "abcdefghijklmnopqrstuvwxyz"
MINIMUM_LENGTH = 4  # characters; shorter words are left alone
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")  # each stands half a key to the right of the row above

# Latin letters and the Cyrillic ones that look the same, of Unicode's confusables (UTS 39).
HOMOGLYPHS = dict(
    zip(
        "aceijopsxyABCEHIJKMOPSTXY",
        "\u0430\u0441\u0435\u0456\u0458\u043e\u0440\u0455\u0445\u0443"
        "\u0410\u0412\u0421\u0415\u041d\u0406\u0408\u041a\u041c\u041e\u0420\u0405\u0422\u0425\u04ae",
        strict=True,
    )
)

Operation = Callable[[str, np.random.Generator], str]


def eligible(text: str) -> list[int]:
    """Return the indices (into :func:`words`) of the words that may be misspelt."""
    return [
        index
        for index, word in enumerate(words(text))
        if len(word.text) >= MINIMUM_LENGTH and word.key not in STOP_WORDS
    ]


def neighbours(key: str) -> str:
    """Return the keys beside a letter on a QWERTY keyboard; every other letter where it has no such key."""
    for number, row in enumerate(_ROWS):
        place = row.find(key.lower())
        if place >= 0:
            beside = row[max(0, place - 1) : place] + row[place + 1 : place + 2]
            above = _ROWS[number - 1][place : place + 2] if number > 0 else ""
            below = _ROWS[number + 1][max(0, place - 1) : place + 1] if number + 1 < len(_ROWS) else ""
            return beside + above + below
    return _others(LETTERS, key)


def delete(word: str, rng: np.random.Generator) -> str:
    """Leave one character out."""
    place = _place(word, rng)
    return word[:place] + word[place + 1 :]


def insert(word: str, rng: np.random.Generator) -> str:
    """Put a letter in front of a character."""
    place = _place(word, rng)
    return word[:place] + _one_of(LETTERS, word[place], rng) + word[place:]


def substitute(word: str, rng: np.random.Generator) -> str:
    """Write another letter for one character."""
    place = _place(word, rng)
    return word[:place] + _one_of(_others(LETTERS, word[place]), word[place], rng) + word[place + 1 :]


def neighbour(word: str, rng: np.random.Generator) -> str:
    """Hit a key beside the right one."""
    place = _place(word, rng)
    return word[:place] + _one_of(neighbours(word[place]), word[place], rng) + word[place + 1 :]


def swap(word: str, rng: np.random.Generator) -> str:
    """Swap two neighbouring characters that differ; a word of one repeated character loses one instead."""
    places = [place for place in range(len(word) - 1) if word[place] != word[place + 1]]
    if not places:
        return delete(word, rng)
    place = places[int(rng.integers(len(places)))]
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def homoglyph(word: str, rng: np.random.Generator) -> str:
    """Write a letter of another script that looks the same; a word without such a letter loses a character."""
    places = [place for place, character in enumerate(word) if character in HOMOGLYPHS]
    if not places:
        return delete(word, rng)
    place = places[int(rng.integers(len(places)))]
    return word[:place] + HOMOGLYPHS[word[place]] + word[place + 1 :]


OPERATIONS: dict[str, Operation] = {
    "delete": delete,
    "insert": insert,
    "substitute": substitute,
    "swap": swap,
    "neighbour": neighbour,
    "homoglyph": homoglyph,
}


def _place(word: str, rng: np.random.Generator) -> int:
    return int(rng.integers(len(word)))


def _others(letters: str, character: str) -> str:
    return letters.replace(character.lower(), "")


def _one_of(letters: str, at: str, rng: np.random.Generator) -> str:
    """Return a letter in the case of the character ``at`` its place."""
    letter = letters[int(rng.integers(len(letters)))]
    return letter.upper() if at.isupper() else letter
