"""Lexical features of a (query, document) pair for learning to rank, each with a name and a description.

In the spirit of LETOR (Qin, Liu: Introducing LETOR 4.0 Datasets, arXiv 1306.2597) with the proximity measures of Tao
and Zhai (SIGIR 2007). Terms are those of :mod:`robustrank.text.analysis`. A document is a single text here, so its
first ``LEAD`` terms replace a title. LETOR scales features within a query's list; a pointwise score does not know the
list, so rankers scale by the training data instead.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.rankers.lexical import BM25, QueryLikelihood, Statistics
from robustrank.rankers.ranker import Pair
from robustrank.text.analysis import terms as terms_of

Features = NDArray[np.float64]

LEAD = 15  # terms
WINDOW = 8  # terms within which two query terms are near each other
_JELINEK_MERCER = 0.1  # weight of the collection model (Zhai, Lafferty, SIGIR 2001: for short queries)

# Of every field: the whole text, and the lead.
_FIELD = {
    "covered": "distinct query terms that occur",
    "coverage": "share of the distinct query terms that occur",
    "coverage_idf": "the same share, each term weighted by its idf",
    "tf_sum": "log(1 + frequency), summed over query terms",
    "tf_max": "log(1 + frequency) of the most frequent query term",
    "tf_min": "log(1 + frequency) of the least frequent query term",
    "tf_mean": "log(1 + frequency), mean over query terms",
    "ntf_sum": "frequency divided by the field's length, summed over query terms",
    "tfidf_sum": "log(1 + frequency) times idf, summed over query terms",
    "tfidf_max": "log(1 + frequency) times idf, largest over query terms",
    "tfidf_mean": "log(1 + frequency) times idf, mean over query terms",
    "length": "log(1 + terms)",
}
_WHOLE = {
    "bm25": "BM25, k1 = 0.9, b = 0.4",
    "bm25_classic": "BM25, k1 = 1.2, b = 0.75",
    "ql_dirichlet": "log query likelihood, Dirichlet smoothing, mu = 1000, per term",
    "ql_jelinek_mercer": f"log query likelihood, Jelinek-Mercer smoothing, lambda = {_JELINEK_MERCER}, per term",
    "cosine": "cosine of the tf-idf vectors",
    "bigrams": "share of the query's bigrams that occur in the text",
    "near": f"share of the pairs of query terms that occur within {WINDOW} terms of each other",
    "distance": "log(1 + exp(-d)), d the smallest distance of two different query terms (Tao, Zhai: MinDist)",
    "span": "distinct query terms that occur, divided by the length of the shortest window that contains them all",
    "first": "1 / (1 + position of the first query term)",
    "query_length": "query terms",
    "query_idf": "mean idf of the query terms",
}
FEATURES: Mapping[str, str] = {
    **{f"text_{name}": f"{text}; in the text" for name, text in _FIELD.items()},
    **{f"lead_{name}": f"{text}; in the first {LEAD} terms" for name, text in _FIELD.items()},
    **_WHOLE,
}


@dataclass(frozen=True)
class _Text:
    """An analysed document."""

    terms: tuple[str, ...]
    counts: Counter[str]
    lead: Counter[str]
    positions: Mapping[str, tuple[int, ...]]
    norm: float  # of the tf-idf vector


class FeatureExtractor:
    """Computes features with the statistics of one collection.

    Args:
        collection: The source of document frequencies, collection frequencies and lengths.
    """

    def __init__(self, collection: Collection) -> None:
        self._bm25, self._classic, self._likelihood = BM25(), BM25(1.2, 0.75), QueryLikelihood()
        for ranker in (self._bm25, self._classic, self._likelihood):
            ranker.prepare(collection)
        self._known: Statistics = self._bm25.statistics
        self._idf = lru_cache(maxsize=None)(self._bm25.idf)
        self._text = lru_cache(maxsize=50_000)(self._analysed)

    def features(self, pairs: Sequence[Pair]) -> Features:
        """Return float64[n, F], one row per pair, columns in the order of ``FEATURES``."""
        rows = [self._vector(terms_of(self._known.language, query), self._text(document)) for query, document in pairs]
        return np.array(rows, dtype=np.float64).reshape(len(pairs), len(FEATURES))

    def _vector(self, query: tuple[str, ...], text: _Text) -> list[float]:
        distinct = list(dict.fromkeys(query))
        return [
            *self._field(distinct, text.counts, len(text.terms)),
            *self._field(distinct, text.lead, min(LEAD, len(text.terms))),
            *self._scores(query, text),
            *_proximity(query, distinct, text),
            len(query),
            self._mean_idf(query),
        ]

    def _field(self, distinct: Sequence[str], counts: Counter[str], length: int) -> list[float]:
        tf = [math.log1p(counts[term]) for term in distinct] or [0.0]
        idf = [self._idf(term) for term in distinct] or [0.0]
        tfidf = [frequency * weight for frequency, weight in zip(tf, idf, strict=True)]
        covered = sum(value > 0 for value in tf)
        covered_idf = sum(weight for weight, value in zip(idf, tf, strict=True) if value > 0)
        return [
            covered,
            covered / len(tf),
            covered_idf / max(sum(idf), 1e-9),
            sum(tf),
            max(tf),
            min(tf),
            sum(tf) / len(tf),
            sum(counts[term] for term in distinct) / max(1, length),
            sum(tfidf),
            max(tfidf),
            sum(tfidf) / len(tfidf),
            math.log1p(length),
        ]

    def _scores(self, query: tuple[str, ...], text: _Text) -> list[float]:
        counts, length = text.counts, len(text.terms)
        scores = [ranker.terms_score(query, counts, length) for ranker in (self._bm25, self._classic)]
        likelihood = self._likelihood.terms_score(query, counts, length) / max(1, len(query))
        return [*scores, likelihood, self._jelinek_mercer(query, counts, length), self._cosine(query, text)]

    def _jelinek_mercer(self, query: Sequence[str], counts: Counter[str], length: int) -> float:
        logs = []
        for term in query:
            background = self._known.collection_frequency[term] / max(1, self._known.tokens)
            if background:
                relative = counts[term] / max(1, length)
                logs.append(math.log((1 - _JELINEK_MERCER) * relative + _JELINEK_MERCER * background))
        return sum(logs) / max(1, len(query))

    def _cosine(self, query: Sequence[str], text: _Text) -> float:
        weights = {term: math.log1p(count) * self._idf(term) for term, count in Counter(query).items()}
        product = sum(w * math.log1p(text.counts[term]) * self._idf(term) for term, w in weights.items())
        norm = math.sqrt(sum(weight**2 for weight in weights.values()))
        return product / (norm * text.norm) if norm and text.norm else 0.0

    def _mean_idf(self, query: Sequence[str]) -> float:
        return sum(self._idf(term) for term in query) / max(1, len(query))

    def _analysed(self, document: str) -> _Text:
        terms = terms_of(self._known.language, document)
        counts = Counter(terms)
        positions: dict[str, list[int]] = {}
        for position, term in enumerate(terms):
            positions.setdefault(term, []).append(position)
        norm = math.sqrt(sum((math.log1p(count) * self._idf(term)) ** 2 for term, count in counts.items()))
        frozen = {term: tuple(values) for term, values in positions.items()}
        return _Text(terms, counts, Counter(terms[:LEAD]), frozen, norm)


def _proximity(query: Sequence[str], distinct: Sequence[str], text: _Text) -> list[float]:
    """Return bigrams, near, distance, span and first, in the order of ``FEATURES``."""
    present = [term for term in distinct if term in text.positions]
    distances = [_distance(text.positions[a], text.positions[b]) for a, b in combinations(present, 2)]
    possible = len(distinct) * (len(distinct) - 1) / 2
    bigrams = set(pairwise(query))
    matched = bigrams & set(pairwise(text.terms)) if bigrams else set()
    first = min((text.positions[term][0] for term in present), default=None)
    return [
        len(matched) / max(1, len(bigrams)),
        sum(distance <= WINDOW for distance in distances) / max(1, possible),
        math.log1p(math.exp(-min(distances))) if distances else 0.0,
        len(present) / _shortest_window([text.positions[term] for term in present]) if present else 0.0,
        0.0 if first is None else 1 / (1 + first),
    ]


def _distance(first: Sequence[int], second: Sequence[int]) -> int:
    """Return the smallest distance between a position of ``first`` and one of ``second``, both ascending."""
    i = j = 0
    best = abs(first[0] - second[0])
    while i < len(first) and j < len(second):
        best = min(best, abs(first[i] - second[j]))
        i, j = (i + 1, j) if first[i] < second[j] else (i, j + 1)
    return best


def _shortest_window(positions: Sequence[Iterable[int]]) -> int:
    """Return the length of the shortest window that contains a position of each sequence."""
    merged = sorted((position, term) for term, values in enumerate(positions) for position in values)
    inside: Counter[int] = Counter()
    start, best = 0, merged[-1][0] - merged[0][0] + 1
    for position, term in merged:
        inside[term] += 1
        while len(inside) == len(positions):
            first, out = merged[start]
            best = min(best, position - first + 1)
            inside[out] -= 1
            if not inside[out]:
                del inside[out]
            start += 1
    return best
