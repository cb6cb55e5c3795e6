"""Substitution tables: which words an attacker may write for which, and what a smoother draws from.

A table is a value with a fingerprint, and a file, so that an attack, a defense and a certificate can name the same one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.text.words import Case, Word, case_of, in_case, is_replaceable, replace_words, words

ALLOWED = "lower-case words of two letters or more, without white space, and no punctuation at the ends"
FORMAT = "a first line `# {JSON}` saying what the table is, then word<TAB>substitutes, a line a word"


@dataclass(frozen=True)
class SubstitutionTable:
    """A symmetric relation between words: if b may stand for a, a may stand for b.

    Attributes:
        neighbours: Key to the keys that may replace it, nearest first; the key itself is not among them.
        header: Where the table comes from and its parameters.
    """

    neighbours: Mapping[str, tuple[str, ...]]
    header: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        replaces = {key: frozenset(others) for key, others in self.neighbours.items()}
        for key, others in self.neighbours.items():
            if not is_replaceable(key):
                raise DataError(f"{key!r} cannot stand in a substitution table", allowed=ALLOWED)
            if key in others or len(replaces[key]) < len(others):
                raise DataError(f"the substitutes of {key!r} hold the word itself, or a word twice")
            for other in others:
                if key not in replaces.get(other, ()):
                    raise DataError(
                        f"the table is not symmetric: {other!r} may replace {key!r}, not the reverse",
                        hint="robustrank.text.table.symmetric closes a relation",
                    )

    def substitutes(self, word: str) -> tuple[str, ...]:
        """Return the keys that may replace ``word``, nearest first; none for a word outside the table."""
        return self.neighbours.get(word.lower(), ())

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the relation."""
        text = json.dumps(sorted((key, list(others)) for key, others in self.neighbours.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def components(self) -> tuple[tuple[str, ...], ...]:
        """The connected components, each sorted."""
        seen: set[str] = set()
        found = []
        for key in self.neighbours:
            if key not in seen:
                component = self.nearest(key, len(self.neighbours))
                seen.update(component)
                found.append(tuple(sorted(component)))
        return tuple(found)

    def nearest(self, key: str, size: int) -> tuple[str, ...]:
        """Return up to ``size`` words nearest to ``key`` in the table, itself first: breadth first, nearest first."""
        found = dict.fromkeys([key])
        frontier = [key]
        while frontier and len(found) < size:
            frontier = list(
                dict.fromkeys(o for word in frontier for o in self.neighbours.get(word, ()) if o not in found)
            )
            found.update(dict.fromkeys(frontier[: size - len(found)]))
        return tuple(found)

    def save(self, path: Path) -> None:
        """Write the table: a JSON header behind ``#``, then a word and its substitutes on each line."""
        lines = ["# " + json.dumps(dict(self.header))]
        lines += [f"{key}\t{' '.join(others)}" for key, others in sorted(self.neighbours.items())]
        temporary = path.with_name(f".{path.name}")
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
        os.replace(temporary, path)

    @classmethod
    def load(cls, path: Path) -> SubstitutionTable:
        """Read what :meth:`save` wrote.

        Raises:
            DataError: The file cannot be read, or is no symmetric table of lower-case words.
        """
        try:
            first, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
            header = json.loads(first.removeprefix("#"))
            if not isinstance(header, dict):
                raise ValueError("the first line is no JSON object")
        except (OSError, ValueError) as error:
            raise DataError(
                f"the substitution table cannot be read: {error}", where=str(path), allowed=f"{FORMAT}, UTF-8"
            ) from error
        neighbours: dict[str, tuple[str, ...]] = {}
        for number, line in enumerate(lines, start=2):
            key, tab, others = line.partition("\t")
            if not tab or key in neighbours:
                wrong = f"{key!r} stands in the table twice" if tab else "a line holds no tab"
                raise DataError(wrong, where=f"{path}:{number}", allowed=FORMAT)
            neighbours[key] = tuple(others.split())
        try:
            return cls(neighbours, header)
        except DataError as error:
            raise DataError(error.what, where=str(path), allowed=error.allowed, hint=error.hint) from error


def symmetric(relation: Mapping[str, Iterable[str]], header: Mapping[str, object]) -> SubstitutionTable:
    """Return the table of a relation closed under symmetry; words that cannot stand in a table are left out.

    What the relation gives a word keeps its order; words added by symmetry come after, sorted.
    """
    kept = {key: [o for o in others if is_replaceable(o) and o != key] for key, others in relation.items()}
    kept = {key: others for key, others in kept.items() if is_replaceable(key)}
    added: dict[str, set[str]] = {}
    for key, others in kept.items():
        for other in others:
            if key not in kept.get(other, ()):
                added.setdefault(other, set()).add(key)
    keys = sorted({*kept, *added})
    closed = {key: (*dict.fromkeys(kept.get(key, ())), *sorted(added.get(key, ()))) for key in keys}
    return SubstitutionTable({key: others for key, others in closed.items() if others}, header)


@dataclass(frozen=True)
class PerturbationSets:
    """What the smoother draws each word from (CertDR, Wu et al., CIKM 2022; SAFER, Ye et al., ACL 2020).

    A connected component of at most ``size`` words is the set of all its words; in a larger one a word's set is the
    ``size`` words nearest to it in the table. (The published code takes nearness from vectors; a table has hops.)
    """

    table: SubstitutionTable
    size: int = 100
    _sets: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)
    _overlaps: dict[str, float] = field(default_factory=dict, compare=False, repr=False)
    _forms: dict[tuple[str, Case], tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)

    def neighbourhood(self, key: str) -> tuple[str, ...]:
        """Return P(key), sorted; the word alone where the table does not know it."""
        if key not in self.table.neighbours:
            return (key,)
        if key not in self._sets:
            whole = self.table.nearest(key, self.size + 1)
            self._sets[key] = tuple(sorted(whole if len(whole) <= self.size else whole[: self.size]))
        return self._sets[key]

    def overlap(self, key: str) -> float:
        """Return min over v in syn(key) of |P(key) & P(v)| / max(|P(key)|, |P(v)|); 1 for a word nobody can replace.

        One minus it is the largest total variation distance between what is drawn for the word and for a substitute;
        the maximum in the denominator keeps that true for sets of unequal size.
        """
        if key not in self.table.neighbours:
            return 1.0
        if key not in self._overlaps:
            own = set(self.neighbourhood(key))
            shares = [
                len(own.intersection(other)) / max(len(own), len(other))
                for other in (self.neighbourhood(substitute) for substitute in self.table.substitutes(key))
            ]
            self._overlaps[key] = min(shares, default=1.0)
        return self._overlaps[key]

    def overlaps(self, text: str) -> NDArray[np.float64]:
        """Return float64[words], the overlap of every word of a text."""
        return np.array([self.overlap(word.key) for word in words(text)], dtype=np.float64)

    def canonical(self, text: str) -> str:
        """Return the text with every word replaced by the first of its set.

        Texts whose words share their sets, place by place, have the same canonical text and the same smoothed copies.
        """
        return replace_words(
            text, {i: self.neighbourhood(w.key)[0] for i, w in enumerate(words(text)) if self._is_drawn(w)}
        )

    def sample(self, text: str, count: int, rng: np.random.Generator, start: int = 0) -> list[str]:
        """Return ``count`` smoothed copies: every word drawn uniformly from its set, in the case of its place.

        The first ``start`` of them are drawn, and not returned.
        """
        fixed, forms, position = [], [], 0
        for word in filter(self._is_drawn, words(text)):
            fixed.append(text[position : word.start])
            forms.append(self._written(word))
            position = word.end
        sizes = np.array([len(choices) for choices in forms], dtype=np.int64)
        picks = rng.integers(sizes, size=(count, len(forms)))[start:].tolist()
        return [
            "".join([before + choices[p] for before, choices, p in zip(fixed, forms, row, strict=True)])
            + text[position:]
            for row in picks
        ]

    def _is_drawn(self, word: Word) -> bool:
        return word.key in self.table.neighbours

    def _written(self, word: Word) -> tuple[str, ...]:
        """Return the word's set in the case of the word."""
        place = (word.key, case_of(word.text))
        if place not in self._forms:
            self._forms[place] = tuple(in_case(key, place[1]) for key in self.neighbourhood(word.key))
        return self._forms[place]
