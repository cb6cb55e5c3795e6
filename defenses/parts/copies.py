"""Rankers that score a document by random copies of it, and certificates of the list that is served."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.certificate import Certificate, decide
from robustrank.certification.coverage import Changes
from robustrank.certification.draws import Draws
from robustrank.certification.evidence import COUPLED_MEAN, COVERAGE, UNBOUNDED, Evidence
from robustrank.certification.served import mean_evidence
from robustrank.collections.collection import Collection
from robustrank.rankers.ranker import Pair, PointwiseRanker, Ranker, Scores
from robustrank.records import RankedList
from robustrank.text.edited_words import characters_behind
from robustrank.text.table import SubstitutionTable

from .query_fit import QueryFit

PAIRS_PER_CALL = 20_000  # smoothed pairs scored in one call of the inner ranker
MAX_CACHED_SCORES = 20_000_000  # squashed scores in memory, for certificates of any K and radius after the ranking
CALIBRATION_QUERIES = 32  # queries whose clean scores set centre and scale ...
CALIBRATION_ENDS = 4  # ... by this many candidates at either end of the list


Bound = Literal["hoeffding", "empirical-bernstein", "betting", "sequential"]


@dataclass(frozen=True)
class SmoothingSettings:
    """Sampling, confidence and squashing of a smoothed ranker.

    Attributes:
        samples: Smoothed copies of each document.
        alpha: Probability of a wrong verdict, per query.
        bound: Confidence bound on the smoothed scores.
        most: Maximum number of copies of a document under the sequential bound.
        centre: The raw score that is squashed to 1/2; None is calibrated.
        scale: The slope of the sigmoid; None is calibrated.
        query_fit: Centre and scale of each query, in place of these; None where they are the same for all.
    """

    samples: int = 100
    alpha: float = 0.05
    bound: Bound = "betting"
    most: int = 1000
    centre: float | None = None
    scale: float | None = None
    query_fit: QueryFit | None = None

    def squashing(self, query: str) -> tuple[float, float]:
        """Return centre and scale of the sigmoid beside a query."""
        fitted = self.query_fit.of(query) if self.query_fit else None
        return fitted or (self.centre or 0.0, self.scale or 1.0)

    def draws(self, query: str, seed: int, size: int | None = None, keep: float | None = None) -> Draws:
        """Return how copies are drawn with these settings, and squashed beside a query; see :class:`Draws`."""
        centre, scale = self.squashing(query)
        return Draws(seed, self.samples, max(self.samples, self.most), size, keep, centre, scale)

    def calibrated(
        self, ranker: PointwiseRanker, collection: Collection, rng: np.random.Generator, steepness: float = 4.0
    ) -> SmoothingSettings:
        """Return these settings with centre and scale fitted to the ranker's clean scores, and this steepness."""
        if self.centre is not None and self.scale is not None:
            return self
        query_ids = rng.permutation(list(collection.queries))[:CALIBRATION_QUERIES].tolist()
        ends = [
            pair
            for pairs in map(collection.pairs, query_ids)
            for pair in (*pairs[:CALIBRATION_ENDS], *pairs[-CALIBRATION_ENDS:])
        ]
        scores = ranker.score(ends).astype(np.float64) if ends else np.zeros(1)
        low, high = float(scores.min()), float(scores.max())
        return replace(
            self,
            centre=(low + high) / 2 if self.centre is None else self.centre,
            scale=(steepness / (high - low) if high > low else 1.0) if self.scale is None else self.scale,
        )


