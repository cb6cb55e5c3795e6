"""BM25 as a first stage, over an inverted index that is kept on disk."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from robustrank.plugins.constraints import LanguageCode, Share, Weight
from robustrank.retrieval.overlay import Overlay, OverlayRetriever
from robustrank.retrieval.retriever import Hits, best_first, refuse_empty
from robustrank.retrieval.term_index import TermIndex, term_index
from robustrank.text.analysis import terms as terms_of
from robustrank.text.languages import ENGLISH


@dataclass
class BM25Retriever(OverlayRetriever):
    """BM25 in Lucene's variant of Robertson et al., "Okapi at TREC-3" (1994), see Kamphuis et al., ECIR 2020.

    Terms are those of :mod:`robustrank.text.analysis`. Documents without a query term are not returned, as in Lucene:
    a list may be shorter than k, and that of a query that matches nothing is empty.

    The index of a corpus holds counts, and weights are computed from them by each search. So documents that are added
    or removed change the statistics exactly, as if all had been indexed anew, though only they are read.
    """

    k1: Weight = 0.9  # saturation of the term frequency
    b: Share = 0.4  # strength of the length normalisation, in [0, 1]
    language: LanguageCode = ENGLISH  # of the documents: decides the analyser, see docs/languages.md
    _index: TermIndex | None = field(default=None, init=False, repr=False)  # of the corpus below the overlay

    def index(self, corpus: Mapping[str, str]) -> None:
        """Index documents by id, in place of what was indexed before; the index of a document store is kept."""
        self._documents, self._index = Overlay(corpus), term_index(corpus, self.language)

    def search(self, queries: Sequence[str], k: int) -> list[Hits]:
        """Return for each query its top ``k`` documents of those that have one of its terms, ties by ascending id.

        Raises:
            PluginError: Nothing was indexed.
        """
        refuse_empty(self._documents)
        if self._index is None:
            self._index = TermIndex.of({}, self.language)
        search = _Search(self, self._index, self._documents)
        return [search.hits(Counter(terms_of(self.language, query)), k) for query in queries]


class _Search:
    """BM25 with the statistics of the documents that are indexed now."""

    def __init__(self, retriever: BM25Retriever, index: TermIndex, documents: Overlay) -> None:
        self._retriever, self._index, self._count = retriever, index, len(documents)
        language = retriever.language
        self._added = {d: Counter(terms_of(language, text)) for d, text in documents.added.items()}
        hidden = {d: Counter(terms_of(language, documents.base[d])) for d in sorted(documents.hidden)}
        self._hidden = [number for d in hidden if (number := index.doc_ids.find(d)) is not None]
        self._changes: Counter[str] = Counter()  # of document frequencies, against the index
        for counts, change in ((self._added, 1), (hidden, -1)):
            for terms in counts.values():
                self._changes.update(dict.fromkeys(terms, change))
        lengths = [sum(map(Counter.total, counts.values())) for counts in (self._added, hidden)]
        self._average = (index.tokens + lengths[0] - lengths[1]) / self._count or 1.0

    def hits(self, query: Counter[str], k: int) -> Hits:
        """Return the top ``k`` documents of the terms of a query."""
        totals, added = np.zeros(len(self._index.lengths)), dict.fromkeys(self._added, 0.0)
        for term, times in query.items():
            documents, counts = self._index.postings(term)
            weight = times * self._idf(len(documents) + self._changes[term])
            totals[documents] += weight * (counts / (counts + self._norms[documents]))
            for doc_id, terms in self._added.items():
                if count := terms[term]:
                    added[doc_id] += weight * (count / (count + float(self._norm(np.array(terms.total())))))
        totals[self._hidden] = 0.0
        indexed = [(self._index.doc_ids.strings[number], score) for number, score in _top(totals.astype(np.float32), k)]
        new = [(doc_id, float(np.float32(score))) for doc_id, score in added.items() if score > 0]
        return best_first([*indexed, *new])[:k]

    @cached_property
    def _norms(self) -> NDArray[np.float64]:
        return self._norm(self._index.lengths)

    def _norm(self, lengths: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return float64[D], what is added to the count of a term in documents of these lengths."""
        k1, b = self._retriever.k1, self._retriever.b
        return np.asarray(k1 * (1 - b + b * (lengths / self._average)))

    def _idf(self, frequency: int) -> float:
        return math.log(1 + (self._count - frequency + 0.5) / (frequency + 0.5))  # positive in this variant


def _top(scores: NDArray[np.float32], k: int) -> list[tuple[int, float]]:
    """Return the numbers and scores of the ``k`` highest above 0, ties by ascending number."""
    numbers = np.flatnonzero(scores > 0)
    values = scores[numbers]
    if k < len(values):
        is_near = values >= np.partition(values, -k)[-k]
        numbers, values = numbers[is_near], values[is_near]
    best = numbers[np.argsort(-values, kind="stable")][:k]
    return list(zip(best.tolist(), scores[best].tolist(), strict=True))
