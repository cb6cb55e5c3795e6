"""Mine: says in two sentences what the defense does. The ranker reads the first words of a document alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.defense import Defense, RewritingRanker
from robustrank.plugins import Count
from robustrank.rankers.ranker import Ranker


@dataclass(frozen=True)
class Mine(Defense):
    """Ranks documents by their first words, so that text added to their end has no effect."""

    max_words: Count = 100  # words of a document that the ranker reads

    reference = "authors, title, venue, section"
    deviations = "how it deviates from the reference, and why"

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker that users get; what the defense learns, it learns from ``collection``."""
        return FirstWords.over(ranker, self.max_words)


class FirstWords(RewritingRanker):
    """Ranks by rewritten texts; override ``rewritten_query`` to change queries."""

    def __init__(self, inner: Ranker, max_words: int) -> None:
        super().__init__(inner)
        self._max_words = max_words

    def rewritten_document(self, document: str) -> str:
        """Return the text that the ranker reads."""
        return " ".join(document.split()[: self._max_words])
