"""A ranker whose scores differ in the fourth digit, as cosines of similar texts do."""

from dataclasses import dataclass

import numpy as np

from robustrank.rankers.ranker import PointwiseRanker


@dataclass
class CloseScores(PointwiseRanker):
    """The last word of a document is a number, and the score rises with it."""

    def score(self, pairs):
        return np.array([0.7 + float(text.split()[-1]) / 10_000 for _, text in pairs], dtype=np.float32)
