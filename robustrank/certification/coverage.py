"""How many copies, or how much weight of them, an edit of R words can change at most: maximum coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Masks = NDArray[np.bool_]
Weights = NDArray[np.float64]

MOST_SETS = 1_000  # sets of replacements that are searched; where there are more, a bound is used


@dataclass(frozen=True)
class Changes:
    """The copies of a text that each replacement of a word changes.

    Attributes:
        masks: bool[M, N]: replacement by copy.
        positions: int64[M], the index of the replaced word; replacements of one word exclude each other.
    """

    masks: Masks
    positions: NDArray[np.int64]

    @property
    def count(self) -> int:
        """The number of words whose replacement changes a copy."""
        return len(np.unique(self.positions))

    def most(self, weights: Weights, radius: int | None) -> float:
        """Return a number that the weight of the copies changed by at most ``radius`` replaced words does not exceed.

        Exact for one word, and where there are few sets of replacements; else the smaller of two bounds: the sum of the
        ``radius`` words of largest weight, and the weight of all copies that any replacement changes. It does not
        decrease with the radius.

        Args:
            weights: float64[N], not negative.
            radius: The maximum number of words; None is all.
        """
        words = self.count if radius is None else min(radius, self.count)
        if words == 0:
            return 0.0
        largest = np.sort(_by_word(self.masks @ weights, self.positions))[-words:]
        bound = min(float(largest.sum()), float(weights[self.masks.any(axis=0)].sum()))
        if words == 1 or self._sets(words) > MOST_SETS:
            return bound
        return min(bound, _best(self.masks, self.positions, weights, words, 0.0, 0.0))

    def _sets(self, words: int) -> int:
        """Return how many sets of replacements of at most ``words`` words there are."""
        sets = [1, *[0] * words]  # by the number of words
        for count in np.unique(self.positions, return_counts=True)[1].tolist():
            sets = [n + count * fewer for n, fewer in zip(sets, [0, *sets], strict=False)]
        return sum(sets)

    def number(self, radius: int | None) -> int:
        """Return a number that the copies changed by at most ``radius`` replaced words do not exceed."""
        return round(self.most(np.ones(self.masks.shape[1]), radius))


def _best(
    masks: Masks, positions: NDArray[np.int64], weights: Weights, words: int, covered: float, best: float
) -> float:
    """Return the largest weight that ``words`` replacements cover, by branch and bound.

    The word of largest weight comes first: each of its replacements is tried, and none of them.

    Args:
        masks: bool[M, N], the replacements that are left.
        positions: int64[M], their words.
        weights: float64[N]; 0 for copies that are covered.
        words: How many further words are replaced.
        covered: The weight of the covered copies.
        best: The largest weight known.
    """
    best = max(best, covered)
    if not words or not len(positions):
        return best
    gains = masks @ weights
    if covered + float(np.sort(_by_word(gains, positions))[-words:].sum()) <= best:
        return best
    is_next = positions == positions[gains.argmax()]
    others = masks[~is_next], positions[~is_next]
    for number in np.flatnonzero(is_next).tolist():
        rest = np.where(masks[number], 0.0, weights)
        best = _best(*others, rest, words - 1, covered + float(gains[number]), best)
    return _best(*others, weights, words, covered, best)


def _by_word(gains: Weights, positions: NDArray[np.int64]) -> Weights:
    """Return float64[words], the largest gain of each word."""
    numbers, word = np.unique(positions, return_inverse=True)
    largest = np.zeros(len(numbers))
    np.maximum.at(largest, word, gains)
    return largest
