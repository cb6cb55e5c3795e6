"""Mine: says in two sentences how the ranker scores. It counts the words of the query that a document has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robustrank.plugins import Share
from robustrank.rankers.ranker import Pair, PointwiseRanker, Scores


@dataclass(frozen=True)
class Mine(PointwiseRanker):
    """Scores the share of the query's words that a document has, less a penalty for its length."""

    penalty: Share = 0.1  # how much of the score a document of 1,000 words loses

    family = "traditional"  # traditional, learning-to-rank, neural, pretrained or other: a group of the tables

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], a score for each (query, document); it depends on the pair alone, higher is better."""
        return np.array([self._score(query, document) for query, document in pairs], dtype=np.float32)

    def _score(self, query: str, document: str) -> float:
        wanted, words = set(query.lower().split()), document.lower().split()
        share = len(wanted.intersection(words)) / max(1, len(wanted))
        return share * (1 - self.penalty * min(1, len(words) / 1000))
