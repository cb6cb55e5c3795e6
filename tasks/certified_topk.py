"""Certified top-K robustness: the share of queries whose top K no allowed edit can enter, by proof."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from robustrank.defense import CertifiedRanker
from robustrank.engine.context import Context
from robustrank.measures.effectiveness import evaluate
from robustrank.rows import Row
from robustrank.task import Task


@dataclass(frozen=True)
class CertifiedTopK(Task):
    """One certificate a query and K about the defended ranker's list, beside what the defense costs on clean lists.

    The share of certified queries (CRQ) is worth what its substitution table is worth: where every overlap is 1, the
    canonical ranker certifies the same without one sample. So the overlaps stand beside it.
    """

    ks: tuple[int, ...] = (1, 3, 5, 10)  # the K of top-K
    radius: int | None = None  # words an attacker may replace; null is all
    queries: int | None = None  # the first so many queries of the collection; null is all
    measures: tuple[str, ...] = ("nDCG@10",)  # effectiveness of the defended ranker, and of the undefended one

    source = "Wu et al.: Certified Robustness to Word Substitution Ranking Attack, CIKM 2022, arXiv 2209.06691"
    differs = "bounds hold for the whole list at once; the published bound stands beside them, as `paper`"
    table = "certified-topk"

    def run(self, context: Context) -> Iterator[Row]:
        """Certify every list, and evaluate the defended ranker beside the undefended."""
        ranker = context.scorer.ranker
        if not isinstance(ranker, CertifiedRanker):
            note = f"defense {context.cell.defense.label!r} proves nothing"
            yield context.row(f"certified@{self.ks[0]}", None, status="skipped", note=note)
            return
        query_ids = context.query_ids(self.queries)
        if not query_ids:
            return  # none of the first queries is in this fold
        context.run(query_ids=query_ids)  # all lists in one call
        for number, query_id in enumerate(query_ids):
            context.advance(number, len(query_ids))
            yield from self._certify(context, ranker, query_id)
        qrels = {query_id: context.collection.qrels[query_id] for query_id in query_ids}
        defended = evaluate(qrels, context.run(query_ids=query_ids), self.measures)
        undefended = evaluate(qrels, context.run(context.undefended, query_ids), self.measures)
        for query_id in query_ids:
            for measure in self.measures:
                values = {
                    measure: defended[measure][query_id],
                    f"{measure}/undefended": undefended[measure][query_id],
                }
                yield from context.rows(values, query_id)

    def calls(self, context: Context) -> int:
        """Every candidate, by the defended ranker and by the undefended (a defense may call its ranker more often)."""
        return 2 * sum(len(candidates) for candidates in context.collection.candidates.values())

    def _certify(self, context: Context, ranker: CertifiedRanker, query_id: str) -> Iterator[Row]:
        ranked, _ = context.ranked(query_id)
        query = context.collection.queries[query_id]
        certificates = ranker.certify(query_id, query, ranked, [k for k in self.ks if k < len(ranked)], self.radius)
        for certificate in certificates:
            suffix = "" if certificate.holds else f"/{certificate.bound}"
            yield context.row(f"certified@{certificate.k}{suffix}", certificate.certified, query_id)
        context.certificates += [certificate.to_dict() for certificate in certificates]
        if certificates:
            yield context.row("rho", float(np.mean([d.rho for d in certificates[0].documents])), query_id)
            overlaps = np.concatenate([ranker.overlaps(candidate.text) for candidate in ranked])
            yield from context.rows(
                {"overlap_below_1": float(np.mean(overlaps < 1)) if overlaps.size else None}, query_id
            )
