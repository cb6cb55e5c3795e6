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
from robustrank.certification.coverage import Changes
from robustrank.certification.evidence import COUPLED_MEDIAN, Evidence
from robustrank.certification.median import certify_median, median
from robustrank.certification.served import median_evidence
from robustrank.collections.collection import Collection
from robustrank.defense import Defense, pointwise
from robustrank.plugins.constraints import Cosine, Count, InnerShare
from robustrank.rankers.ranker import Ranker, Scores
from robustrank.records import RankedList
from robustrank.text.embedding_table import check_table, load_table, table_languages
from robustrank.text.table import PerturbationSets
from robustrank.text.words import vocabulary

from .parts.copies import SmoothingSettings
from .parts.smoothing import SmoothedRanker


@dataclass(frozen=True)
class MedianSmoothing(Defense):
    """The median over smoothed copies: independent of the scale of scores.

    The certificate of the served list counts the copies that an edit can change: fewer than half is enough. That of the
    exact ranker needs rho above 1/2.
    """

    table: str = "encoder"  # substitutions: encoder, an encoder's folder, or the path of a table file
    threshold: Cosine = 0.6  # minimum cosine of a substitute in an encoder's table
    neighbours: Count = 10  # maximum number of substitutes of a word in an encoder's table
    size: Count = 100  # maximum number of words in a perturbation set
    samples: Count = 100  # smoothed copies of each document
    alpha: InnerShare = 0.05  # probability of a wrong verdict, per query

    needs_pointwise = certifies = passes_gradients = True
    reference = "Chiang et al., NeurIPS 2020, arXiv 2007.03730; Wu et al., CIKM 2022, arXiv 2209.06691"
    deviations = "total variation over substitution tables instead of Gaussian noise"

    @property
    def languages(self) -> tuple[str, ...]:
        """English with an encoder's table; any with a table file."""
        return table_languages(self.table)

    def check(self) -> None:
        """Refuse a substitution table that is missing."""
        check_table(self.table)

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the smoothed ranker."""
        table = load_table(self.table, collection.statistic(vocabulary), self.threshold, self.neighbours)
        sets = PerturbationSets(table, self.size)
        return MedianRanker(pointwise(ranker, self), self._settings(), sets, int(rng.integers(2**63)))

    def _settings(self) -> SmoothingSettings:
        return SmoothingSettings(self.samples, self.alpha, centre=0.0, scale=1.0)


class MedianRanker(SmoothedRanker):
    """The median of raw scores over smoothed copies."""

    served_kind = COUPLED_MEDIAN

    def smoothed_score(self, samples: NDArray[np.float32]) -> float:
        """Return the lower median of the scores of the copies."""
        return median(samples)

    def served_evidence(
        self, doc_id: str, samples: NDArray[np.float32], changes: Changes, radius: int | None, ceiling: float
    ) -> Evidence:
        """Return the served score of a document, and what it can be after an allowed edit."""
        return median_evidence(doc_id, samples, changes, radius, ceiling)

    def certify_exact(self, served: RankedList, ks: Sequence[int], radius: int | None) -> list[Certificate]:
        """Return for each K the certificate of the exact ranker at 1 - alpha."""
        return certify_median(
            served.request.query_id,
            served.doc_ids,
            self._samples(served),
            [self.rho(candidate.text, radius) for candidate in served.candidates],
            ks,
            alpha=self.settings.alpha,
            radius=radius,
            table=self.table.fingerprint,
        )

    def _squash(self, raw: Scores, query: str) -> NDArray[np.float64]:
        return raw.astype(np.float64)
