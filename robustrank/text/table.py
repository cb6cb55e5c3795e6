"""Substitution tables: allowed word substitutions of an attacker, and the perturbation sets of smoothing.

A table is a value with a fingerprint, and a file, so that attack, defense and certificate can use the same table.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.json_lines import parse_object
from robustrank.repairs import Repairs
from robustrank.storage import write_file
from robustrank.text.words import is_replaceable, kind_of, words
from robustrank.text_lines import lines

ALLOWED = (
    "lower-case words of two letters or more, or words of a script without cases, in NFC; without white space or "
    "punctuation at the ends"
)
FORMAT = "a first line `# {JSON}` with the header, then a line word<TAB>substitutes[<TAB>cosines] per word"
DECIMALS = 5  # of a cosine; a table must not depend on the last bits of a matrix product


@dataclass(frozen=True)
class SubstitutionTable:
    """A symmetric relation between words: if b may replace a, a may replace b.

    Attributes:
        neighbours: Key to the keys that may replace it, nearest first; the key itself is not among them.
        header: The origin of the table and its parameters.
        cosines: Key to the cosine of each of its substitutes, in their order; none where the table does not come from
            vectors.
    """

    neighbours: Mapping[str, tuple[str, ...]]
    header: Mapping[str, object] = field(default_factory=dict)
    cosines: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        relation = {key: frozenset(substitutes) for key, substitutes in self.neighbours.items()}
        for key, substitutes in self.neighbours.items():
            if not is_replaceable(key):
                raise DataError(f"{key!r} is not allowed in a substitution table", allowed=ALLOWED)
            if key in substitutes or len(relation[key]) < len(substitutes):
                raise DataError(f"the substitutes of {key!r} contain the word itself, or a duplicate word")
            for substitute in substitutes:
                if kind_of(key) != kind_of(substitute):
                    raise DataError(
                        f"{key!r} ({kind_of(key)}) and {substitute!r} ({kind_of(substitute)}) are of scripts that "
                        "write words in different ways: one cannot replace the other"
                    )
                if key not in relation.get(substitute, ()):
                    raise DataError(
                        f"the table is not symmetric: {substitute!r} may replace {key!r}, not the reverse",
                        hint="robustrank.text.table.symmetric closes a relation",
                    )

    def substitutes(self, word: str) -> tuple[str, ...]:
        """Return the keys that may replace ``word``, nearest first; none for a word outside the table."""
        return self.neighbours.get(word.lower(), ())

    def cosine(self, word: str, substitute: str) -> float | None:
        """Return the cosine of a substitute; None if it is no substitute of the word, or the table has no cosines."""
        substitutes = self.substitutes(word)
        if word.lower() not in self.cosines or substitute not in substitutes:
            return None
        return self.cosines[word.lower()][substitutes.index(substitute)]

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the relation."""
        text = json.dumps(sorted((key, list(substitutes)) for key, substitutes in self.neighbours.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def components(self) -> tuple[tuple[str, ...], ...]:
        """The connected components, each sorted."""
        visited: set[str] = set()
        components = []
        for key in self.neighbours:
            if key not in visited:
                component = self.nearest(key, len(self.neighbours))
                visited.update(component)
                components.append(tuple(sorted(component)))
        return tuple(components)

    def nearest(self, key: str, size: int) -> tuple[str, ...]:
        """Return up to ``size`` words nearest to ``key`` in the table, itself first: breadth first, nearest first."""
        visited = dict.fromkeys([key])
        layer = [key]
        while layer and len(visited) < size:
            layer = list(dict.fromkeys(o for word in layer for o in self.neighbours.get(word, ()) if o not in visited))
            visited.update(dict.fromkeys(layer[: size - len(visited)]))
        return tuple(visited)

    def save(self, path: Path) -> None:
        """Write the table: a JSON header after ``#``, then a line per word with its substitutes, and their cosines.

        Raises:
            DataError: The file cannot be written.
        """
        written = ["# " + json.dumps(dict(self.header))]
        for key, substitutes in sorted(self.neighbours.items()):
            cosines = " ".join(f"{cosine:.{DECIMALS}f}" for cosine in self.cosines.get(key, ()))
            written.append(f"{key}\t{' '.join(substitutes)}" + (f"\t{cosines}" if cosines else ""))
        write_file(path, "\n".join(written) + "\n")

    @classmethod
    def load(cls, path: Path) -> SubstitutionTable:
        """Read what :meth:`save` wrote.

        Raises:
            DataError: The file cannot be read, or is not a symmetric table of lower-case words, or has no word, or
                has a word with two lists of substitutes.
        """
        entries, repairs = lines(path), Repairs()
        where, first = next(entries, (str(path), ""))
        if not first.startswith("#"):
            raise DataError("the file is not a substitution table", where=where, allowed=FORMAT)
        header = parse_object(first.removeprefix("#"), where)
        neighbours: dict[str, tuple[str, ...]] = {}
        cosines: dict[str, tuple[float, ...]] = {}
        for where, line in entries:
            key, tab, rest = line.partition("\t")
            substitutes, _, numbers = rest.partition("\t")
            if not tab:
                raise DataError("a line without a tab", where=where, allowed=FORMAT)
            if not is_replaceable(key):
                raise DataError(f"{key!r} is not allowed in a substitution table", where=where, allowed=ALLOWED)
            keys = tuple(substitutes.split())
            if numbers:
                cosines[key] = _cosines(numbers, len(keys), where)
            if key in neighbours:
                repairs.unite(neighbours[key], keys, f"lists of substitutes of {key!r}", where)
            neighbours[key] = keys
        if not neighbours:
            raise DataError("the table has no word: it allows no substitution", where=str(path), allowed=FORMAT)
        repairs.tell("substitution table")
        try:
            return cls(neighbours, header, cosines)
        except DataError as error:
            raise DataError(error.what, where=str(path), allowed=error.allowed, hint=error.hint) from error


def _cosines(numbers: str, count: int, where: str) -> tuple[float, ...]:
    try:
        cosines = tuple(map(float, numbers.split()))
    except ValueError as error:
        raise DataError(f"a cosine is no number: {error}", where=where, allowed=FORMAT) from error
    if len(cosines) != count or not all(-1.001 <= cosine <= 1.001 for cosine in cosines):
        raise DataError(
            f"{len(cosines)} cosines of {count} substitutes", where=where, allowed="one from -1 to 1 for each"
        )
    return cosines


def symmetric(
    relation: Mapping[str, Iterable[str] | Mapping[str, float]], header: Mapping[str, object]
) -> SubstitutionTable:
    """Return the symmetric closure of a relation as a table, without words that are not allowed in a table.

    Substitutes keep their order in the relation; those added by symmetry follow, sorted. A word's substitutes may come
    with their cosines, which the table then keeps.
    """
    allowed = {
        key: [word for word in substitutes if _is_pair(key, word)]
        for key, substitutes in relation.items()
        if is_replaceable(key)
    }
    added: dict[str, set[str]] = {}
    for key, substitutes in allowed.items():
        for substitute in substitutes:
            if key not in allowed.get(substitute, ()):
                added.setdefault(substitute, set()).add(key)
    keys = sorted({*allowed, *added})
    closed = {key: (*dict.fromkeys(allowed.get(key, ())), *sorted(added.get(key, ()))) for key in keys}
    neighbours = {key: substitutes for key, substitutes in closed.items() if substitutes}
    known = {(key, word): c for key, near in relation.items() if isinstance(near, Mapping) for word, c in near.items()}
    cosines = {
        key: tuple(known.get((key, word), known.get((word, key), 0.0)) for word in words_of_key)
        for key, words_of_key in neighbours.items()
    }
    return SubstitutionTable(neighbours, header, cosines if known else {})


def _is_pair(key: str, word: str) -> bool:
    return is_replaceable(word) and word != key and kind_of(word) == kind_of(key)


@dataclass(frozen=True)
class PerturbationSets:
    """The sets that smoothing samples each word from (CertDR, Wu et al., CIKM 2022; SAFER, Ye et al., ACL 2020).

    A connected component of at most ``size`` words is the set of all its words; in a larger one a word's set is the
    ``size`` words nearest to it in the table. (The published code measures distance by vectors; a table by hops.)
    """

    table: SubstitutionTable
    size: int = 100
    _sets: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)
    _overlaps: dict[str, float] = field(default_factory=dict, compare=False, repr=False)

    def neighbourhood(self, key: str) -> tuple[str, ...]:
        """Return P(key), sorted; the word alone for a word outside the table."""
        if key not in self.table.neighbours:
            return (key,)
        if key not in self._sets:
            whole = self.table.nearest(key, self.size + 1)
            chosen = tuple(sorted(whole[: self.size]))
            self._sets.update(dict.fromkeys(whole if len(whole) <= self.size else [key], chosen))
        return self._sets[key]

    def overlap(self, key: str) -> float:
        """Return min over v in syn(key) of |P(key) & P(v)| / max(|P(key)|, |P(v)|); 1 for a word without substitutes.

        One minus the overlap is the maximum total variation distance between the sampling distributions of the word and
        of a substitute; the maximum in the denominator covers sets of unequal size.
        """
        if key not in self.table.neighbours:
            return 1.0
        if key not in self._overlaps:
            words_of_key = set(self.neighbourhood(key))
            shares = [
                len(words_of_key.intersection(substitute_set)) / max(len(words_of_key), len(substitute_set))
                for substitute_set in map(self.neighbourhood, self.table.substitutes(key))
            ]
            self._overlaps[key] = min(shares, default=1.0)
        return self._overlaps[key]

    def overlaps(self, text: str) -> NDArray[np.float64]:
        """Return float64[words], the overlap of every word of a text."""
        return np.array([self.overlap(word.key) for word in words(text)], dtype=np.float64)
