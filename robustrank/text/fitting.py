"""Which substitutes of a table fit a word's place in a text, as far as the text alone tells.

A table knows words, not texts. Attacks ask for what fits, so that they write what a reader could take for English;
certificates hold for the whole table, of which this is a part.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robustrank.text.languages import ENGLISH
from robustrank.text.stopwords import stop_words
from robustrank.text.table import SubstitutionTable
from robustrank.text.words import Word, case_of, in_case_of, words

_ENDS_SENTENCE = re.compile(r"(?:[.!?:;]|\n)[^\w\n]*\Z")
_SENTENCE_END = re.compile(r"[.!?][\"')\]]*\s+(?=[A-Z\"'(])|\n\n+")
_VOWELS = frozenset("aeiou")


def fitting(
    text: str, text_words: Sequence[Word], table: SubstitutionTable, language: str
) -> dict[int, tuple[str, ...]]:
    """Return the substitutes of each word that has any, by the word's index, in the order of the table.

    Stop words of the language stay. In English names stay, too: what is capitalised within a sentence, or at its start
    before a further name; and after ``a`` or ``an`` a substitute begins with a vowel if the word does.

    Args:
        text: A text.
        text_words: Its words.
        table: The substitutions.
        language: The code of its language.
    """
    left_out = stop_words(language)
    fit = {}
    for i, word in enumerate(text_words):
        substitutes = table.substitutes(word.key)
        if not substitutes or word.key in left_out or (language == ENGLISH and _is_name(text, text_words, i)):
            continue
        if language == ENGLISH and i and text_words[i - 1].key in ("a", "an"):
            substitutes = tuple(s for s in substitutes if (s[0] in _VOWELS) == (word.key[0] in _VOWELS))
        if substitutes:
            fit[i] = substitutes
    return fit


@dataclass(frozen=True)
class Substitution:
    """A word of a text and what may replace it.

    Attributes:
        word, substitute: Both as they are written.
        sentence: The sentence of the word, which is in brackets.
    """

    word: str
    substitute: str
    sentence: str


def sampled_substitutions(
    texts: Sequence[str], table: SubstitutionTable, language: str, count: int, rng: np.random.Generator
) -> list[Substitution]:
    """Return up to ``count`` substitutions that fit: all places are equally likely, then all substitutes of a place."""
    places = [
        (text, word, substitutes)
        for text in texts
        for text_words in [words(text)]
        for i, substitutes in fitting(text, text_words, table, language).items()
        for word in [text_words[i]]
    ]
    drawn = rng.permutation(len(places))[:count]
    return [_drawn(*places[int(number)], rng) for number in drawn]


def _drawn(text: str, word: Word, substitutes: Sequence[str], rng: np.random.Generator) -> Substitution:
    substitute = substitutes[int(rng.integers(len(substitutes)))]
    starts = [0, *(match.end() for match in _SENTENCE_END.finditer(text))]
    first = max(start for start in starts if start <= word.start)
    last = min((start for start in starts if start > word.start), default=len(text))
    sentence = f"{text[first : word.start]}[{word.text}]{text[word.end : last]}"
    return Substitution(word.text, in_case_of(substitute, word.text), " ".join(sentence.split()))


def _is_name(text: str, text_words: Sequence[Word], index: int) -> bool:
    word = text_words[index]
    if case_of(word.text) == "lower":
        return False
    before = text[text_words[index - 1].end if index else 0 : word.start]
    if index and not _ENDS_SENTENCE.search(before):
        return True
    follows = text_words[index + 1] if index + 1 < len(text_words) else None
    return follows is not None and case_of(follows.text) != "lower" and not text[word.end : follows.start].strip()
