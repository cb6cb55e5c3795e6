"""Interval certificates of undefended KNRM and DRMM: the range of each score over all substitutions of a table.

The bounds of a document are sound: for one word those of every single edit, for more the sum over words of what each
adds at most, see :mod:`robustrank.certification.soft_counts`. We know of no published ones for these rankers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustrank.certification.evidence import INTERVAL, SOFT_COUNTS
from robustrank.collections.collection import Collection
from robustrank.errors import UsageError
from robustrank.rankers.neural.rankers import DRMMRanker, KNRMRanker
from robustrank.rankers.ranker import Ranker

from .parts.bounded_ranker import BoundedDefense, BoundedRanker


@dataclass(frozen=True)
class IntervalCertificate(BoundedDefense):
    """No defense: KNRM or DRMM as it is, with certificates of its lists by interval bounds.

    The bound of a document is compared with a witness, a greedy attack within the threat model, so that each list is
    certified, broken, or open: what neither proves is the slack of the bound. Where a substitution could move a term
    over the end of what the ranker reads, the document has no bound, and its lists are not certified.
    """

    reference = (
        "Gowal et al., Scalable Verified Training for Provably Robust Image Classification, ICCV 2019 (intervals)"
    )
    deviations = (
        "counts of matches are bounded over words, of which at most a number is replaced; nothing is trained by it"
    )

    def refuses(self, ranker: Ranker) -> str:
        """Say so if the ranker is another."""
        return "" if isinstance(ranker, (KNRMRanker, DRMMRanker)) else "it bounds the scores of KNRM and DRMM alone"

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker with certificates.

        Raises:
            UsageError: It is neither KNRM nor DRMM.
        """
        if not isinstance(ranker, (KNRMRanker, DRMMRanker)):
            raise UsageError(
                f"ranker {type(ranker).__name__} has no interval certificates: {self.refuses(ranker)}",
                allowed="knrm, drmm",
                hint="for bm25 and query-likelihood take exact-certificate; for others certdr or median-smoothing",
            )
        from .parts.soft_count_bounds import SoftCountBounds

        table = self.substitutions(collection)
        return BoundedRanker(ranker, table, SoftCountBounds(ranker, table), INTERVAL, SOFT_COUNTS)
