"""RM3: the query is expanded with terms of the documents that BM25 finds for it (pseudo-relevance feedback).

Source: Lavrenko, Croft, SIGIR 2001 (relevance models); Abdul-Jaleel et al., TREC 2004 (RM3). Parameter values are
Anserini's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.measures.ranking import ranking
from robustrank.rankers.lexical import BM25
from robustrank.rankers.ranker import Pair, Scores
from robustrank.text.analysis import analyze


@dataclass
class RM3(BM25):
    """BM25 of the expanded query. The feedback documents come from the whole collection that was prepared for."""

    feedback_documents: int = 10  # documents that terms are taken from
    feedback_terms: int = 10  # terms added
    original_weight: float = 0.5  # weight of the query as it was typed, in [0, 1]
    _expanded: dict[str, dict[str, float]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def prepare(self, collection: Collection) -> None:
        """Count the collection's documents and keep them for the search."""
        super().prepare(collection)
        self._counts = [Counter(analyze(text)) for text in collection.documents.values()]
        self._expanded.clear()
        self.__dict__.pop("_postings", None)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]: BM25 summed over the expanded query's terms by their weights."""
        scores = np.empty(len(pairs), dtype=np.float32)
        counts: dict[str, Counter[str]] = {}
        for number, (query, document) in enumerate(pairs):
            if document not in counts:
                counts[document] = Counter(analyze(document))
            own = counts[document]
            length = own.total()
            weights = self.expand(query)
            scores[number] = sum(w * self.terms_score([t], own, length) for t, w in weights.items() if own[t])
        return scores

    def expand(self, query: str) -> dict[str, float]:
        """Return the weights of the expanded query's terms; they sum to 1 unless the query has no term."""
        if query not in self._expanded:
            self._expanded[query] = self._expansion(analyze(query))
        return self._expanded[query]

    def _expansion(self, terms: Sequence[str]) -> dict[str, float]:
        original = {term: count / len(terms) for term, count in Counter(terms).items()}
        model = self._relevance_model(terms)
        if not model:
            return original
        weights = {term: self.original_weight * weight for term, weight in original.items()}
        for term, weight in model.items():
            weights[term] = weights.get(term, 0.0) + (1 - self.original_weight) * weight
        return weights

    def _relevance_model(self, terms: Sequence[str]) -> dict[str, float]:
        """Return the weightiest terms of the feedback documents, each document weighed by its score; they sum to 1."""
        scores = self._search(terms)
        found = [i for i in ranking(scores)[: self.feedback_documents].tolist() if scores[i] > 0]
        weights: Counter[str] = Counter()
        for place in found:
            counts = self._counts[place]
            length = counts.total()
            for term, count in counts.items():
                weights[term] += float(scores[place]) * count / length
        kept = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[: self.feedback_terms]
        total = sum(weight for _, weight in kept)
        return {term: weight / total for term, weight in kept}

    def _search(self, terms: Sequence[str]) -> NDArray[np.float32]:
        """Return float32[D], the BM25 of every document of the collection."""
        scores = np.zeros(len(self._counts), dtype=np.float64)
        for term in terms:
            for place in self._postings.get(term, ()):
                counts = self._counts[place]
                scores[place] += self.terms_score([term], counts, counts.total())
        return scores.astype(np.float32)

    @cached_property
    def _postings(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for place, counts in enumerate(self._counts):
            for term in counts:
                found.setdefault(term, []).append(place)
        return found
