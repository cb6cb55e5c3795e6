"""The size of an edit, as the attack papers report it: pure functions of the text before and after."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robustrank.text.words import words


def edit_size(before: str, after: str) -> dict[str, float]:
    """Return the size of an edit.

    Returns:
        ``words_changed``: word-level edit distance over the number of words before, at least 1.
        ``characters_changed``: character-level edit distance over the number of characters before, at least 1.
        ``tokens_added``: words after minus words before.
    """
    old, new = [word.text for word in words(before)], [word.text for word in words(after)]
    return {
        "words_changed": edit_distance(old, new) / max(1, len(old)),
        "characters_changed": edit_distance(before, after) / max(1, len(before)),
        "tokens_added": float(len(new) - len(old)),
    }


def edit_distance(before: Sequence[str], after: Sequence[str]) -> int:
    """Return the Levenshtein distance: the least number of insertions, deletions and substitutions."""
    start, stop = 0, 0
    shortest = min(len(before), len(after))
    while start < shortest and before[start] == after[start]:
        start += 1
    while stop < shortest - start and before[-1 - stop] == after[-1 - stop]:
        stop += 1
    old, new = before[start : len(before) - stop], after[start : len(after) - stop]
    ids = {item: number for number, item in enumerate(dict.fromkeys([*old, *new]))}
    columns = np.array([ids[item] for item in new], dtype=np.int64)
    positions = np.arange(len(new) + 1)
    row = positions.copy()
    for number, item in enumerate(old, start=1):
        best = np.empty_like(row)
        best[0] = number
        best[1:] = np.minimum(row[1:] + 1, row[:-1] + (columns != ids[item]))
        # An insertion costs 1 a place: the running minimum of (value - position) makes all of them at once.
        row = np.minimum.accumulate(best - positions) + positions
    return int(row[-1])
