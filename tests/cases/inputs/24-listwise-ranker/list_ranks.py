"""A listwise reranker, declared as what it is and as what it is not: the score is minus the rank within the call."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from robustrank.rankers.ranker import PointwiseRanker, Ranker, ranking_by_score


def minus_ranks(query, texts):
    """Return minus the rank of each text by words in common with the query."""
    terms = set(query.lower().split())
    overlaps = [len(terms & set(text.lower().split())) for text in texts]
    order = sorted(range(len(texts)), key=lambda position: -overlaps[position])
    scores = np.empty(len(texts), dtype=np.float32)
    scores[order] = -np.arange(1, len(texts) + 1)
    return scores


@dataclass
class DeclaredPointwise(PointwiseRanker):
    """Says that a score depends on its pair alone."""

    def score(self, pairs):
        scores = np.empty(len(pairs), dtype=np.float32)
        for query in Counter(query for query, _ in pairs):
            members = [i for i, pair in enumerate(pairs) if pair[0] == query]
            scores[members] = minus_ranks(query, [pairs[i][1] for i in members])
        return scores


@dataclass
class DeclaredList(Ranker):
    """Says that it ranks lists."""

    def rank(self, requests):
        return [ranking_by_score(r, minus_ranks(r.query, [c.text for c in r.candidates])) for r in requests]
