"""CertDR: scores documents by the mean over randomly smoothed copies, and certifies the list that results.

Source: Wu, Zhang, Guo, Chen, Fan, de Rijke, Cheng: Certified Robustness to Word Substitution Ranking Attack for Neural
Ranking Models, CIKM 2022, arXiv 2209.06691. Differences are in ``CertDR.deviations``.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.bounds import PAPER
from robustrank.certification.certificate import Certificate
from robustrank.certification.mean import certify_mean
from robustrank.certification.overlap import rho
from robustrank.certification.sequential import certify_sequentially
from robustrank.collections.collection import Collection
from robustrank.defense import Defense
from robustrank.randomness import derive
from robustrank.rankers.ranker import Pair, PointwiseRanker, Ranker, Scores
from robustrank.records import Candidate
from robustrank.text.embedding_table import load_table
from robustrank.text.table import PerturbationSets, SubstitutionTable

CHUNK = 20_000  # smoothed pairs scored in one call
MEMORY = 20_000_000  # squashed scores remembered, for certificates of any K and radius after the ranking
CALIBRATION_QUERIES = 32  # clean lists that centre and scale are taken from ...
CALIBRATION_ENDS = 4  # ... by this many candidates at either end


Bound = Literal["hoeffding", "empirical-bernstein", "betting", "sequential"]


@dataclass(frozen=True)
class CertDR(Defense):
    """Randomized smoothing over a substitution table, with the mean certificate.

    A raw score s is squashed to sigmoid(scale * (s - centre)) before it is averaged. By default the collection's clean
    scores span -2 to 2 under the sigmoid, so that no ranker saturates it: BM25's scores of 0 to 30 would, all of them
    rounded to 1. The published form, for the logits of a cross-encoder, is ``centre=0, scale=1``.
    """

    table: str = "encoder"  # the substitutions: encoder, an encoder's folder, or the path of a table file
    threshold: float = 0.6  # the least cosine of a substitute in an encoder's table
    neighbours: int = 10  # the most substitutes of a word in an encoder's table
    size: int = 100  # the most words of a perturbation set
    samples: int = 100  # smoothed copies of each document; the published evaluation draws 1,000
    alpha: float = 0.05  # probability of a wrong verdict, a query
    bound: Bound = "betting"  # on the smoothed scores of the list; sequential samples on demand
    most: int = 1000  # copies of a document, at the most, by which the sequential bound certifies
    centre: float | None = None  # the score that is squashed to 1/2; null is the middle of the clean scores
    scale: float | None = None  # the sigmoid's slope; null is 4 over the range of the clean scores

    reference = "Wu et al., CIKM 2022, arXiv 2209.06691"
    deviations = (
        "valid bounds over the whole list beside the published one; a perturbation set larger than its limit is cut "
        "by hops in the table; texts of equal perturbation sets share their copies, for all queries; the squashing is "
        "fitted to the ranker; no noise training"
    )

    def __post_init__(self) -> None:
        if (
            min(self.samples, self.most, self.size) < 1
            or not 0 < self.alpha < 1
            or (self.scale is not None and self.scale <= 0)
        ):
            raise ValueError("samples, most and size are at least 1, alpha lies in (0, 1), scale is positive")

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the smoothed ranker."""
        table = load_table(self.table, collection.documents.values(), self.threshold, self.neighbours)
        seed = int(rng.integers(2**63))
        return SmoothedRanker(ranker, self.fitted(ranker, collection, rng), PerturbationSets(table, self.size), seed)

    def fitted(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> CertDR:
        """Return these settings with centre and scale filled in from clean scores."""
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
            scale=(4 / (high - low) if high > low else 1.0) if self.scale is None else self.scale,
        )


