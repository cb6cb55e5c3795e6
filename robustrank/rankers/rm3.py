"""RM3: the query is expanded with terms of the documents that BM25 ranks best for it (pseudo-relevance feedback).

Source: Lavrenko, Croft, SIGIR 2001 (relevance models); Abdul-Jaleel et al., TREC 2004 (RM3). Parameter values are
Anserini's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.measures.ranking import ranking
from robustrank.plugins.constraints import Count, Share, Weight
from robustrank.rankers.lexical import BM25, term_counts
from robustrank.rankers.ranker import Ranker, Ranking, Request, ranking_by_score
from robustrank.text.analysis import terms as terms_of

Terms = Counter[str]


@dataclass
class RM3(Ranker):
    """BM25 of the expanded query: a list ranker, since the feedback documents are those of the list it reranks.

    A document that is changed can become a feedback document, and then changes the scores of all others. Document
    frequencies are those of the collection.
    """

    k1: Weight = 0.9  # saturation of the term frequency
    b: Share = 0.4  # strength of the length normalisation, in [0, 1]
    feedback_documents: Count = 10  # documents that terms are taken from
    feedback_terms: Count = 10  # terms added
    original_weight: Share = 0.5  # weight of the query as it was typed, in [0, 1]

    family = "traditional"
    no_match = 0.0

    def __post_init__(self) -> None:
        self._bm25 = BM25(self.k1, self.b)

    def prepare(self, collection: Collection) -> None:
        """Count the collection's documents."""
        self._bm25.prepare(collection)

    def reading(self, collection: Collection) -> Sequence[str]:
        """Return which documents the statistics are of."""
        return self._bm25.reading(collection)

    def rank(self, requests: Sequence[Request]) -> list[Ranking]:
        """Return the rankings by the BM25 of the expanded query, ties by document id."""
        return [self._rank(request) for request in requests]

    def characters_read(self, query: str, document: str) -> int:
        """Return the length of the document: all of it is read."""
        return len(document)

    def expand(self, request: Request) -> dict[str, float]:
        """Return the weights of the expanded query's terms; they sum to 1 unless the query has no term."""
        terms = terms_of(self._bm25.statistics.language, request.query)
        original = {term: count / len(terms) for term, count in Counter(terms).items()}
        model = self._relevance_model(terms, request)
        if not model:
            return original
        weights = {term: self.original_weight * weight for term, weight in original.items()}
        for term, weight in model.items():
            weights[term] = weights.get(term, 0.0) + (1 - self.original_weight) * weight
        return weights

    def _rank(self, request: Request) -> Ranking:
        scores = self._scores(self.expand(request), self._counts(request))
        return ranking_by_score(request, scores.astype(np.float32))

    def _relevance_model(self, terms: Sequence[str], request: Request) -> dict[str, float]:
        """Return the weightiest terms of the feedback documents, each document weighed by its score; they sum to 1."""
        counts = self._counts(request)
        scores = self._scores(Counter(terms), counts).astype(np.float32)
        best = ranking(scores, request.doc_ids)[: self.feedback_documents].tolist()
        weights: Counter[str] = Counter()
        for position in (i for i in best if scores[i] > 0):
            length = counts[position].total()
            for term, count in counts[position].items():
                weights[term] += float(scores[position]) * count / length
        heaviest = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[: self.feedback_terms]
        total = sum(weight for _, weight in heaviest)
        return {term: weight / total for term, weight in heaviest}

    def _scores(self, weights: Mapping[str, float], counts: Sequence[Terms]) -> NDArray[np.float64]:
        """Return float64[n], the BM25 of each document, summed over terms by their weights."""
        return np.array(
            [
                sum(w * self._bm25.terms_score([t], terms, terms.total()) for t, w in weights.items() if terms[t])
                for terms in counts
            ],
            dtype=np.float64,
        )

    def _counts(self, request: Request) -> list[Terms]:
        return [term_counts(self._bm25.statistics.language, candidate.text) for candidate in request.candidates]
