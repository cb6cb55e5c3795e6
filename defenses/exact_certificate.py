"""Exact certificates of an undefended ranker: the range of each score over all substitutions of a table.

For rankers whose score is a sum over query terms, as BM25 and query likelihood, and for passages that these score: see
:mod:`robustrank.certification.term_scores`. We know of no published exact certificate for lexical rankers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from robustrank.certification.evidence import LEXICAL, TERM_COUNTS
from robustrank.collections.collection import Collection
from robustrank.errors import UsageError
from robustrank.rankers.passages import PassagesRanker, scores_terms
from robustrank.rankers.ranker import Ranker

from .parts.bounded_ranker import BoundedDefense, BoundedRanker
from .parts.passage_bounds import PassageBounds
from .parts.term_bounds import TermBounds


@dataclass(frozen=True)
class ExactCertificate(BoundedDefense):
    """No defense: the ranker as it is, with exact certificates of its lists. BM25, query likelihood, passages of these.

    The bound of a document is compared with a witness, a greedy attack within the threat model, so that each list is
    certified, broken, or open: what neither proves is the slack of the bound. Statistics of the collection are fixed.
    """

    reference = "Robertson, Zaragoza, FnTIR 3(4), 2009, section 3 (the score)"

    def refuses(self, ranker: Ranker) -> str:
        """Say so if its scores are not sums over query terms."""
        return (
            ""
            if scores_terms(ranker)
            else "it needs scores that are sums over query terms, and those of this ranker are not"
        )

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker with certificates.

        Raises:
            UsageError: Its scores are not sums over query terms.
        """
        if self.refuses(ranker):
            raise UsageError(
                f"ranker {type(ranker).__name__} has no exact certificates: its score is not known to be a sum over "
                "query terms",
                allowed="a ranker with `terms` and `terms_score`, as bm25 and query-likelihood, or passages of one",
            )
        table = self.substitutions(collection)
        scorer = cast(Any, ranker)
        bounds = PassageBounds(scorer, table) if isinstance(ranker, PassagesRanker) else TermBounds(scorer, table)
        return BoundedRanker(scorer, table, bounds, LEXICAL, TERM_COUNTS)
