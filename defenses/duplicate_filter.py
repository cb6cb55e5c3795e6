"""Duplicate filter: flags documents that are nearly the same as another of their list, which was there before them.

Source: Broder: On the resemblance and containment of documents, SEQUENCES 1997 (shingles and their resemblance). As a
defense of retrieval, duplicate text filtering in Zou et al.: PoisonedRAG, USENIX Security 2025, which compares hashes
of whole texts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.defense import Defense
from robustrank.plugins.constraints import Count, InnerShare
from robustrank.rankers.ranker import Ranker, Ranking, Request
from robustrank.text.words import words

from .parts.filtering import CALIBRATION_PAIRS, DemotingRanker

MEMORY = 50_000  # texts whose shingles are remembered


@dataclass(frozen=True)
class DuplicateFilter(Defense):
    """Demotes documents that resemble an older one of their list: of near duplicates the first stays.

    Documents of the collection are older than those that were added or edited since, and, among these and those, the
    candidates that a first stage found nearer to the query are.
    """

    words: Count = 3  # words of a shingle; a text of fewer is one shingle
    least: InnerShare = 0.5  # resemblance (Jaccard index of the shingles) above which a document may be flagged
    target_fpr: InnerShare = 0.05  # share of clean candidates that may be flagged: the threshold rises until it holds

    passes_gradients = True
    reference = "Broder, SEQUENCES 1997 (resemblance); Zou et al. (PoisonedRAG), USENIX Security 2025"
    deviations = (
        "resemblance of shingles, not equality of hashes, and computed exactly, not from sketches; documents are "
        "compared within a list, not over the whole collection"
    )

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker behind the filter."""
        filtered = DeduplicatedRanker(ranker, collection, self.words, self.least)
        values = list(islice(_clean_values(filtered, collection, rng), CALIBRATION_PAIRS))
        if values:
            calibrated = float(np.quantile(values, 1 - self.target_fpr, method="higher"))
            filtered.threshold = max(self.least, calibrated)
        return filtered


class DeduplicatedRanker(DemotingRanker):
    """A ranker behind the duplicate filter.

    Attributes:
        threshold: A document of a higher resemblance to an older one of its list is flagged.

    Args:
        inner: The ranker.
        collection: Its documents are older than others.
        size: Words of a shingle.
        threshold: The threshold.
    """

    def __init__(self, inner: Ranker, collection: Collection, size: int, threshold: float) -> None:
        super().__init__(inner)
        self.threshold = threshold
        self._documents, self._size = collection.documents, size
        self._shingles: dict[str, frozenset[tuple[str, ...]]] = {}

    def resemblances(self, request: Request) -> NDArray[np.float64]:
        """Return float64[n], the largest resemblance of each candidate to an older one of the list; 0 without."""
        ids, texts = request.doc_ids, [candidate.text for candidate in request.candidates]
        is_new = [self._documents.get(doc_id) != text for doc_id, text in zip(ids, texts, strict=True)]
        holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
        values = np.zeros(len(texts))
        for position in sorted(range(len(texts)), key=lambda i: (is_new[i], i)):
            shingles = self._shingles_of(texts[position])
            shared = Counter(older for shingle in shingles for older in holders[shingle])
            for older, count in shared.items():
                union = len(shingles) + len(self._shingles_of(texts[older])) - count
                values[position] = max(values[position], count / union)
            for shingle in shingles:
                holders[shingle].append(position)
        return values

    def _flags(self, requests: Sequence[Request], rankings: Sequence[Ranking]) -> Sequence[NDArray[np.bool_]]:
        return [self.resemblances(request) > self.threshold for request in requests]

    def _shingles_of(self, text: str) -> frozenset[tuple[str, ...]]:
        if text not in self._shingles:
            if len(self._shingles) >= MEMORY:
                self._shingles.clear()
            keys = [word.key for word in words(text)]
            last = max(1, len(keys) - self._size + 1) if keys else 0
            self._shingles[text] = frozenset(tuple(keys[i : i + self._size]) for i in range(last))
        return self._shingles[text]


def _clean_values(filtered: DeduplicatedRanker, collection: Collection, rng: np.random.Generator) -> Iterator[float]:
    """Yield the resemblances of the candidates of clean lists, in a random order of the queries."""
    queries = list(collection.queries)
    for number in rng.permutation(len(queries)).tolist():
        yield from filtered.resemblances(collection.request(queries[number])).tolist()