@dataclass
class SmoothedRanker(PointwiseRanker):
    """The mean of squashed scores over smoothed copies.

    The copies of a document are drawn from the seed and its canonical text alone: they are the same for every query,
    and an edit that changes no perturbation set leaves the score as it was, to the last bit.
    """

    beside: ClassVar[tuple[str, ...]] = (PAPER,)  # bounds that are shown for comparison

    inner: Ranker
    settings: CertDR  # centre and scale filled in
    sets: PerturbationSets
    seed: int
    _known: dict[Pair, NDArray[np.float32]] = field(default_factory=dict, repr=False)  # of its first copies
    _held: int = field(default=0, repr=False)  # scores in _known

    @property
    def table(self) -> SubstitutionTable:
        """The substitutions the certificate is about."""
        return self.sets.table

    @property
    def fingerprint(self) -> str:
        """The inner ranker, the table, the seed, and the settings that decide a score."""
        own = self.settings
        decides = (type(self).__name__, self.inner.fingerprint, self.table.fingerprint, self.seed)
        return hashlib.sha256(
            repr((*decides, own.size, own.samples, own.centre, own.scale)).encode("utf-8", "surrogatepass")
        ).hexdigest()[:32]

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], the mean over the smoothed copies of each document."""
        found = {pair: self.smoothed(own) for pair, own in self._scored(self._asked(pairs))}
        return np.array([found[pair] for pair in pairs], dtype=np.float32)

    def smoothed(self, samples: NDArray[np.float32]) -> float:
        """Return the smoothed score of a document from the scores of its copies."""
        return float(np.mean(samples, dtype=np.float64))

    def samples(self, pairs: Sequence[Pair]) -> list[NDArray[np.float32]]:
        """Return for each pair float32[samples] in [0, 1], the squashed scores of the document's copies."""
        found = dict(self._scored(self._asked(pairs)))
        return [found[pair] for pair in pairs]

    def copies(self, document: str, stop: int | None = None, start: int = 0) -> list[str]:
        """Return the document's smoothed copies from ``start`` to ``stop``, the same at every call.

        ``stop`` is ``samples`` by default.
        """
        rng = derive(self.seed, "smoothing", self.sets.canonical(document))
        return self.sets.draw(document, self.settings.samples if stop is None else stop, rng, start)

    def overlaps(self, text: str) -> NDArray[np.float64]:
        """Return float64[words], the overlap of every word."""
        return self.sets.overlaps(text)

    def certify(
        self,
        query_id: str,
        query: str,
        candidates: Sequence[Candidate],
        ks: Sequence[int],
        radius: int | None,
    ) -> list[Certificate]:
        """Return for each K the certificate at 1 - alpha, then for each K those by the bounds ``beside`` it.

        These are of a fixed number of samples, so that there is none beside the sequential one.
        """
        if self.settings.bound == "sequential":
            return self.certify_on_demand(query_id, query, candidates, ks, radius)
        doc_ids, samples, rhos = self.ordered(query, candidates, radius)
        return [
            certificate
            for bound in (self.settings.bound, *self.beside)
            for certificate in certify_mean(
                query_id,
                doc_ids,
                samples,
                rhos,
                ks,
                alpha=self.settings.alpha,
                bound=bound,
                radius=radius,
                table=self.table.fingerprint,
            )
        ]

    def certify_on_demand(
        self, query_id: str, query: str, candidates: Sequence[Candidate], ks: Sequence[int], radius: int | None
    ) -> list[Certificate]:
        """Return for each K the sequential certificate: copies are scored as long as a verdict hangs on them.

        It starts with the ``samples`` that rank the list.
        """
        pairs = [(query, candidate.text) for candidate in candidates]

        def draw(spans: Mapping[int, tuple[int, int]]) -> dict[int, NDArray[np.float32]]:
            asked: dict[Pair, int] = {}
            for i, (_, stop) in spans.items():
                asked[pairs[i]] = max(stop, asked.get(pairs[i], 0))
            found = dict(self._scored(asked))
            return {i: found[pairs[i]][start:stop] for i, (start, stop) in spans.items()}

        return certify_sequentially(
            query_id,
            [candidate.doc_id for candidate in candidates],
            draw,
            [self.rho(candidate.text, radius) for candidate in candidates],
            ks,
            alpha=self.settings.alpha,
            most=self.settings.most,
            first=self.settings.samples,
            radius=radius,
            table=self.table.fingerprint,
        )

    def ordered(
        self, query: str, candidates: Sequence[Candidate], radius: int | None
    ) -> tuple[list[str], list[NDArray[np.float32]], list[float]]:
        """Return document ids, samples and rhos of a list in the order of its smoothed scores, ties by document id."""
        samples = self.samples([(query, candidate.text) for candidate in candidates])
        scores = [self.smoothed(own) for own in samples]
        order = sorted(range(len(candidates)), key=lambda i: (-scores[i], candidates[i].doc_id))
        rhos = [self.rho(candidates[i].text, radius) for i in order]
        return [candidates[i].doc_id for i in order], [samples[i] for i in order], rhos

    def rho(self, text: str, radius: int | None) -> float:
        """Return the least probability that an edit of ``radius`` words leaves what is drawn as it was."""
        return rho(self.overlaps(text), radius)

    def _asked(self, pairs: Sequence[Pair]) -> dict[Pair, int]:
        """Return each distinct pair and how many of its copies rank it."""
        return dict.fromkeys(pairs, self.settings.samples)

    def _scored(self, asked: Mapping[Pair, int]) -> Iterator[tuple[Pair, NDArray[np.float32]]]:
        """Yield each pair and the squashed scores of its first copies, as many as asked; none is scored twice."""
        known = [pair for pair, count in asked.items() if self._count(pair) >= count]
        yield from [(pair, self._known[pair][: asked[pair]]) for pair in known]
        # By document, so that a bi-encoder meets all queries of a copy together.
        fresh = sorted(asked.keys() - set(known), key=lambda pair: (pair[1], pair[0]))
        while fresh:
            ends = np.cumsum([asked[pair] - self._count(pair) for pair in fresh])
            chunk = fresh[: max(1, int(np.searchsorted(ends, CHUNK, side="right")))]
            fresh = fresh[len(chunk) :]
            self._score_copies({pair: asked[pair] for pair in chunk})
            yield from [(pair, self._known[pair]) for pair in chunk]

    def _count(self, pair: Pair) -> int:
        """Return how many copies of a pair have their score remembered."""
        return len(self._known[pair]) if pair in self._known else 0

    def _score_copies(self, asked: Mapping[Pair, int]) -> None:
        """Score the copies of some pairs that are not remembered yet, in one call; equal copies once."""
        if self._held + sum(asked.values()) > MEMORY:
            self._known.clear()
            self._held = 0
        spans = {pair: (self._count(pair), stop) for pair, stop in asked.items()}
        copies = {
            (document, span): self.copies(document, span[1], span[0])
            for document, span in dict.fromkeys((pair[1], span) for pair, span in spans.items())
        }
        pairs = {
            (query, document): [(query, copy) for copy in copies[document, span]]
            for (query, document), span in spans.items()
        }
        distinct = list(dict.fromkeys(itertools.chain.from_iterable(pairs.values())))
        scores = dict(zip(distinct, self._squash(self.inner.score(distinct)).tolist(), strict=True))
        for pair, own in pairs.items():
            fresh = np.array([scores[one] for one in own], dtype=np.float32)
            self._known[pair] = np.concatenate([self._known[pair], fresh]) if pair in self._known else fresh
            self._held += len(fresh)

    def _squash(self, raw: Scores) -> NDArray[np.float64]:
        centre, scale = self.settings.centre or 0.0, self.settings.scale or 1.0
        # sigmoid(z) = (1 + tanh(z / 2)) / 2, which overflows for no z.
        return 0.5 + 0.5 * np.tanh(scale * (raw.astype(np.float64) - centre) / 2)
