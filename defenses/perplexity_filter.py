"""Perplexity filter: flags documents of high perplexity under a language model.

Source: Song, Rush, Shmatikov: Adversarial Semantic Collisions, EMNLP 2020, section 6; Liu et al. (PAT), CCS 2022,
mitigation; Chen et al.: Defense of Adversarial Ranking Attack in Text Retrieval, arXiv 2307.16816.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.defense import Defense
from robustrank.language_model import (
    SMOLLM2,
    LanguageModel,
    language_model,
    language_model_digest,
    language_model_languages,
)
from robustrank.plugins.constraints import InnerShare
from robustrank.rankers.ranker import Ranker

from .parts.filtering import filter_ranker


@dataclass(frozen=True)
class PerplexityFilter(Defense):
    """Demotes documents whose perplexity exceeds the (1 - FPR) quantile of clean documents."""

    language_model: str = SMOLLM2  # a causal language model: smollm2, a folder, or a name on the hub
    target_fpr: InnerShare = 0.05  # share of clean candidates that may be flagged

    flags = passes_gradients = True
    reference = "Song, Rush, Shmatikov, EMNLP 2020; Liu et al. (PAT), CCS 2022; Chen et al., arXiv 2307.16816"
    deviations = "the threshold comes from clean candidates; perplexity is over a document's first tokens"

    @property
    def languages(self) -> tuple[str, ...]:
        """English with the default language model; any with another, which the user answers for."""
        return language_model_languages(self.language_model)

    @property
    def fingerprint(self) -> str:
        """The language model's files."""
        return language_model_digest(self.language_model)

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker behind the filter."""
        detector = PerplexityDetector(language_model(self.language_model))
        return filter_ranker(ranker, detector, collection, self.target_fpr, rng)


@dataclass(frozen=True)
class PerplexityDetector:
    """The anomaly score is the perplexity; 0 for a text too short to have one."""

    model: LanguageModel

    def anomaly_score(self, query: str, documents: Sequence[str]) -> NDArray[np.float64]:
        """Return float64[n]; the query is ignored."""
        perplexities = np.array([self.model.perplexity(document) for document in documents], dtype=np.float64)
        return np.nan_to_num(perplexities, nan=0.0)
