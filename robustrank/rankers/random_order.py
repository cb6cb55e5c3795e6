"""A ranker that draws its scores: the floor under every measure, and a row of reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robustrank.plugins.constraints import Amount
from robustrank.randomness import derive_seed
from robustrank.rankers.ranker import Pair, PointwiseRanker, Scores


@dataclass(frozen=True)
class RandomOrder(PointwiseRanker):
    """A random order: the score of a pair is a number in [0, 1) that is drawn by its two texts."""

    seed: Amount = 0  # of the draws

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], a draw for each (query, document): the same for the same texts."""
        return np.array([(derive_seed(self.seed, *pair) % 2**24) / 2**24 for pair in pairs], dtype=np.float32)