@dataclass
class CopyRanker(PointwiseRanker):
    """The mean of squashed scores over random copies.

    The copies of a document depend on it and the seed alone: they are the same for every query and call. Which of them
    an edit changes is known, and what it changes decides the certificate of the served list.
    """

    served_kind: ClassVar[str] = COUPLED_MEAN  # of the certificates of the served list

    inner: PointwiseRanker
    settings: SmoothingSettings  # calibrated
    table: SubstitutionTable  # the substitutions that certificates are about
    seed: int
    _cache: dict[Pair, NDArray[np.float32]] = field(default_factory=dict, repr=False)  # scores of its first copies
    _cached_count: int = field(default=0, repr=False)  # scores in _cache

    def __post_init__(self) -> None:
        """Tell the smoothed score of a document of which no copy matches anything, if all queries have the same."""
        if self.inner.no_match is not None and self.settings.query_fit is None:
            squashed = self._squash(np.array([self.inner.no_match], np.float32), "").astype(np.float32)
            self.no_match = float(np.float32(self.smoothed_score(squashed.repeat(self.settings.samples))))

    @abstractmethod
    def copies(self, document: str, stop: int | None = None, start: int = 0) -> list[str]:
        """Return the document's copies from ``start`` to ``stop``, the same at every call; ``samples`` by default."""

    @abstractmethod
    def changes(self, document: str) -> Changes:
        """Return which of the copies that rank a document change where one of its words is replaced."""

    @property
    def noise(self) -> float:
        """The inner ranker's."""
        return self.inner.noise

    @property
    def differentiated(self) -> Ranker:
        """The inner ranker: gradients of the document pass straight through to it, as if it was the only copy."""
        return self.inner.differentiated

    def characters_read(self, query: str, document: str) -> int | None:
        """Return the characters up to the last word that the inner ranker reads in any of the copies that rank."""
        most = 0
        for copy in dict.fromkeys(self.copies(document)):
            read = self.inner.characters_read(query, copy)
            behind = None if read is None else characters_behind(document, copy, read)
            if behind is None:
                return None
            most = max(most, behind)
            if most == len(document):
                break
        return most

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], the smoothed score of each document."""
        scores = {pair: self.smoothed_score(samples) for pair, samples in self._scored(self._copies_to_rank(pairs))}
        return np.array([scores[pair] for pair in pairs], dtype=np.float32)

    def smoothed_score(self, samples: NDArray[np.float32]) -> float:
        """Return the smoothed score of a document from the scores of its copies: their mean."""
        return float(np.mean(samples, dtype=np.float64))

    def copy_scores(self, pairs: Sequence[Pair]) -> list[NDArray[np.float32]]:
        """Return for each pair float32[samples] in [0, 1], the squashed scores of the document's copies."""
        scores = dict(self._scored(self._copies_to_rank(pairs)))
        return [scores[pair] for pair in pairs]

    def copies_scored(self, served: RankedList, counts: Mapping[str, int]) -> dict[str, NDArray[np.float32]]:
        """Return the scores of the first copies of each document of a list, by document id."""
        pairs = {candidate.doc_id: (served.request.query, candidate.text) for candidate in served.candidates}
        stops = dict.fromkeys(pairs.values(), 0)
        for doc_id, pair in pairs.items():
            stops[pair] = max(stops[pair], counts[doc_id])
        scores = dict(self._scored(stops))
        return {doc_id: scores[pair][: counts[doc_id]] for doc_id, pair in pairs.items()}

    def certify_served(self, served: RankedList, ks: Sequence[int], radius: int | None) -> list[Certificate]:
        """Return for each K the certificate of the served list, which holds for certain."""
        samples = self._samples(served)
        evidence = [
            self.served_evidence(
                candidate.doc_id,
                scores,
                self.changes(candidate.text),
                radius,
                self.ceiling(served.request.query, candidate.text),
            )
            for candidate, scores in zip(served.candidates, samples, strict=True)
        ]
        query_id, table = served.request.query_id, self.table.fingerprint
        return decide(
            query_id, ks, evidence, alpha=0.0, kind=self.served_kind, bound=COVERAGE, radius=radius, table=table
        )

    def served_evidence(
        self, doc_id: str, samples: NDArray[np.float32], changes: Changes, radius: int | None, ceiling: float
    ) -> Evidence:
        """Return the served score of a document, and what it can be after an allowed edit."""
        return mean_evidence(doc_id, samples, changes, radius, ceiling)

    def ceiling(self, query: str, document: str) -> float:
        """Return what no copy of any allowed edit of a document scores more than, squashed, if that is known."""
        return UNBOUNDED

    def _samples(self, served: RankedList) -> list[NDArray[np.float32]]:
        """Return the scores of the copies of each document, in the order of the list."""
        return self.copy_scores([(served.request.query, candidate.text) for candidate in served.candidates])

    def _copies_to_rank(self, pairs: Sequence[Pair]) -> dict[Pair, int]:
        """Return each distinct pair and how many of its copies rank it."""
        return dict.fromkeys(pairs, self.settings.samples)

    def _scored(self, stops: Mapping[Pair, int]) -> Iterator[tuple[Pair, NDArray[np.float32]]]:
        """Yield each pair and the squashed scores of its copies up to ``stop``; no copy is scored twice."""
        cached = [pair for pair, stop in stops.items() if self._count(pair) >= stop]
        yield from [(pair, self._cache[pair][: stops[pair]]) for pair in cached]
        # By document, so that a bi-encoder meets all queries of a copy together.
        fresh = sorted(stops.keys() - set(cached), key=lambda pair: (pair[1], pair[0]))
        while fresh:
            ends = np.cumsum([stops[pair] - self._count(pair) for pair in fresh])
            chunk = fresh[: max(1, int(np.searchsorted(ends, PAIRS_PER_CALL, side="right")))]
            fresh = fresh[len(chunk) :]
            self._score_copies({pair: stops[pair] for pair in chunk})
            yield from [(pair, self._cache[pair]) for pair in chunk]

    def _count(self, pair: Pair) -> int:
        """Return how many copies of a pair have a cached score."""
        return len(self._cache[pair]) if pair in self._cache else 0

    def _score_copies(self, stops: Mapping[Pair, int]) -> None:
        """Score the copies of some pairs that are not cached yet, in one call."""
        if self._cached_count + sum(stops.values()) > MAX_CACHED_SCORES:
            self._cache.clear()
            self._cached_count = 0
        spans = {pair: (self._count(pair), stop) for pair, stop in stops.items()}
        for pair, raw in self._raw_scores(spans).items():
            fresh = self._squash(raw, pair[0]).astype(np.float32)
            self._cache[pair] = np.concatenate([self._cache[pair], fresh]) if pair in self._cache else fresh
            self._cached_count += len(fresh)

    def _raw_scores(self, spans: Mapping[Pair, tuple[int, int]]) -> dict[Pair, Scores]:
        """Return the inner ranker's scores of the copies ``start`` to ``stop`` of each pair; equal copies once."""
        copies = {
            (document, span): self.copies(document, span[1], span[0])
            for document, span in dict.fromkeys((pair[1], span) for pair, span in spans.items())
        }
        smoothed_pairs = {
            (query, document): [(query, copy) for copy in copies[document, span]]
            for (query, document), span in spans.items()
        }
        distinct = list(dict.fromkeys(itertools.chain.from_iterable(smoothed_pairs.values())))
        scores = dict(zip(distinct, self.inner.score(distinct).tolist(), strict=True)) if distinct else {}
        return {
            pair: np.array([scores[copy_pair] for copy_pair in copy_pairs], dtype=np.float32)
            for pair, copy_pairs in smoothed_pairs.items()
        }

    def _squash(self, raw: Scores, query: str) -> NDArray[np.float64]:
        centre, scale = self.settings.squashing(query)
        # sigmoid(z) = (1 + tanh(z / 2)) / 2, which overflows for no z.
        return 0.5 + 0.5 * np.tanh(scale * (raw.astype(np.float64) - centre) / 2)
