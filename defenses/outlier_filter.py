"""Lexical outlier filter: flags documents whose words follow each other as those of the collection hardly do.

Source: the bigram model with absolute discounting of Ney, Essen, Kneser: On structuring probabilistic dependences in
stochastic language modelling, Computer Speech and Language 8, 1994, with the collection as its corpus; as a detector,
the perplexity filters of Song, Rush, Shmatikov, EMNLP 2020, without a neural language model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.defense import Defense
from robustrank.rankers.ranker import Ranker
from robustrank.text.words import words

from .parts.filtering import check_share, filtered

Bigram = tuple[str, str]
DISCOUNT = 0.75
COMMON = 20  # documents; bigrams that stand in more do not tell which document a text is a version of
EDGE = 8  # words at either end whose surprise is looked at apart, since triggers stand there


@dataclass(frozen=True)
class OutlierFilter(Defense):
    """Ranks last what surprises a bigram model of the collection more than nearly all its documents do."""

    target_fpr: float = 0.05  # share of clean candidates that may be flagged

    reference = "Ney, Essen, Kneser, 1994 (bigrams); Song, Rush, Shmatikov, EMNLP 2020 (filtering)"
    deviations = (
        "a bigram model of the collection, without the counts of the document that a text is, or is a version of; the "
        "worst of the whole and either end counts"
    )

    def __post_init__(self) -> None:
        check_share(self.target_fpr)

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker behind the filter."""
        detector = OutlierDetector.of(collection.documents.values())
        return filtered(ranker, detector, collection, self.target_fpr, f"outlier|{collection.fingerprint}", rng)


@dataclass(frozen=True)
class OutlierDetector:
    """Suspicion is the mean surprise of a document's bigrams, in nats.

    An edited document is as familiar as its original only if neither is judged by what the original taught: both leave
    its counts out. The original is the collection's document that shares more than half of the text's uncommon bigrams.

    Attributes:
        singles, pairs: How often each word and each bigram occurs in the collection.
        contexts, followers: How often a word follows each word, and how many different ones.
        total: All words.
        documents: The words of each of the collection's documents.
        places: The documents each bigram stands in, of those that stand in few.
    """

    singles: Counter[str]
    pairs: Counter[Bigram]
    contexts: Counter[str]
    followers: Counter[str]
    total: int
    documents: list[list[str]]
    places: dict[Bigram, list[int]]

    @classmethod
    def of(cls, documents: Iterable[str]) -> OutlierDetector:
        """Return the detector of a collection."""
        texts = [[word.key for word in words(text)] for text in documents]
        singles: Counter[str] = Counter()
        pairs: Counter[Bigram] = Counter()
        places: dict[Bigram, list[int]] = {}
        for number, keys in enumerate(texts):
            singles.update(keys)
            pairs.update(pairwise(keys))
            for pair in set(pairwise(keys)):
                places.setdefault(pair, []).append(number)
        places = {pair: numbers for pair, numbers in places.items() if len(numbers) <= COMMON}
        contexts: Counter[str] = Counter()
        for (first, _), count in pairs.items():
            contexts[first] += count
        followers = Counter(first for first, _ in pairs)
        return cls(singles, pairs, contexts, followers, sum(singles.values()), texts, places)

    def anomaly_score(self, query: str, documents: Sequence[str]) -> NDArray[np.float64]:
        """Return float64[n]; the query is not looked at. 0 for a text of less than two words."""
        return np.array([self._worst(document) for document in documents], dtype=np.float64)

    def surprises(self, document: str) -> NDArray[np.float64]:
        """Return float64[words - 1], minus the log-probability of each word after the one before it."""
        keys = [word.key for word in words(document)]
        left_out = self._original(keys)
        own, own_pairs, own_contexts = Counter(left_out), Counter(pairwise(left_out)), Counter(left_out[:-1])
        found = []
        for first, second in pairwise(keys):
            before = self.contexts[first] - own_contexts[first]
            both = self.pairs[first, second] - own_pairs[first, second]
            alone = (self.singles[second] - own[second] + 1) / (self.total + len(self.singles) + 1)
            shared = DISCOUNT * self.followers[first] / before if before > 0 else 1.0
            share = max(0.0, both - DISCOUNT) / before if before > 0 else 0.0
            found.append(-np.log(share + min(1.0, shared) * alone))
        return np.array(found, dtype=np.float64)

    def _original(self, keys: Sequence[str]) -> list[str]:
        """Return the words of the document a text is a version of; none where it is a version of none."""
        pairs = [pair for pair in set(pairwise(keys)) if pair in self.places or not self.pairs[pair]]
        shared = Counter(number for pair in pairs for number in self.places.get(pair, ()))
        most = max(shared.values(), default=0)
        if 2 * most <= len(pairs):
            return []
        return self.documents[min(number for number, count in shared.items() if count == most)]

    def _worst(self, document: str) -> float:
        found = self.surprises(document)
        return float(max(part.mean() for part in (found, found[:EDGE], found[-EDGE:]))) if len(found) else 0.0
