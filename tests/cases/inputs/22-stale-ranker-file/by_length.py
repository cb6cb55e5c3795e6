"""A ranker that prefers long documents, and whose fingerprint never changes."""

from dataclasses import dataclass

import numpy as np

from robustrank.rankers.ranker import PointwiseRanker


@dataclass
class ByLength(PointwiseRanker):
    """The score is the number of characters."""

    fingerprint = "always the same"

    def score(self, pairs):
        return np.array([+len(text) for _, text in pairs], dtype=np.float32)
