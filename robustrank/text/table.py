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
from robustrank.text.words import in_case_of, is_replaceable, words


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
        for key, others in self.neighbours.items():
            if not is_replaceable(key) or key in others:
                raise DataError(f"{key!r} cannot stand in a substitution table", allowed="lower-case single words")
            for other in others:
                if key not in self.neighbours.get(other, ()):
                    raise DataError(f"the table is not symmetric: {other!r} may replace {key!r}, not the reverse")

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
        lines = ["# " + json.dumps(dict(self.header), ensure_ascii=False)]
        lines += [f"{key}\t{' '.join(others)}" for key, others in sorted(self.neighbours.items())]
        temporary = path.with_name(f".{path.name}")
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
        os.replace(temporary, path)

    @classmethod
    def load(cls, path: Path) -> SubstitutionTable:
        """Read a table.

        Raises:
            DataError: The file cannot be read, or is no symmetric table of lower-case words.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"the substitution table cannot be read: {error}", where=str(path)) from error
        header, neighbours = {}, {}
        for number, line in enumerate(lines, start=1):
            if line.startswith("#"):
                header = json.loads(line[1:])
                continue
            key, tab, others = line.partition("\t")
            if not tab:
                raise DataError("a line holds no tab", where=f"{path}:{number}", allowed="word<TAB>substitutes")
            neighbours[key] = tuple(others.split())
        return cls(neighbours, header)


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

    def of(self, key: str) -> tuple[str, ...]:
        """Return P(key), sorted; the word alone where the table does not know it."""
        if key not in self._sets:
            whole = self.table.nearest(key, self.size + 1)
            self._sets[key] = tuple(sorted(whole if len(whole) <= self.size else whole[: self.size]))
        return self._sets[key]

    def overlap(self, key: str) -> float:
        """Return min over v in syn(key) of |P(key) & P(v)| / max(|P(key)|, |P(v)|); 1 for a word nobody can replace.

        One minus it is the largest total variation distance between what is drawn for the word and for a substitute;
        the maximum in the denominator keeps that true for sets of unequal size.
        """
        if key not in self._overlaps:
            own = set(self.of(key))
            shares = [
                len(own.intersection(other)) / max(len(own), len(other))
                for other in (self.of(substitute) for substitute in self.table.substitutes(key))
            ]
            self._overlaps[key] = min(shares, default=1.0)
        return self._overlaps[key]

    def overlaps(self, text: str) -> NDArray[np.float64]:
        """Return float64[words], the overlap of every word of a text."""
        return np.array([self.overlap(word.key) for word in words(text)], dtype=np.float64)

    def draw(self, text: str, rng: np.random.Generator) -> str:
        """Return a smoothed copy: every word drawn uniformly from its set, written in the case of its place."""
        pieces, position = [], 0
        for word in words(text):
            choices = self.of(word.key)
            if len(choices) > 1:
                drawn = choices[int(rng.integers(len(choices)))]
                pieces += [text[position : word.start], in_case_of(drawn, word.text)]
                position = word.end
        return "".join([*pieces, text[position:]])
