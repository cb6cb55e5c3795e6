"""Lexical outlier filter: flags documents whose word order is improbable in the collection.

Source: the bigram model with absolute discounting of Ney, Essen, Kneser: On structuring probabilistic dependences in
stochastic language modelling, Computer Speech and Language 8, 1994, trained on the collection; as a detector, the
perplexity filters of Song, Rush, Shmatikov, EMNLP 2020, without a neural language model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.defense import Defense
from robustrank.plugins.constraints import InnerShare
from robustrank.rankers.ranker import Ranker

from .parts.bigram_model import BigramModel
from .parts.filtering import filter_ranker


@dataclass(frozen=True)
class OutlierFilter(Defense):
    """Demotes documents whose bigram surprisal exceeds the (1 - FPR) quantile of clean documents."""

    target_fpr: InnerShare = 0.05  # share of clean candidates that may be flagged

    flags = passes_gradients = True
    reference = "Ney, Essen, Kneser, 1994 (bigrams); Song, Rush, Shmatikov, EMNLP 2020 (filtering)"
    deviations = (
        "a bigram model of the collection, without the counts of the document that a text is, or is a version of; the "
        "anomaly score is the maximum over the whole text, its start and its end"
    )

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker behind the filter."""
        detector = OutlierDetector(collection.statistic(BigramModel.from_documents))
        return filter_ranker(ranker, detector, collection, self.target_fpr, rng)


@dataclass(frozen=True)
class OutlierDetector:
    """The anomaly score is the largest mean surprisal, in nats, of a document, its start and its end."""

    model: BigramModel

    def anomaly_score(self, query: str, documents: Sequence[str]) -> NDArray[np.float64]:
        """Return float64[n]; the query is ignored. 0 for a text of less than two words."""
        return np.array([max(self.model.mean_surprisals(document)) for document in documents], dtype=np.float64)
