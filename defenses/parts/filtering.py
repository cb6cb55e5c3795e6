"""Filtering: documents that a detector flags are ranked below all others.

The threshold is the anomaly score that a chosen share of clean documents exceeds (the target false positive rate), so
that the cost on clean lists is fixed before the detector sees an attack.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.defense import Detector
from robustrank.rankers.ranker import Pair, PointwiseRanker, Ranker, Ranking, Request, Scores, ranking_by_score

CALIBRATION_PAIRS = 500  # clean pairs that set the threshold
MEMORY = 1_000_000  # pairs whose score and anomaly score are remembered


class DemotingRanker(Ranker):
    """A ranker whose flagged documents are ranked below all others, and keep their order.

    It is a list ranker: a score is that of the ranker, and that of a flagged document is lowered below all others of
    its list. So whoever reads scores meets the filter, and an attack knows when it is flagged.

    Attributes:
        inner: The ranker.
    """

    def __init__(self, inner: Ranker) -> None:
        self.inner = inner
        self._scores: dict[Pair, float] = {}

    def rank(self, requests: Sequence[Request]) -> list[Ranking]:
        """Return the inner ranker's rankings with the flagged documents behind all others."""
        if not requests:
            return []
        rankings = self._inner_rankings(requests)
        flags = self._flags(requests, rankings)
        return [_partitioned(ranking, flag) for ranking, flag in zip(rankings, flags, strict=True)]

    def flagged(self, requests: Sequence[Request]) -> list[NDArray[np.bool_]]:
        """Return bool[n] for each request: which of its candidates are ranked last."""
        return list(self._flags(requests, self._inner_rankings(requests))) if requests else []

    @abstractmethod
    def _flags(self, requests: Sequence[Request], rankings: Sequence[Ranking]) -> Sequence[NDArray[np.bool_]]:
        """Return bool[n] for each request with its ranking: which candidates are flagged, in the request's order."""

    @property
    def differentiated(self) -> Ranker:
        """The ranker: where nothing is flagged these are its gradients, and a flag has none."""
        return self.inner.differentiated

    def characters_read(self, query: str, document: str) -> int | None:
        """Return the inner ranker's; what flags documents reads them whole."""
        return self.inner.characters_read(query, document)

    def parts_read(self, query: str, document: str) -> Sequence[tuple[int, int]] | None:
        """Return what the inner ranker reads."""
        return self.inner.parts_read(query, document)

    def _inner_rankings(self, requests: Sequence[Request]) -> list[Ranking]:
        """Return the inner ranker's rankings; a pointwise ranker scores each pair once, whatever list it is in."""
        if not isinstance(self.inner, PointwiseRanker):
            return self.inner.rank(requests)
        _forget_beyond(self._scores, MEMORY)
        rankings = []
        pairs = [pair for request in requests for pair in request.pairs]
        fresh = dict.fromkeys(pair for pair in pairs if pair not in self._scores)
        self._scores.update(zip(fresh, self.inner.score(list(fresh)).tolist(), strict=True))
        for request in requests:
            scores = np.array([self._scores[pair] for pair in request.pairs], dtype=np.float32)
            rankings.append(ranking_by_score(request, scores, calls=sum(pair in fresh for pair in request.pairs)))
            for pair in request.pairs:
                fresh.pop(pair, None)  # counted at its first occurrence
        return rankings


class FilteredRanker(DemotingRanker):
    """A ranker behind a detector.

    Attributes:
        detector: Computes anomaly scores.
        threshold: A document with a higher anomaly score is flagged.
    """

    def __init__(self, inner: Ranker, detector: Detector, threshold: float) -> None:
        super().__init__(inner)
        self.detector, self.threshold = detector, threshold
        self._anomaly_scores: dict[Pair, float] = {}

    def _flags(self, requests: Sequence[Request], rankings: Sequence[Ranking]) -> Sequence[NDArray[np.bool_]]:
        ends = np.cumsum([len(request) for request in requests])[:-1]
        return np.split(self.is_flagged([pair for request in requests for pair in request.pairs]), ends)

    def anomaly_scores(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        """Return float64[n]; the detector sees each pair once."""
        _forget_beyond(self._anomaly_scores, MEMORY)
        fresh = list(dict.fromkeys(pair for pair in pairs if pair not in self._anomaly_scores))
        for query in dict.fromkeys(query for query, _ in fresh):
            documents = [document for pair_query, document in fresh if pair_query == query]
            scores = self.detector.anomaly_score(query, documents).tolist()
            self._anomaly_scores.update({(query, d): value for d, value in zip(documents, scores, strict=True)})
        return np.array([self._anomaly_scores[pair] for pair in pairs], dtype=np.float64)

    def is_flagged(self, pairs: Sequence[Pair]) -> NDArray[np.bool_]:
        """Return bool[n]: which documents are flagged."""
        flags: NDArray[np.bool_] = self.anomaly_scores(pairs) > self.threshold
        return flags


def filter_ranker(
    ranker: Ranker,
    detector: Detector,
    collection: Collection,
    target_fpr: float,
    rng: np.random.Generator,
) -> FilteredRanker:
    """Return the ranker behind a detector that flags a share ``target_fpr`` of the collection's candidates."""
    filtered = FilteredRanker(ranker, detector, np.inf)
    pairs = [pair for query_id in collection.queries for pair in collection.pairs(query_id)]
    if pairs:
        calibration = [pairs[int(i)] for i in rng.permutation(len(pairs))[:CALIBRATION_PAIRS]]
        filtered.threshold = float(np.quantile(filtered.anomaly_scores(calibration), 1 - target_fpr, method="higher"))
    return filtered


def _partitioned(ranking: Ranking, flags: NDArray[np.bool_]) -> Ranking:
    """Return the ranking with flagged candidates last, both parts in its order, and scores below all others."""
    order = tuple(sorted(ranking.order, key=lambda position: bool(flags[position])))
    if ranking.scores is None or not flags.any():
        return replace(ranking, order=order)
    return replace(ranking, order=order, scores=np.where(flags, _lowered(ranking.scores, flags), ranking.scores))


def _lowered(scores: Scores, flags: NDArray[np.bool_]) -> Scores:
    """Return float32[n], scores lowered by over twice the span of those that are not flagged.

    It depends on the others alone, so that a better text has no worse score while it is flagged.
    """
    low, high = scores[~flags].min(initial=np.inf), scores[~flags].max(initial=-np.inf)
    return scores if low > high else np.asarray(np.minimum(scores, high) - (1 + 2 * (high - low)), dtype=np.float32)


def _forget_beyond(memory: dict[Pair, float], limit: int) -> None:
    if len(memory) > limit:
        memory.clear()
