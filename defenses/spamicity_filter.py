"""Spamicity filter: flags documents that repeat the query's terms.

Source: Zhou, Pang: OSD: An Online Web Spam Detection System, WWW 2009; as a defense of rankers, Liu et al. (PAT), CCS
2022, mitigation, and Chen et al.: Defense of Adversarial Ranking Attack in Text Retrieval, arXiv 2307.16816.
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
from robustrank.text.quality import Spamicity

from .parts.filtering import filter_ranker


@dataclass(frozen=True)
class SpamicityFilter(Defense):
    """Demotes documents whose spamicity exceeds the (1 - FPR) quantile of clean documents."""

    target_fpr: InnerShare = 0.05  # share of clean candidates that may be flagged

    flags = passes_gradients = True
    reference = "Zhou, Pang, WWW 2009; Liu et al. (PAT), CCS 2022; Chen et al., arXiv 2307.16816"
    deviations = "the threshold comes from clean candidates, not from a fixed number"

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker behind the filter."""
        detector = SpamicityDetector(collection.statistic(Spamicity.of, collection.language))
        return filter_ranker(ranker, detector, collection, self.target_fpr, rng)


@dataclass(frozen=True)
class SpamicityDetector:
    """The anomaly score is the spamicity."""

    measure: Spamicity

    def anomaly_score(self, query: str, documents: Sequence[str]) -> NDArray[np.float64]:
        """Return float64[n] in [0, 1]."""
        return np.array([self.measure.score(query, document) for document in documents], dtype=np.float64)
