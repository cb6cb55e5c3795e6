"""Character typos: one character of a word is deleted, inserted, substituted, swapped or mistyped.

Source: Penha, Camara, Hauff, ECIR 2022 (arXiv 2111.13057); Zhuang, Zuccon, EMNLP 2021: longer words only, no stop
words. Every operation changes the word; a new letter has the case of the character at its position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import numpy as np

from robustrank.text.languages import LANGUAGES, script_of
from robustrank.text.stopwords import stop_words
from robustrank.text.words import words

LETTERS = "abcdefghijklmnopqrstuvwxyz"
MINIMUM_LENGTH = 4  # characters; shorter words are never misspelt
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")  # each is half a key to the right of the row above

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
Letters = Callable[[str], str]  # a character -> the letters of its script


def eligible(text: str, language: str) -> list[int]:
    """Return the indices (into :func:`words`) of the words that may be misspelt."""
    left_out = stop_words(language)
    return [
        index for index, word in enumerate(words(text)) if len(word.text) >= MINIMUM_LENGTH and word.key not in left_out
    ]


def alphabets(texts: Iterable[str], language: str) -> dict[str, str]:
    """Return the letters of some texts by script, sorted; nothing for a language in Latin script, of which a to z are.

    Typos draw new letters from them.
    """
    if LANGUAGES[language].scripts == ("Latin",):
        return {}
    letters: dict[str, set[str]] = {}
    for character in sorted({character for text in texts for character in text.lower() if character.isalpha()}):
        letters.setdefault(script_of(character), set()).add(character)
    return {script: "".join(sorted(known)) for script, known in letters.items() if script != "Latin"}


def operations(alphabet: Mapping[str, str]) -> dict[str, Operation]:
    """Return the operations, by name, with the letters of each script; a to z for a script without any."""

    def letters(character: str) -> str:
        return alphabet.get(script_of(character), LETTERS)

    return {
        "delete": delete,
        "insert": partial(insert, letters=letters),
        "substitute": partial(substitute, letters=letters),
        "swap": swap,
        "neighbour": partial(neighbour, letters=letters),
        "homoglyph": homoglyph,
    }


def neighbours(key: str, letters: str = LETTERS) -> str:
    """Return the keys beside a letter on a QWERTY keyboard; all letters but this for a letter without such a key."""
    for number, row in enumerate(_ROWS):
        column = row.find(key.lower())
        if column >= 0:
            beside = row[max(0, column - 1) : column] + row[column + 1 : column + 2]
            above = _ROWS[number - 1][column : column + 2] if number > 0 else ""
            below = _ROWS[number + 1][max(0, column - 1) : column + 1] if number + 1 < len(_ROWS) else ""
            return beside + above + below
    return _without(letters, key)


def delete(word: str, rng: np.random.Generator) -> str:
    """Delete a character."""
    index = _random_index(word, rng)
    return word[:index] + word[index + 1 :]


def insert(word: str, rng: np.random.Generator, letters: Letters) -> str:
    """Insert a letter before a character."""
    index = _random_index(word, rng)
    return word[:index] + _random_letter(letters(word[index]), word[index], rng) + word[index:]


def substitute(word: str, rng: np.random.Generator, letters: Letters) -> str:
    """Replace a character with another letter."""
    index = _random_index(word, rng)
    others = _without(letters(word[index]), word[index])
    return word[:index] + _random_letter(others, word[index], rng) + word[index + 1 :]


def neighbour(word: str, rng: np.random.Generator, letters: Letters) -> str:
    """Replace a character with a letter on a neighbouring key."""
    index = _random_index(word, rng)
    others = neighbours(word[index], letters(word[index]))
    return word[:index] + _random_letter(others, word[index], rng) + word[index + 1 :]


def swap(word: str, rng: np.random.Generator) -> str:
    """Swap two neighbouring characters that differ; a word of a single repeated character loses one instead."""
    indices = [i for i in range(len(word) - 1) if word[i] != word[i + 1]]
    if not indices:
        return delete(word, rng)
    index = indices[int(rng.integers(len(indices)))]
    return word[:index] + word[index + 1] + word[index] + word[index + 2 :]


def homoglyph(word: str, rng: np.random.Generator) -> str:
    """Replace a letter with its homoglyph of another script; a word without such a letter loses a character."""
    indices = [i for i, character in enumerate(word) if character in HOMOGLYPHS]
    if not indices:
        return delete(word, rng)
    index = indices[int(rng.integers(len(indices)))]
    return word[:index] + HOMOGLYPHS[word[index]] + word[index + 1 :]


def _random_index(word: str, rng: np.random.Generator) -> int:
    return int(rng.integers(len(word)))


def _without(letters: str, character: str) -> str:
    return letters.replace(character.lower(), "") or LETTERS


def _random_letter(letters: str, character: str, rng: np.random.Generator) -> str:
    """Return a random letter in the case of ``character``."""
    letter = letters[int(rng.integers(len(letters)))]
    return letter.upper() if character.isupper() else letter


def single_edits(text: str, language: str, long_words: bool = False) -> list[str]:
    """Return every text that is one typo away, each once: in a word, of the letters a to z.

    A letter is deleted, substituted or swapped with the next, or one is inserted. A word is not deleted as a whole.

    Args:
        text: A query.
        language: Its language.
        long_words: Whether only the words are misspelt that :func:`eligible` returns.
    """
    chosen = set(eligible(text, language)) if long_words else None
    edited: dict[str, None] = {}
    for index, word in enumerate(words(text)):
        if chosen is None or index in chosen:
            before, after = text[: word.start], text[word.end :]
            edited |= dict.fromkeys(f"{before}{typo}{after}" for typo in _word_edits(word.text))
    edited.pop(text, None)
    return list(edited)


def _word_edits(word: str) -> Iterator[str]:
    for i, character in enumerate(word):
        start, end = word[:i], word[i + 1 :]
        letters = LETTERS.upper() if character.isupper() else LETTERS
        yield from (f"{start}{letter}{character}{end}" for letter in letters)
        if character.isalpha():
            yield from (f"{start}{letter}{end}" for letter in letters)
            if len(word) > 1:
                yield start + end
        if end and character.isalpha() and end[0].isalpha():
            yield f"{start}{end[0]}{character}{end[1:]}"
    yield from (f"{word}{letter}" for letter in LETTERS)
