"""CertDR: scores documents by the mean over randomly smoothed copies, and certifies the list that results.

Source: Wu, Zhang, Guo, Chen, Fan, de Rijke, Cheng: Certified Robustness to Word Substitution Ranking Attack for Neural
Ranking Models, CIKM 2022, arXiv 2209.06691. Differences are in ``CertDR.differs``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.bounds import PAPER
from robustrank.certification.certificate import Certificate
from robustrank.certification.mean import certify_mean
from robustrank.certification.overlap import rho
from robustrank.collections.collection import Collection
from robustrank.defense import Defense
from robustrank.randomness import derive
from robustrank.rankers.ranker import Pair, Ranker, Scores
from robustrank.text.embedding_table import load_table
from robustrank.text.table import PerturbationSets, SubstitutionTable
from robustrank.victim import Candidate

CHUNK = 20_000  # smoothed pairs scored in one call


@dataclass(frozen=True)
class CertDR(Defense):
    """Randomized smoothing over a substitution table, with the mean certificate."""

    table: str = "encoder"  # the substitutions: encoder, or the path of a table file
    threshold: float = 0.6  # the least cosine of a substitute in the encoder's table
    neighbours: int = 10  # the most substitutes of a word in the encoder's table
    size: int = 100  # the most words of a perturbation set
    samples: int = 100  # smoothed copies of each document; the published evaluation draws 1,000
    alpha: float = 0.05  # probability of a wrong verdict, a query
    bound: Literal["hoeffding", "empirical-bernstein"] = "hoeffding"  # on the smoothed scores, over the whole list
    centre: float = 0.0  # the score that is squashed to 1/2
    scale: float = 1.0  # the sigmoid's slope; raise it for cosines, lower it for BM25, whose scores saturate it

    source = "Wu et al., CIKM 2022, arXiv 2209.06691"
    differs = (
        "valid bounds over the whole list beside the published one; a perturbation set larger than its limit is cut "
        "by hops in the table; samples are shared between queries; no noise training"
    )

    def __post_init__(self) -> None:
        if self.samples < 1 or not 0 < self.alpha < 1 or self.size < 1 or self.scale <= 0:
            raise ValueError("samples and size are at least 1, alpha lies in (0, 1), scale is positive")

    def harden(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the smoothed ranker."""
        table = load_table(self.table, collection.documents.values(), self.threshold, self.neighbours)
        return SmoothedRanker(ranker, self, PerturbationSets(table, self.size), int(rng.integers(2**63)))


@dataclass
class SmoothedRanker(Ranker):
    """The mean of squashed scores over smoothed copies; the copies of a document do not depend on the query."""

    inner: Ranker
    settings: CertDR
    sets: PerturbationSets
    seed: int
    _copies: dict[str, list[str]] = field(default_factory=dict, repr=False)

    @property
    def table(self) -> SubstitutionTable:
        """The substitutions the certificate is about."""
        return self.sets.table

    @property
    def fingerprint(self) -> str:
        """The inner ranker, the settings, the table and the seed."""
        text = f"{self.inner.fingerprint}|{self.settings}|{self.table.fingerprint}|{self.seed}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], the mean over the smoothed copies of each document."""
        means = [np.mean(samples, dtype=np.float64) for samples in self.samples(pairs)]
        return np.array(means, dtype=np.float32)

    def samples(self, pairs: Sequence[Pair]) -> list[NDArray[np.float32]]:
        """Return for each pair float32[samples] in [0, 1]; identical copies are scored once."""
        found: list[NDArray[np.float32]] = []
        step = max(1, CHUNK // self.settings.samples)
        for start in range(0, len(pairs), step):
            asked = [
                [(query, copy) for copy in self.copies(document)] for query, document in pairs[start : start + step]
            ]
            distinct = list(dict.fromkeys(pair for own in asked for pair in own))
            raw = self.inner.score(distinct).astype(np.float64)
            squashed = 1 / (1 + np.exp(-self.settings.scale * (raw - self.settings.centre)))
            scores = dict(zip(distinct, squashed.tolist(), strict=True))
            found += [np.array([scores[pair] for pair in own], dtype=np.float32) for own in asked]
        return found

    def copies(self, document: str) -> list[str]:
        """Return the document's smoothed copies, the same at every call and for every query."""
        if document not in self._copies:
            rng = derive(self.seed, "smoothing", document)
            self._copies[document] = [self.sets.draw(document, rng) for _ in range(self.settings.samples)]
        return self._copies[document]

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
        """Return for each K the certificate at 1 - alpha, and the published one for comparison."""
        samples = self.samples([(query, candidate.text) for candidate in candidates])
        rhos = [rho(self.overlaps(candidate.text), radius) for candidate in candidates]
        means = [float(np.mean(s, dtype=np.float64)) for s in samples]
        order = sorted(range(len(candidates)), key=lambda i: (-means[i], candidates[i].doc_id))
        return [
            certificate
            for bound in (self.settings.bound, PAPER)
            for certificate in certify_mean(
                query_id,
                [candidates[i].doc_id for i in order],
                [samples[i] for i in order],
                [rhos[i] for i in order],
                ks,
                alpha=self.settings.alpha,
                bound=bound,
                radius=radius,
                table=self.table.fingerprint,
            )
        ]
