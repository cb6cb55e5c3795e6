"""Filtering: documents that a detector finds suspicious are ranked below all others.

The threshold is the level that a given share of clean documents passes, so that a detector's price on clean lists is
chosen, and measured, before it meets an attack.
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

BELOW = 1e4  # what a flagged document's score loses; more than any ranker's scores span
CALIBRATION = 500  # clean pairs the threshold is taken from


@dataclass
class FilteredRanker(Ranker):
    """A ranker behind a detector.

    Attributes:
        inner: The ranker.
        detector: Says how suspicious a document is.
        threshold: Above it a document is flagged.
        name: What decides the detector's figures, for the fingerprint.
    """

    inner: Ranker
    detector: Detector
    threshold: float
    name: str
    _known: dict[Pair, float] = field(default_factory=dict, repr=False)

    @property
    def fingerprint(self) -> str:
        """The ranker, the detector, its threshold."""
        return hashlib.sha256(f"{self.inner.fingerprint}|{self.name}|{self.threshold!r}".encode()).hexdigest()[:32]

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], the ranker's scores, lowered by ``BELOW`` where the document is flagged."""
        scores = self.inner.score(pairs).astype(np.float64)
        return np.asarray(scores - BELOW * self.is_flagged(pairs), dtype=np.float32)

    def anomaly_scores(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        """Return float64[n]; each pair is looked at once."""
        fresh = list(dict.fromkeys(pair for pair in pairs if pair not in self._known))
        for query in dict.fromkeys(query for query, _ in fresh):
            documents = [document for own, document in fresh if own == query]
            found = self.detector.anomaly_score(query, documents).tolist()
            self._known.update({(query, d): value for d, value in zip(documents, found, strict=True)})
        return np.array([self._known[pair] for pair in pairs], dtype=np.float64)

    def is_flagged(self, pairs: Sequence[Pair]) -> NDArray[np.bool_]:
        """Return bool[n]: which documents are flagged."""
        found: NDArray[np.bool_] = self.anomaly_scores(pairs) > self.threshold
        return found


def filtered(
    ranker: Ranker,
    detector: Detector,
    collection: Collection,
    target_fpr: float,
    name: str,
    rng: np.random.Generator,
) -> FilteredRanker:
    """Return the ranker behind a detector that flags a share ``target_fpr`` of the collection's candidates."""
    made = FilteredRanker(ranker, detector, np.inf, name)
    pairs = [pair for query_id in collection.queries for pair in collection.pairs(query_id)]
    if pairs:
        chosen = [pairs[int(i)] for i in rng.permutation(len(pairs))[:CALIBRATION]]
        made.threshold = float(np.quantile(made.anomaly_scores(chosen), 1 - target_fpr, method="higher"))
    return made


def check_share(target_fpr: float) -> None:
    """Refuse a share that is none.

    Raises:
        ValueError: It does not lie in (0, 1).
    """
    if not 0 < target_fpr < 1:
        raise ValueError(f"target_fpr={target_fpr}; it is a share of clean documents, between 0 and 1")
