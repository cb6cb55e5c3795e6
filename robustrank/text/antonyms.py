"""Keeps words apart that mean the opposite: embeddings put ``good`` next to ``bad``, and a substitution must not.

The default is in the package, so that a table is the same everywhere: a list of opposites and closed series (numbers,
months, colours), compared by stem, and the rule that a negating affix makes an antonym. WordNet's antonyms can be asked
besides, where its files are installed.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files

from robustrank.text.analysis import analyze

NEGATING = ("un", "in", "im", "il", "ir", "dis", "non", "anti", "mis")

Place = tuple[int, int]  # a line of the list, and the side of that line


def are_antonyms(first: str, second: str) -> bool:
    """Return whether two keys are listed as opposites, or differ by a negating prefix or by ``-less``."""
    listed = any(
        line == other_line and side != other_side
        for line, side in _places(first)
        for other_line, other_side in _places(second)
    )
    stems = _stem(first), _stem(second)
    return listed or _negated(first, second) or _negated(*stems) or _without(*stems) or _without(*reversed(stems))


@cache
def opposites() -> tuple[tuple[frozenset[str], ...], ...]:
    """Return the list: on each line, sides; words on different sides of a line are opposed."""
    text = (files("robustrank.text") / "data" / "antonyms.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return tuple(
        tuple(frozenset(side.split()) for side in (line.split("|") if "|" in line else line.split())) for line in lines
    )


@lru_cache(maxsize=100_000)
def _places(word: str) -> frozenset[Place]:
    return _index().get(_stem(word), frozenset())


@cache
def _index() -> dict[str, frozenset[Place]]:
    """Return where the words of each stem are listed."""
    found: dict[str, set[Place]] = {}
    for line, sides in enumerate(opposites()):
        for side, listed in enumerate(sides):
            for word in listed:
                found.setdefault(_stem(word), set()).add((line, side))
    return {stem: frozenset(places) for stem, places in found.items()}


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    return (analyze(word) or [word])[0]


def _negated(first: str, second: str) -> bool:
    return any(first == prefix + second or second == prefix + first for prefix in NEGATING)


def _without(first: str, second: str) -> bool:
    root = first.removesuffix("less")
    return root != first and _stem(root) == second
