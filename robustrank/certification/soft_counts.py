"""Bounds of functions of logarithms of counts over a document's words, as kernel pooling and matching histograms are.

A count is a sum over the words of a document of what each word adds, at least 0, so that replacing a word changes it by
a difference of two. Counts are known up to rounding: between a low and a high one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.term_edits import Substitution

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SoftCounts:
    """The counts of a document, and what each substitution of one of its words adds to them.

    Attributes:
        low, high: float64[Q, K], the counts of K kinds of matches with Q query terms.
        floor: What a logarithm is taken of at least, above 0: log(max(count, floor)).
        words: int64[M], ascending: the index of the word that each of M substitutions replaces.
        substitutions: What is written for it.
        added_low, added_high: float64[M, Q, K], what it adds to the low and to the high counts. Those of several words
            add up, for the counts of the edited text are sums over its words as well.
    """

    low: Array
    high: Array
    floor: float
    words: NDArray[np.int64]
    substitutions: Sequence[Substitution]
    added_low: Array
    added_high: Array

    @cached_property
    def logs(self) -> tuple[Array, Array]:
        """float64[Q, K] twice: what the logarithms of the counts are between."""
        return self._log(self.low), self._log(self.high)

    def after_one_word(self) -> tuple[Array, Array]:
        """Return float64[1 + M, Q, K] twice: what the logarithms are between, of the text and after a substitution."""
        low, high = self._log(self.low + self.added_low), self._log(self.high + self.added_high)
        return np.concatenate([self.logs[0][None], low]), np.concatenate([self.logs[1][None], high])

    def highest(self, weights: Array, radius: int | None) -> Array:
        """Return float64[F]: numbers that sums of weighted logarithms exceed after no edit of ``radius`` words.

        Increments of a logarithm are subadditive, for it is concave: where its weight is positive, those of single
        words are summed, and what they take away is left out. Where its weight is negative, the chord between the count
        and the least that the radius leaves of it is below the logarithm, and the line is additive. So each sum grows
        at most by what the best substitutions of single words give, those of the ``radius`` best words.

        Args:
            weights: float64[F, Q, K].
            radius: The maximum number of words that are replaced; None is all words.
        """
        positive, negative = np.maximum(weights, 0), np.maximum(-weights, 0)
        low, high = self.logs
        totals: Array = np.tensordot(positive, high) - np.tensordot(negative, low)
        if not len(self.words) or radius == 0:
            return totals
        axes = ((1, 2), (1, 2))
        grown = np.tensordot(positive, self._increments, axes) + np.tensordot(negative, self._decrements(radius), axes)
        best = np.maximum.reduceat(grown, self._starts, axis=1)
        return totals + _largest(best, radius, axis=1)

    @cached_property
    def _starts(self) -> NDArray[np.intp]:
        """The first substitution of each word."""
        return np.flatnonzero(np.diff(self.words, prepend=-1))

    @cached_property
    def _increments(self) -> Array:
        """float64[M, Q, K], what a substitution adds to each logarithm at most, at least 0."""
        base = np.maximum(self.high, self.floor)
        increments: Array = np.log1p(np.maximum(self.added_high, 0) / base)
        return increments

    def _decrements(self, radius: int | None) -> Array:
        """Return float64[M, Q, K], what a substitution takes from each logarithm at most, by the chord; at least 0."""
        taken = np.maximum(-self.added_low, 0)
        in_total = _largest(np.maximum.reduceat(taken, self._starts, axis=0), radius, axis=0)
        base = np.maximum(self.low, self.floor)
        most = np.minimum(in_total, base - self.floor)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where(most > 0, -np.log1p(-most / base) / most, 0.0)
        decrements: Array = taken * slope
        return decrements

    def _log(self, counts: Array) -> Array:
        logs: Array = np.log(np.maximum(counts, self.floor))
        return logs


def _largest(values: Array, count: int | None, axis: int) -> Array:
    """Return the sum of the largest ``count`` values along an axis; None is all; none of the values is below 0."""
    size = values.shape[axis]
    if count is None or count >= size:
        total: Array = values.sum(axis=axis)
        return total
    ordered = np.partition(values, size - count, axis=axis)
    largest: Array = np.take(ordered, range(size - count, size), axis=axis).sum(axis=axis)
    return largest
