"""Traditional rankers: BM25 and query likelihood, which score any text with the statistics of a collection."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.errors import PluginError
from robustrank.plugins.constraints import Positive, Share, Weight
from robustrank.printing import counted
from robustrank.rankers.ranker import Pair, PointwiseRanker, Scores
from robustrank.retrieval.term_index import term_index
from robustrank.text.analysis import terms as terms_of


@lru_cache(maxsize=20_000)
def term_counts(language: str, text: str) -> Counter[str]:
    """Return the frequency of each term in a text; cached and shared, so callers must not change it."""
    return Counter(terms_of(language, text))


@dataclass
class Statistics:
    """Collection statistics of a lexical ranker.

    Attributes:
        documents: Number of documents.
        tokens: Number of term occurrences in the collection.
        document_frequency, collection_frequency: Per term.
        language: The language whose analyser makes the terms.
    """

    documents: int
    tokens: int
    document_frequency: Counter[str] = field(repr=False)
    collection_frequency: Counter[str] = field(repr=False)
    language: str

    @classmethod
    def of(cls, collection: Collection) -> Statistics:
        """Return the statistics of a collection, computed once."""
        return collection.of_documents(cls._of_documents)

    @classmethod
    def _of_documents(cls, documents: Mapping[str, str], language: str) -> Statistics:
        index = term_index(documents, language)
        frequencies = index.document_frequencies(), index.collection_frequencies()
        return cls(len(documents), index.tokens, *frequencies, language)

    @property
    def average_length(self) -> float:
        """Mean number of terms per document."""
        return self.tokens / max(1, self.documents)


def statistics_reading(collection: Collection) -> str:
    """Return which documents a lexical ranker takes its statistics from, and what tells that there are others."""
    listed = {doc_id for doc_ids in collection.candidates.values() for doc_id in doc_ids}
    judged = {doc_id for gains in collection.qrels.values() for doc_id in gains}
    absent = len(judged.difference(collection.documents))
    said = f"Its collection statistics are those of the {counted(len(collection.documents), 'document')} that were read"
    if absent:
        return f"{said}, not of the whole collection: without {counted(absent, 'judged document')}."
    if (listed | judged).issuperset(collection.documents):
        return f"{said}, each of which is a candidate or judged: of a pool, if the collection holds more."
    return f"{said}."


@dataclass
class _Lexical(PointwiseRanker):
    family = "traditional"
    no_match = 0.0

    def __post_init__(self) -> None:
        self._statistics: Statistics | None = None

    @property
    def statistics(self) -> Statistics:
        """The statistics of the collection.

        Raises:
            PluginError: :meth:`prepare` was not called.
        """
        if self._statistics is None:
            raise PluginError(f"{type(self).__name__} has no corpus statistics", hint="call prepare(collection) first")
        return self._statistics

    def prepare(self, collection: Collection) -> None:
        """Compute the statistics of the collection."""
        self._statistics = Statistics.of(collection)

    def reading(self, collection: Collection) -> Sequence[str]:
        """Return which documents the statistics are of."""
        return [statistics_reading(collection)]

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]."""
        language = self.statistics.language
        counts: dict[str, tuple[Counter[str], int]] = {}
        scores = np.empty(len(pairs), dtype=np.float32)
        for number, (query, document) in enumerate(pairs):
            if document not in counts:
                terms = terms_of(language, document)
                counts[document] = Counter(terms), len(terms)
            scores[number] = self.terms_score(terms_of(language, query), *counts[document])
        return scores

    def terms(self, text: str) -> Sequence[str]:
        """Return the terms of a query or a document, in order."""
        return terms_of(self.statistics.language, text)

    @abstractmethod
    def terms_score(self, query: Sequence[str], counts: Mapping[str, int], length: int) -> float:
        """Return the score of a document with these counts of the query's terms, and this length (in terms)."""


@dataclass
class BM25(_Lexical):
    """BM25 (Robertson, Walker, TREC-3 1994) with Lucene's idf, ln(1 + (N - df + 0.5) / (df + 0.5)).

    Terms are those of :mod:`robustrank.text.analysis`; a term counts as often as it occurs in the query.
    """

    k1: Weight = 0.9  # saturation of the term frequency
    b: Share = 0.4  # strength of the length normalisation, in [0, 1]

    def terms_score(self, query: Sequence[str], counts: Mapping[str, int], length: int) -> float:
        """Return the sum over the query's terms."""
        statistics = self.statistics
        norm = self.k1 * (1 - self.b + self.b * length / max(statistics.average_length, 1e-9))
        return sum(self.idf(term) * counts[term] / (counts[term] + norm) for term in query if counts[term])

    def idf(self, term: str) -> float:
        """Return ln(1 + (N - df + 0.5) / (df + 0.5)), which is positive."""
        frequency = self.statistics.document_frequency[term]
        return math.log(1 + (self.statistics.documents - frequency + 0.5) / (frequency + 0.5))


@dataclass
class QueryLikelihood(_Lexical):
    """Query likelihood with Dirichlet smoothing (Zhai, Lafferty, SIGIR 2001): the log-likelihood of the query.

    Query terms that do not occur in the collection are ignored, since they do not distinguish documents.
    """

    mu: Positive = 1000.0  # pseudo-terms of the collection model added to each document

    def terms_score(self, query: Sequence[str], counts: Mapping[str, int], length: int) -> float:
        """Return the log-likelihood."""
        statistics = self.statistics
        score = 0.0
        for term in query:
            background = statistics.collection_frequency[term] / max(1, statistics.tokens)
            if background:
                score += math.log((counts[term] + self.mu * background) / (length + self.mu))
        return score
