"""Character typos: one character of a word is deleted, inserted, substituted, swapped or mistyped.

Source: Penha, Camara, Hauff, ECIR 2022 (arXiv 2111.13057); Zhuang, Zuccon, EMNLP 2021: words longer than three
letters, no stop words. Every operation changes the word, and leaves its first character's case alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.words import words

LETTERS = "abcdefghijklmnopqrstuvwxyz"
MINIMUM_LENGTH = 4  # letters; shorter words are left alone
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")

Operation = Callable[[str, np.random.Generator], str]


def eligible(text: str) -> list[int]:
    """Return the indices (into :func:`words`) of the words that may be misspelt."""
    return [
        index
        for index, word in enumerate(words(text))
        if len(word.text) >= MINIMUM_LENGTH and word.key not in STOP_WORDS
    ]


def neighbours(key: str) -> str:
    """Return the keys beside a letter on a QWERTY keyboard; every letter where the keyboard does not know it."""
    for number, row in enumerate(_ROWS):
        place = row.find(key.lower())
        if place >= 0:
            beside = row[max(0, place - 1) : place] + row[place + 1 : place + 2]
            for other in _ROWS[max(0, number - 1) : number] + _ROWS[number + 1 : number + 2]:
                beside += other[max(0, place - 1) : place + 1]
            return beside
    return LETTERS


def delete(word: str, rng: np.random.Generator) -> str:
    """Leave one character out."""
    place = _place(word, rng)
    return word[:place] + word[place + 1 :]


def insert(word: str, rng: np.random.Generator) -> str:
    """Put a letter in front of a character."""
    place = _place(word, rng)
    return word[:place] + _letter(LETTERS, "", rng) + word[place:]


def substitute(word: str, rng: np.random.Generator) -> str:
    """Write another letter for one character."""
    place = _place(word, rng)
    return word[:place] + _letter(LETTERS, word[place], rng) + word[place + 1 :]


def neighbour(word: str, rng: np.random.Generator) -> str:
    """Hit a key beside the right one."""
    place = _place(word, rng)
    return word[:place] + _letter(neighbours(word[place]), word[place], rng) + word[place + 1 :]


def swap(word: str, rng: np.random.Generator) -> str:
    """Swap two characters that differ; a word of one repeated character loses one instead."""
    places = [place for place in range(len(word) - 1) if word[place] != word[place + 1]]
    if not places:
        return delete(word, rng)
    place = places[int(rng.integers(len(places)))]
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


OPERATIONS: dict[str, Operation] = {
    "delete": delete,
    "insert": insert,
    "substitute": substitute,
    "swap": swap,
    "neighbour": neighbour,
}


def _place(word: str, rng: np.random.Generator) -> int:
    return int(rng.integers(len(word)))


def _letter(letters: str, other_than: str, rng: np.random.Generator) -> str:
    choices = [letter for letter in letters if letter != other_than.lower()]
    return choices[int(rng.integers(len(choices)))]
