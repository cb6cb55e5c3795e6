"""Certified top-K robustness: the share of queries whose top K no allowed edit can enter, by proof."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from robustrank.defense import CertifiedRanker
from robustrank.engine.context import Context
from robustrank.errors import PluginError
from robustrank.measures.ties import Ties
from robustrank.plugins.constraints import Count, Several
from robustrank.rows import Radius, Row
from robustrank.task import Task

from .parts.measures import Measures

if TYPE_CHECKING:
    from robustrank.certification.certificate import Certificate
    from robustrank.tables import TaskReport


@dataclass(frozen=True)
class CertifiedTopK(Task):
    """One certificate a query and K about the defended ranker's list, beside what the defense costs on clean lists.

    The share of certified queries (CRQ) is worth what its substitution table is worth: where every overlap is 1, the
    canonical ranker certifies the same without one sample. So the overlaps stand beside it.
    """

    ks: Several[Count] = (1, 3, 5, 10)  # the K of top-K
    radii: Several[Count | None] = (None,)  # R, the most words an attacker may replace; null is all
    queries: Count | None = None  # the first so many queries of the collection; null is all
    measures: Measures = ("nDCG@10",)  # effectiveness of the defended ranker, and of the undefended one
    ties: Ties = "id"  # the order of equal scores in measures: by document id, or the worst for the ranker

    reference = "Wu et al.: Certified Robustness to Word Substitution Ranking Attack, CIKM 2022, arXiv 2209.06691"
    deviations = "bounds hold for the whole list at once; the published bound is reported too, as `paper`"
    undivided = ""

    @staticmethod
    def report() -> TaskReport:
        """Its tables and figures."""
        from .reports.certified_topk import REPORT

        return REPORT

    def skip_reason(self, context: Context) -> str:
        """A defense without certificates has nothing to measure."""
        return "" if context.defense.certifies else "the defense gives no certificates"

    def run(self, context: Context) -> Iterator[Row]:
        """Certify every list, and evaluate the defended ranker beside the undefended.

        Raises:
            PluginError: The defense says that it certifies, and its ranker does not.
        """
        ranker = context.served.ranker
        if not isinstance(ranker, CertifiedRanker):
            raise PluginError(f"defense {context.cell.defense.name!r} certifies, and its ranker is no CertifiedRanker")
        query_ids = context.query_ids(self.queries)
        if not query_ids:
            return  # none of the first queries is in this fold
        context.run(query_ids=query_ids)  # all lists in one call
        for number, query_id in enumerate(query_ids):
            context.advance(number, len(query_ids), "queries")
            yield from self._certify(context, ranker, query_id)
        defended = context.evaluate(context.run(query_ids=query_ids), self.measures, self.ties)
        undefended = context.evaluate(context.run(context.undefended, query_ids), self.measures, self.ties)
        for query_id in query_ids:
            for measure in self.measures:
                yield from context.rows({measure: defended[measure][query_id]}, query_id)
                yield from context.rows({measure: undefended[measure][query_id]}, query_id, condition="undefended")

    def calls(self, context: Context) -> int:
        """Every candidate, by the defended ranker and by the undefended (a defense may call its ranker more often)."""
        return 2 * sum(len(context.collection.candidates[q]) for q in context.query_ids(self.queries))

    def _certify(self, context: Context, ranker: CertifiedRanker, query_id: str) -> Iterator[Row]:
        served = context.ranked(query_id)
        ks = [k for k in self.ks if k < len(served.request)]
        for k in (k for k in self.ks if k not in ks):
            note = f"the list has {len(served.request)} documents: none can enter its top {k}"
            yield context.row("certified", None, query_id, k=k, status="skipped", note=note)
        if not ks:
            return
        for radius in self.radii:
            certificates = ranker.certify(served, ks, radius)
            context.certificates += [certificate.to_dict() for certificate in certificates]
            about: Radius = "all" if radius is None else radius
            for certificate in certificates:
                yield from _verdicts(context, certificate)
            documents = certificates[0].documents
            costs: dict[str, float | None] = {
                "rho": float(np.mean([document.rho for document in documents])),
                "samples": float(np.mean([document.samples for document in documents])),
            }
            yield from context.rows(costs, query_id, radius=about)
        overlaps = np.concatenate([ranker.overlaps(candidate.text) for candidate in served.candidates])
        values = {"overlap_below_1": np.mean(overlaps < 1), "overlap_least": overlaps.min()} if overlaps.size else {}
        yield from context.rows(values, query_id)


def _verdicts(context: Context, certificate: Certificate) -> Iterator[Row]:
    """Yield what a certificate says of its list."""
    query_id, k, group = certificate.query_id, certificate.k, certificate.group
    about: Radius = "all" if certificate.radius is None else certificate.radius
    note = f"{certificate.kind}, {certificate.bound}"
    yield context.row("certified", certificate.certified, query_id, k=k, radius=about, group=group, note=note)
    if certificate.is_attacked:
        yield context.row("unbroken", certificate.witness is None, query_id, k=k, radius=about)
