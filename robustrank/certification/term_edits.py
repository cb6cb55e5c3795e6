"""What substitutions of a table do to the terms of a text, word by word."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

from robustrank.text.words import Case, case_of, in_case, words

Analyse = Callable[[str], Sequence[str]]  # a text to its terms

_TOKEN = re.compile(r"\S+")
_PLAIN = re.compile(r"[^\w]*", re.ASCII)  # characters beside a word that enter no term


@dataclass(frozen=True)
class Substitution:
    """A word written for another.

    Attributes:
        key: The substitute.
        change: Term to its count after minus its count before; of the terms whose count changes.
        growth: The number of terms after minus that before.
    """

    key: str
    change: Mapping[str, int]
    growth: int


@dataclass(frozen=True)
class Choices:
    """What may be written for a word.

    Attributes:
        substitutions: Each substitute; the word itself is not among them.
        terms: The terms whose count one of them changes.
        changes_length: Whether one of them changes the number of terms.
    """

    substitutions: tuple[Substitution, ...]
    terms: frozenset[str]
    changes_length: bool


class Relation(Protocol):
    """What may be written for a word: a substitution table, or more."""

    @property
    def neighbours(self) -> Mapping[str, Collection[str]]:
        """The words for which others may be written."""

    def substitutes(self, word: str) -> Collection[str]:
        """Return the words that may be written for a word, without itself."""


@dataclass
class TermEdits:
    """The edits of a relation, as a ranker of terms meets them.

    Attributes:
        relation: What may be written for a word.
        analyse: Returns the terms of a text.
    """

    relation: Relation
    analyse: Analyse
    _choices: dict[tuple[str, Case, str, str], Choices] = field(default_factory=dict, repr=False)
    _texts: dict[str, dict[int, Choices] | None] = field(default_factory=dict, repr=False)

    def of(self, text: str) -> dict[int, Choices] | None:
        """Return the choices of each word of the relation, by its index in the text.

        None where the terms of a word may depend on the words beside it, as in scripts without spaces.
        """
        if text not in self._texts:
            self._texts[text] = self._of(text)
        return self._texts[text]

    def _of(self, text: str) -> dict[int, Choices] | None:
        tokens = [(match.start(), match.end()) for match in _TOKEN.finditer(text)]
        if not text.isascii():
            apart = chain.from_iterable(self.analyse(text[start:end]) for start, end in tokens)
            if list(apart) != list(self.analyse(text)):
                return None
        choices: dict[int, Choices] = {}
        remaining, end_before = iter(tokens), 0
        start = end = 0
        text_words = words(text)
        for index, word in enumerate(text_words):
            while word.start >= end:
                start, end = next(remaining)
            is_alone = end_before <= start and (index + 1 == len(text_words) or text_words[index + 1].start >= end)
            end_before = word.end
            if word.key in self.relation.neighbours:
                if not is_alone:
                    return None
                case = case_of(word.text)
                choices[index] = self._choices_of(word.key, case, text[start : word.start], text[word.end : end])
        return choices

    def _choices_of(self, key: str, case: Case, before: str, after: str) -> Choices:
        """Return the choices of a word in its token, whose other characters stand before and after it."""
        if _PLAIN.fullmatch(before + after):
            before = after = ""
        name = key, case, before, after
        if name not in self._choices:
            old = self._terms(key, case, before, after)
            substitutions = []
            for substitute in self.relation.substitutes(key):
                new = self._terms(substitute, case, before, after)
                substitutions.append(Substitution(substitute, _change(old, new), len(new) - len(old)))
            terms = frozenset(chain.from_iterable(substitution.change for substitution in substitutions))
            changes_length = any(substitution.growth for substitution in substitutions)
            self._choices[name] = Choices(tuple(substitutions), terms, changes_length)
        return self._choices[name]

    def _terms(self, key: str, case: Case, before: str, after: str) -> Sequence[str]:
        return self.analyse(before + in_case(key, case) + after)


def _change(before: Sequence[str], after: Sequence[str]) -> dict[str, int]:
    """Return each term whose count changes, with its count after minus its count before."""
    if len(before) == len(after) == 1:  # nearly all words: the same, and faster
        return {} if before[0] == after[0] else {before[0]: -1, after[0]: 1}
    old, new = Counter(before), Counter(after)
    return {term: new[term] - old[term] for term in new.keys() | old.keys() if new[term] != old[term]}
