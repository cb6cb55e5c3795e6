"""Keeps words apart that mean the opposite: embeddings put ``good`` next to ``bad``, and a substitution must not.

Two sources, both in the package so that a table is the same everywhere: a list of antonyms and closed series (numbers,
months, colours), and the rule that a negating prefix makes an antonym.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

NEGATING = ("un", "in", "im", "il", "ir", "dis", "non", "anti", "mis")


@cache
def groups() -> dict[str, frozenset[int]]:
    """Return the groups of the list each word stands in."""
    text = (files("robustrank.text") / "data" / "antonyms.txt").read_text(encoding="utf-8")
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    found: dict[str, set[int]] = {}
    for number, line in enumerate(lines):
        for word in line:
            found.setdefault(word, set()).add(number)
    return {word: frozenset(numbers) for word, numbers in found.items()}


def are_antonyms(first: str, second: str) -> bool:
    """Return whether two keys are listed as opposites, or one is the other with a negating prefix."""
    known = groups()
    if known.get(first, frozenset()) & known.get(second, frozenset()):
        return True
    longer, shorter = (first, second) if len(first) > len(second) else (second, first)
    return any(longer == prefix + shorter for prefix in NEGATING)
