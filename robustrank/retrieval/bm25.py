"""BM25 as a first stage, by bm25s."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustrank.plugins.constraints import LanguageCode, Share, Weight
from robustrank.retrieval.retriever import Hits, Retriever, refuse_empty, refuse_unknown
from robustrank.text.analysis import analyser
from robustrank.text.languages import ENGLISH


@dataclass
class BM25Retriever(Retriever):
    """BM25 in Lucene's variant of Robertson et al., "Okapi at TREC-3" (1994), see Kamphuis et al., ECIR 2020.

    Terms are those of :mod:`robustrank.text.analysis`. Documents without a query term are not returned, as in Lucene:
    a list may be shorter than k, and that of a query that matches nothing is empty.
    """

    k1: Weight = 0.9  # saturation of the term frequency
    b: Share = 0.4  # strength of the length normalisation, in [0, 1]
    language: LanguageCode = ENGLISH  # of the documents: decides the analyser, see docs/languages.md
    _terms: dict[str, list[str]] = field(default_factory=dict, init=False, repr=False)  # by document id
    _index: Any = field(default=None, init=False, repr=False)  # made at the first search after a change

    def index(self, corpus: Mapping[str, str]) -> None:
        """Index documents by id, in place of what was indexed before."""
        self._terms = {}
        self.add(corpus)

    def add(self, documents: Mapping[str, str]) -> None:
        """Add documents; one whose id is indexed already is replaced."""
        terms = analyser(self.language).terms
        self._terms.update({doc_id: terms(text) for doc_id, text in documents.items()})
        self._index = None

    def remove(self, doc_ids: Iterable[str]) -> None:
        """Take documents away.

        Raises:
            PluginError: An id is not indexed.
        """
        for doc_id in refuse_unknown(doc_ids, self._terms):
            del self._terms[doc_id]
        self._index = None

    def search(self, queries: Sequence[str], k: int) -> list[Hits]:
        """Return for each query its top ``k`` documents of those that have one of its terms, ties by ascending id.

        Raises:
            PluginError: Nothing was indexed.
        """
        refuse_empty(self._terms)
        terms = analyser(self.language).terms
        doc_ids = sorted(self._terms)  # so that the position decides ties
        return [self._hits(doc_ids, self._scores(doc_ids, terms(query)), k) for query in queries]

    def _scores(self, doc_ids: Sequence[str], query: Sequence[str]) -> NDArray[np.float32]:
        """Return float32[D], in the order of ``doc_ids``."""
        if self._index is None and any(self._terms.values()):
            import bm25s

            self._index = bm25s.BM25(k1=self.k1, b=self.b)
            self._index.index([self._terms[doc_id] for doc_id in doc_ids], show_progress=False)
        terms = [term for term in query if self._index is not None and term in self._index.vocab_dict]
        scores = self._index.get_scores(terms) if terms else np.zeros(len(doc_ids))
        return np.asarray(scores, dtype=np.float32)

    def _hits(self, doc_ids: Sequence[str], scores: NDArray[np.float32], k: int) -> Hits:
        threshold = np.partition(scores, -k)[-k] if k < len(scores) else 0
        indices = np.flatnonzero((scores >= threshold) & (scores > 0))  # every idf of this variant is positive
        best = indices[np.argsort(-scores[indices], kind="stable")][:k]
        return [(doc_ids[i], float(scores[i])) for i in best.tolist()]
