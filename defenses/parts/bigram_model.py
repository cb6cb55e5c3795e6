"""A bigram language model of a collection, with absolute discounting, for the outlier filter and the learned filter.

Source: Ney, Essen, Kneser: On structuring probabilistic dependences in stochastic language modelling, Computer Speech
and Language 8, 1994; here without the counts of the document that a text is, or is an edited version of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from robustrank.text.words import words

Bigram = tuple[str, str]
DISCOUNT = 0.75
MAX_POSTINGS = 20  # documents; more frequent bigrams do not tell which document a text is a version of
EDGE = 8  # bigrams at the start and at the end of a text that are averaged apart, since triggers are put there


@dataclass(frozen=True)
class BigramModel:
    """Surprisal of the words of a text, each given the word before it.

    An edited document is compared with its original on equal terms: neither is scored with the counts of the original,
    which is the document of the collection that shares more than half of the text's uncommon bigrams.

    Attributes:
        unigrams, bigrams: How often each word and each bigram occurs in the collection.
        contexts, followers: How often a word follows each word, and how many different ones.
        total: Number of words in the collection.
        documents: The words of each document of the collection.
        postings: Bigram to the documents that hold it, for uncommon bigrams.
    """

    unigrams: Counter[str]
    bigrams: Counter[Bigram]
    contexts: Counter[str]
    followers: Counter[str]
    total: int
    documents: list[list[str]]
    postings: dict[Bigram, list[int]]

    @classmethod
    def from_documents(cls, documents: Iterable[str]) -> BigramModel:
        """Return the model of a collection."""
        texts = [[word.key for word in words(text)] for text in documents]
        unigrams: Counter[str] = Counter()
        bigrams: Counter[Bigram] = Counter()
        postings: dict[Bigram, list[int]] = {}
        for number, keys in enumerate(texts):
            unigrams.update(keys)
            bigrams.update(pairwise(keys))
            for bigram in set(pairwise(keys)):
                postings.setdefault(bigram, []).append(number)
        postings = {bigram: numbers for bigram, numbers in postings.items() if len(numbers) <= MAX_POSTINGS}
        contexts: Counter[str] = Counter()
        for (first, _), count in bigrams.items():
            contexts[first] += count
        followers = Counter(first for first, _ in bigrams)
        return cls(unigrams, bigrams, contexts, followers, sum(unigrams.values()), texts, postings)

    def surprisals(self, document: str) -> NDArray[np.float64]:
        """Return float64[words - 1], minus the log-probability (nats) of each word after the word before it."""
        keys = [word.key for word in words(document)]
        original = self._original(keys)
        left_out, left_out_bigrams = Counter(original), Counter(pairwise(original))
        left_out_contexts = Counter(original[:-1])
        surprisals = []
        for first, second in pairwise(keys):
            context = self.contexts[first] - left_out_contexts[first]
            count = self.bigrams[first, second] - left_out_bigrams[first, second]
            unigram = (self.unigrams[second] - left_out[second] + 1) / (self.total + len(self.unigrams) + 1)
            backoff = DISCOUNT * self.followers[first] / context if context > 0 else 1.0
            discounted = max(0.0, count - DISCOUNT) / context if context > 0 else 0.0
            surprisals.append(-np.log(discounted + min(1.0, backoff) * unigram))
        return np.array(surprisals, dtype=np.float64)

    def mean_surprisals(self, document: str) -> tuple[float, float, float]:
        """Return the mean surprisal of the text, of its start and of its end; 0 for a text of less than two words."""
        surprisals = self.surprisals(document)
        if not len(surprisals):
            return 0.0, 0.0, 0.0
        return float(surprisals.mean()), float(surprisals[:EDGE].mean()), float(surprisals[-EDGE:].mean())

    def _original(self, keys: Sequence[str]) -> list[str]:
        """Return the words of the document that a text is a version of; empty where there is none."""
        bigrams = [bigram for bigram in set(pairwise(keys)) if bigram in self.postings or not self.bigrams[bigram]]
        shared = Counter(number for bigram in bigrams for number in self.postings.get(bigram, ()))
        most = max(shared.values(), default=0)
        if 2 * most <= len(bigrams):
            return []
        return self.documents[min(number for number, count in shared.items() if count == most)]
