"""Certified top-K robustness: the share of queries whose top K no allowed edit can enter, by proof."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from robustrank.defense import CertifiedRanker, SampledRanker
from robustrank.engine.context import Context
from robustrank.errors import PluginError
from robustrank.measures.ties import Ties
from robustrank.plugins.constraints import Count, Several
from robustrank.records import RankedList
from robustrank.rows import Radius, Row
from robustrank.task import Task
from robustrank.text.edited_words import share_read

from .parts.measures import Measures

if TYPE_CHECKING:
    from robustrank.certification.certificate import Certificate
    from robustrank.tables import TaskReport


@dataclass(frozen=True)
class CertifiedTopK(Task):
    """Certificates for each query and K of the defended ranker's list, beside what the defense costs on clean lists.

    The share of certified queries (CRQ) is that of lists whose top K no document enters (promotion); another is that of
    lists whose top K none leaves (demotion). Both are of the served list, and hold for certain; certificates of
    the exact ranker, which hold with probability 1 - alpha, have the group ``exact ranker``, and those by the published
    bound the group ``paper``. It is worth what its substitution table is worth: where every overlap is 1, the canonical
    ranker certifies the same without one sample. So the overlaps stand beside it.
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
        by_radius = {radius: ranker.certify(served, ks, radius) for radius in self.radii}
        _save(context, ranker, served, [certificate for of_radius in by_radius.values() for certificate in of_radius])
        for radius, certificates in by_radius.items():
            about: Radius = "all" if radius is None else radius
            for certificate in certificates:
                yield from _verdicts(context, certificate)
            evidence = {c.group: c.documents for c in reversed(certificates) if c.holds}
            for group, documents in reversed(evidence.items()):
                costs: dict[str, float | None] = {
                    "rho": float(np.mean([document.rho for document in documents])),
                    "samples": float(np.mean([document.samples for document in documents])),
                }
                yield from context.rows(costs, query_id, radius=about, group=group)
        overlaps = np.concatenate([ranker.overlaps(candidate.text) for candidate in served.candidates])
        values = {"overlap_below_1": np.mean(overlaps < 1), "overlap_least": overlaps.min()} if overlaps.size else {}
        yield from context.rows(values, query_id)
        yield _coverage(context, served)


def _coverage(context: Context, served: RankedList) -> Row:
    """Return the mean share of the words of a list's documents that the undefended ranker reads."""
    query_id, query, shares = served.request.query_id, served.request.query, []
    for text in (candidate.text for candidate in served.candidates):
        read = context.undefended.parts_read(query, text)
        if read is None:
            note = "the ranker does not say how much of a document it reads"
            return context.row("coverage", None, query_id, status="skipped", note=note)
        share = share_read(text, read)
        shares.append(1.0 if share is None else share)
    return context.row("coverage", float(np.mean(shares)), query_id)


def _save(context: Context, ranker: CertifiedRanker, served: RankedList, certificates: list[Certificate]) -> None:
    """Save the certificates of a list, with what they were computed from."""
    from robustrank.certification.evidence_file import score_records, table_record
    from robustrank.certification.origin import Origin, bound_certificate, text_digest

    query, of_cell = served.request, context.cell.identities
    origin = Origin(
        text_digest(query.query), of_cell["collection"], of_cell["ranker"], of_cell["defense"], context.cell.seed
    )
    sampled = ranker if isinstance(ranker, SampledRanker) else None
    counts = dict.fromkeys(served.doc_ids, 0)
    for document in (document for certificate in certificates for document in certificate.documents):
        counts[document.doc_id] = max(counts[document.doc_id], document.samples)
    scores, draws = (sampled.copies_scored(served, counts), sampled.draws(query.query)) if sampled else ({}, None)
    texts = {candidate.doc_id: candidate.text for candidate in served.candidates}
    if not context.evidence:
        context.evidence.append(table_record(ranker.table))
    context.evidence += score_records(query.query_id, scores)
    context.certificates += [bound_certificate(c, origin, texts, scores, draws).to_dict() for c in certificates]


def _verdicts(context: Context, certificate: Certificate) -> Iterator[Row]:
    """Yield what a certificate says of its list."""
    query_id, k, group = certificate.query_id, certificate.k, certificate.group
    about: Radius = "all" if certificate.radius is None else certificate.radius
    note = f"{certificate.kind}, {certificate.bound}"
    for measure, holds in certificate.verdicts().items():
        yield context.row(measure, holds, query_id, k=k, radius=about, group=group, note=note)
