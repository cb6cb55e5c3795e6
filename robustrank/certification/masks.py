"""Masked copies of a text: each shows some of its words, and which ones depends on the number of words alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from robustrank.certification.coverage import Changes
from robustrank.randomness import derive
from robustrank.text.words import words


@dataclass(frozen=True)
class MaskedCopies:
    """The masks of texts under one seed.

    Masks are drawn in rounds: the words are shuffled and cut into blocks, and each copy shows one. So R words are shown
    by at most R copies of a round, and each set of words is equally likely to be a copy's.

    Attributes:
        seed: Of the rounds.
        keep: The share of the words that a copy shows, at least one word.
    """

    seed: int
    keep: float

    def shown_count(self, length: int) -> int:
        """Return how many of ``length`` words a copy shows."""
        return min(length, max(1, round(self.keep * length)))

    def shown(self, length: int, count: int) -> list[set[int]]:
        """Return the indices of the words that each of ``count`` copies of a text of ``length`` words shows."""
        return list(itertools.islice(self._blocks(length), count))

    def changes(self, text: str, count: int) -> Changes:
        """Return which of the first ``count`` copies change where a word is replaced: those that show it."""
        length = len(words(text))
        masks = np.zeros((length, count), dtype=np.bool_)
        for copy, shown in enumerate(self.shown(length, count)):
            masks[sorted(shown), copy] = True
        return Changes(masks, np.arange(length))

    def _blocks(self, length: int) -> Iterator[set[int]]:
        rng, size = derive(self.seed, "masks", str(length)), self.shown_count(length)
        while True:
            order = rng.permutation(length).tolist()
            for start in range(0, max(1, length - size + 1), max(1, size)):
                yield set(order[start : start + size])
