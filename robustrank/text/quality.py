"""Stealth measures of an edit, as reported by attack papers: its size, and its spamicity.

Spamicity is that of the published mitigation study: code LauJames/PAT, osd_check.py, after Zhou, Pang: OSD: An Online
Web Spam Detection System, WWW 2009.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustrank.text.analysis import terms as terms_of
from robustrank.text.words import words


def edit_size(before: str, after: str) -> dict[str, float]:
    """Return the size of an edit.

    Returns:
        ``words_changed``: word-level edit distance over the number of words before, at least 1.
        ``characters_changed``: character-level edit distance over the number of characters before, at least 1.
        ``tokens_added``: words after minus words before.
    """
    old, new = [word.text for word in words(before)], [word.text for word in words(after)]
    return {
        "words_changed": edit_distance(old, new) / max(1, len(old)),
        "characters_changed": edit_distance(before, after) / max(1, len(before)),
        "tokens_added": float(len(new) - len(old)),
    }


def edit_distance(before: Sequence[str], after: Sequence[str]) -> int:
    """Return the Levenshtein distance: the minimum number of insertions, deletions and substitutions."""
    start, stop = 0, 0
    shortest = min(len(before), len(after))
    while start < shortest and before[start] == after[start]:
        start += 1
    while stop < shortest - start and before[-1 - stop] == after[-1 - stop]:
        stop += 1
    old, new = before[start : len(before) - stop], after[start : len(after) - stop]
    ids = {item: number for number, item in enumerate(dict.fromkeys([*old, *new]))}
    columns = np.array([ids[item] for item in new], dtype=np.int64)
    positions = np.arange(len(new) + 1)
    row = positions.copy()
    for number, item in enumerate(old, start=1):
        best = np.empty_like(row)
        best[0] = number
        best[1:] = np.minimum(row[1:] + 1, row[:-1] + (columns != ids[item]))
        # An insertion costs 1 per position: the running minimum of (value - position) applies all of them at once.
        row = np.minimum.accumulate(best - positions) + positions
    return int(row[-1])


@dataclass(frozen=True)
class Spamicity:
    """How much a text repeats the terms of a query.

    Attributes:
        idf: Of each term, log((1 + n) / (1 + documents with it)) + 1, as scikit-learn smooths it.
        unseen: The idf of a term that no document has.
        language: The language whose analyser makes the terms.
    """

    idf: dict[str, float]
    unseen: float
    language: str

    @classmethod
    def of(cls, documents: Iterable[str], language: str) -> Spamicity:
        """Return the measure with the document frequencies of some documents."""
        sets = [set(terms_of(language, text)) for text in documents]
        counts = Counter(term for terms in sets for term in terms)
        idf = {term: float(np.log((1 + len(sets)) / (1 + count)) + 1) for term, count in counts.items()}
        return cls(idf, float(np.log(1 + len(sets)) + 1), language)

    def score(self, query: str, text: str) -> float:
        """Return spam(q, d) = sum over w in q and d of tfidf_d(w) / (|terms of q| max over w in q of tfidf_q(w)).

        tf-idf vectors have unit length. 0 for a query or a text without a term.
        """
        query_weights, text_weights = self._vector(query), self._vector(text)
        if not query_weights or not text_weights:
            return 0.0
        overlap = sum(text_weights.get(term, 0.0) for term in query_weights)
        return overlap / (len(query_weights) * max(query_weights.values()))

    def _vector(self, text: str) -> dict[str, float]:
        counts = Counter(terms_of(self.language, text))
        raw = {term: count * self.idf.get(term, self.unseen) for term, count in counts.items()}
        length = float(np.sqrt(sum(value**2 for value in raw.values())))
        return {term: value / length for term, value in raw.items()}


def cosine(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Return the cosine of two vectors float32[H]; 0 where one of them is 0."""
    lengths = float(np.linalg.norm(first)) * float(np.linalg.norm(second))
    return float(first @ second) / lengths if lengths else 0.0
