"""Filtering: documents that a detector flags are ranked below all others.

The threshold is the anomaly score that a chosen share of clean documents exceeds (the target false positive rate), so
that the cost on clean lists is fixed before the detector sees an attack.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.defense import Detector
from robustrank.rankers.ranker import Pair, Ranker, Scores

FLAG_PENALTY = 1e4  # subtracted from the score of a flagged document; more than the score range of any ranker
CALIBRATION_PAIRS = 500  # clean pairs that set the threshold


@dataclass
class FilteredRanker(Ranker):
    """A ranker behind a detector.

    Attributes:
        inner: The ranker.
        detector: Computes anomaly scores.
        threshold: A document with a higher anomaly score is flagged.
        name: Identifies the detector and what it was fitted to, for the fingerprint.
    """

    inner: Ranker
    detector: Detector
    threshold: float
    name: str
    _cache: dict[Pair, float] = field(default_factory=dict, repr=False)

    @property
    def fingerprint(self) -> str:
        """The ranker, the detector and its threshold."""
        return hashlib.sha256(f"{self.inner.fingerprint}|{self.name}|{self.threshold!r}".encode()).hexdigest()[:32]

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], the ranker's scores, lowered by ``FLAG_PENALTY`` where the document is flagged."""
        scores = self.inner.score(pairs).astype(np.float64)
        return np.asarray(scores - FLAG_PENALTY * self.is_flagged(pairs), dtype=np.float32)

    def anomaly_scores(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        """Return float64[n]; the detector sees each pair once."""
        fresh = list(dict.fromkeys(pair for pair in pairs if pair not in self._cache))
        for query in dict.fromkeys(query for query, _ in fresh):
            documents = [document for pair_query, document in fresh if pair_query == query]
            scores = self.detector.anomaly_score(query, documents).tolist()
            self._cache.update({(query, d): value for d, value in zip(documents, scores, strict=True)})
        return np.array([self._cache[pair] for pair in pairs], dtype=np.float64)

    def is_flagged(self, pairs: Sequence[Pair]) -> NDArray[np.bool_]:
        """Return bool[n]: which documents are flagged."""
        flags: NDArray[np.bool_] = self.anomaly_scores(pairs) > self.threshold
        return flags


def filter_ranker(
    ranker: Ranker,
    detector: Detector,
    collection: Collection,
    target_fpr: float,
    name: str,
    rng: np.random.Generator,
) -> FilteredRanker:
    """Return the ranker behind a detector that flags a share ``target_fpr`` of the collection's candidates."""
    filtered = FilteredRanker(ranker, detector, np.inf, name)
    pairs = [pair for query_id in collection.queries for pair in collection.pairs(query_id)]
    if pairs:
        calibration = [pairs[int(i)] for i in rng.permutation(len(pairs))[:CALIBRATION_PAIRS]]
        filtered.threshold = float(np.quantile(filtered.anomaly_scores(calibration), 1 - target_fpr, method="higher"))
    return filtered


def check_target_fpr(target_fpr: float) -> None:
    """Refuse a target false positive rate outside (0, 1).

    Raises:
        ValueError: It is.
    """
    if not 0 < target_fpr < 1:
        raise ValueError(f"target_fpr={target_fpr}; it must lie in (0, 1): the share of clean documents flagged")
