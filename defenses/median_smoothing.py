"""Median smoothing: the median of raw scores over smoothed copies, and its certificate.

Source: Chiang et al., NeurIPS 2020, arXiv 2007.03730 (median smoothing); the smoothing is CertDR's (Wu et al., CIKM
2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.certificate import Certificate
from robustrank.certification.median import certify_median, median
from robustrank.collections.collection import Collection
from robustrank.defense import Defense
from robustrank.rankers.ranker import Ranker, Scores
from robustrank.records import Candidate
from robustrank.text.embedding_table import load_table
from robustrank.text.table import PerturbationSets

from .certdr import CertDR, SmoothedRanker


@dataclass(frozen=True)
class MedianSmoothing(Defense):
    """The median over smoothed copies: no price for the scale of scores, and rho above 1/2 is enough."""

    table: str = "encoder"  # the substitutions: encoder, an encoder's folder, or the path of a table file
    threshold: float = 0.6  # the least cosine of a substitute in an encoder's table
    neighbours: int = 10  # the most substitutes of a word in an encoder's table
    size: int = 100  # the most words of a perturbation set
    samples: int = 100  # smoothed copies of each document
    alpha: float = 0.05  # probability of a wrong verdict, a query

    reference = "Chiang et al., NeurIPS 2020, arXiv 2007.03730; Wu et al., CIKM 2022, arXiv 2209.06691"
    deviations = "total variation over substitution tables takes the place of Gaussian noise"

    def __post_init__(self) -> None:
        if self.samples < 1 or not 0 < self.alpha < 1 or self.size < 1:
            raise ValueError("samples and size are at least 1, and alpha lies in (0, 1)")

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the smoothed ranker."""
        table = load_table(self.table, collection.documents.values(), self.threshold, self.neighbours)
        settings = CertDR(size=self.size, samples=self.samples, alpha=self.alpha, centre=0.0, scale=1.0)
        return MedianRanker(ranker, settings, PerturbationSets(table, self.size), int(rng.integers(2**63)))


class MedianRanker(SmoothedRanker):
    """The median of raw scores over smoothed copies."""

    def smoothed(self, samples: NDArray[np.float32]) -> float:
        """Return the lower median."""
        return median(samples)

    def certify(
        self, query_id: str, query: str, candidates: Sequence[Candidate], ks: Sequence[int], radius: int | None
    ) -> list[Certificate]:
        """Return for each K the certificate at 1 - alpha."""
        doc_ids, samples, rhos = self.ordered(query, candidates, radius)
        alpha, table = self.settings.alpha, self.table.fingerprint
        return certify_median(query_id, doc_ids, samples, rhos, ks, alpha=alpha, radius=radius, table=table)

    def _squash(self, raw: Scores) -> NDArray[np.float64]:
        return raw.astype(np.float64)
