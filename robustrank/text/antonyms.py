"""Antonyms, excluded from substitution tables: embeddings place ``good`` near ``bad``.

The list is in the package, so that a table is the same on every machine: opposites and closed series (numbers, months,
colours), compared by stem, and the rule that a negating affix makes an antonym.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files

from robustrank.text.analysis import analyser
from robustrank.text.languages import ENGLISH

NEGATING = ("un", "in", "im", "il", "ir", "dis", "non", "anti", "mis")

Entry = tuple[int, int]  # a line of the list, and the side of that line


def are_antonyms(first: str, second: str) -> bool:
    """Return whether two keys are listed as opposites, or differ by a negating prefix or by ``-less``."""
    listed = any(
        first_line == second_line and first_side != second_side
        for first_line, first_side in _entries(first)
        for second_line, second_side in _entries(second)
    )
    stems = _stem(first), _stem(second)
    return listed or _negated(first, second) or _negated(*stems) or _without(*stems) or _without(*reversed(stems))


def share_a_stem(first: str, second: str) -> bool:
    """Return whether two keys are forms of one stem, as inflections are."""
    return _stem(first) == _stem(second)


@cache
def opposites() -> tuple[tuple[frozenset[str], ...], ...]:
    """Return the list: each line has sides; words on different sides of a line are antonyms."""
    text = (files("robustrank.text") / "data" / "antonyms.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return tuple(
        tuple(frozenset(side.split()) for side in (line.split("|") if "|" in line else line.split())) for line in lines
    )


@lru_cache(maxsize=100_000)
def _entries(word: str) -> frozenset[Entry]:
    return _index().get(_stem(word), frozenset())


@cache
def _index() -> dict[str, frozenset[Entry]]:
    """Return the entries of each stem."""
    entries: dict[str, set[Entry]] = {}
    for line, sides in enumerate(opposites()):
        for side, listed in enumerate(sides):
            for word in listed:
                entries.setdefault(_stem(word), set()).add((line, side))
    return {stem: frozenset(listed) for stem, listed in entries.items()}


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    return (analyser(ENGLISH).terms(word) or [word])[0]


def _negated(first: str, second: str) -> bool:
    return any(first == prefix + second or second == prefix + first for prefix in NEGATING)


def _without(first: str, second: str) -> bool:
    root = first.removesuffix("less")
    return root != first and _stem(root) == second
