"""Computes certificates again from what they were computed from, and refuses those that differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from robustrank.certification.certificate import Certificate, decide
from robustrank.certification.coverage import Changes
from robustrank.certification.evidence import COUPLED_MEAN, COUPLED_MEDIAN, MEAN, MEDIAN, ROUNDING, Evidence
from robustrank.certification.mean import certify_mean
from robustrank.certification.median import certify_median
from robustrank.certification.origin import Samples, scores_digest, text_digest
from robustrank.certification.overlap import rho
from robustrank.certification.sequential import certify_sequentially
from robustrank.certification.served import mean_evidence, median_evidence
from robustrank.errors import DataError
from robustrank.text.table import PerturbationSets, SubstitutionTable

_NUMBERS = ("mean", "lower", "upper", "rho", "samples", "ceiling")


@dataclass
class Known:
    """What is at hand to compute certificates again.

    Attributes:
        scores: (query id, document id) to the scores of the document's copies.
        table: The substitution table.
        queries, documents: Texts by id; empty where the collection is not at hand.
    """

    scores: Mapping[tuple[str, str], Samples] = field(default_factory=dict)
    table: SubstitutionTable | None = None
    queries: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)
    _changes: dict[tuple[object, ...], Changes] = field(default_factory=dict, repr=False)

    def changes(self, certificate: Certificate, document: Evidence) -> Changes | None:
        """Return which copies of a document an edit changes; None where that cannot be told."""
        if certificate.draws is None or self.table is None or not self.documents:
            return None
        name = replace(certificate.draws, centre=0.0, scale=1.0), document.text, document.samples  # of all queries
        if name not in self._changes:
            copies = certificate.draws.copies(self.table)
            self._changes[name] = copies.changes(self.documents[document.doc_id], document.samples)
        return self._changes[name]


def refuse_other_texts(certificate: Certificate, known: Known) -> None:
    """Refuse a certificate of other texts than those of the collection.

    Raises:
        DataError: The query, a document, or the table is another.
    """
    if certificate.origin is None:
        raise DataError("it does not tell of which texts it is", where=certificate.title)
    if certificate.query_id not in known.queries:
        raise DataError("the collection has no such query", where=certificate.title)
    if certificate.origin.query != text_digest(known.queries[certificate.query_id]):
        raise DataError("the query has another text in the collection", where=certificate.title)
    for document in certificate.documents:
        text = known.documents.get(document.doc_id)
        if text is None or document.text != text_digest(text):
            what = "is not in the collection" if text is None else "has another text in the collection"
            raise DataError(f"document {document.doc_id[:40]!r} {what}", where=certificate.title)


def refuse_other_numbers(certificates: Sequence[Certificate], known: Known) -> bool:
    """Refuse certificates of one list, bound and radius that differ from what their copies give.

    Args:
        certificates: Those of each K.
        known: The scores of copies; with texts and table, what an edit can change is computed again as well.

    Returns:
        Whether the numbers were computed again: what has no copies is computed again by its ranker alone.

    Raises:
        DataError: A number or a verdict differs, or the scores are others.
    """
    first = certificates[0]
    if first.kind not in (MEAN, MEDIAN, COUPLED_MEAN, COUPLED_MEDIAN):
        return False
    if first.draws is None:
        raise DataError("it does not tell how its copies were drawn", where=first.title)
    scores = {}
    for document in first.documents:
        of_document = known.scores.get((first.query_id, document.doc_id))
        if of_document is None or scores_digest(of_document[: document.samples]) != document.scores:
            what = "are missing" if of_document is None else "are others than those of the certificate"
            raise DataError(f"the scores of the copies of {document.doc_id[:40]!r} {what}", where=first.title)
        scores[document.doc_id] = of_document
    try:
        again = _again(certificates, scores, known)
    except ValueError as error:
        raise DataError(f"no such certificate follows from its copies: {error}", where=first.title) from error
    for certificate, other in zip(certificates, again, strict=True):
        refuse_difference(certificate, other)
    return True


def _again(certificates: Sequence[Certificate], scores: Mapping[str, Samples], known: Known) -> list[Certificate]:
    """Return the certificates that the copies give."""
    first, ks = certificates[0], [certificate.k for certificate in certificates]
    names = [document.doc_id for document in first.documents]
    if first.kind in (COUPLED_MEAN, COUPLED_MEDIAN):
        evidence = [_coupled(first, document, scores[document.doc_id], known) for document in first.documents]
        return decide(
            first.query_id,
            ks,
            evidence,
            alpha=first.alpha,
            kind=first.kind,
            bound=first.bound,
            radius=first.radius,
            table=first.table,
        )
    rhos = [_rho(first, document, known) for document in first.documents]
    if first.bound == "sequential" and first.draws is not None:

        def draw(spans: Mapping[int, tuple[int, int]]) -> dict[int, Samples]:
            return {i: scores[names[i]][start:stop] for i, (start, stop) in spans.items()}

        most, rank = first.draws.most, first.draws.samples
        return certify_sequentially(
            first.query_id,
            names,
            draw,
            rhos,
            ks,
            alpha=first.alpha,
            most=most,
            first=rank,
            radius=first.radius,
            table=first.table,
        )
    samples = [scores[document.doc_id][: document.samples] for document in first.documents]
    if first.kind == MEDIAN:
        return certify_median(
            first.query_id, names, samples, rhos, ks, alpha=first.alpha, radius=first.radius, table=first.table
        )
    return certify_mean(
        first.query_id,
        names,
        samples,
        rhos,
        ks,
        alpha=first.alpha,
        bound=first.bound,
        radius=first.radius,
        table=first.table,
    )


def _coupled(first: Certificate, document: Evidence, scores: Samples, known: Known) -> Evidence:
    """Return the evidence that the copies of a document give; without texts, what it holds with the score they give."""
    changes, samples = known.changes(first, document), scores[: document.samples].astype(np.float32)
    evidence_of = mean_evidence if first.kind == COUPLED_MEAN else median_evidence
    if changes is not None:
        return evidence_of(document.doc_id, samples, changes, first.radius, document.ceiling)
    none = Changes(np.zeros((0, len(samples)), dtype=np.bool_), np.zeros(0, dtype=np.int64))
    return replace(document, mean=evidence_of(document.doc_id, samples, none, first.radius).mean)


def _rho(first: Certificate, document: Evidence, known: Known) -> float:
    """Return the rho of a document, or what the certificate says where its text is not at hand."""
    if first.draws is None or first.draws.size is None or known.table is None or not known.documents:
        return document.rho
    sets = PerturbationSets(known.table, first.draws.size)
    return rho(sets.overlaps(known.documents[document.doc_id]), first.radius)


def refuse_difference(certificate: Certificate, again: Certificate) -> None:
    """Refuse a certificate with other numbers than those that were computed again.

    Raises:
        DataError: A number or the verdict differs.
    """
    if [d.doc_id for d in certificate.documents] != [d.doc_id for d in again.documents]:
        raise DataError("the list is another, or in another order", where=certificate.title)
    for document, other in zip(certificate.documents, again.documents, strict=True):
        for name in _NUMBERS:
            said, computed = getattr(document, name), getattr(other, name)
            if not math.isclose(said, computed, rel_tol=ROUNDING, abs_tol=ROUNDING):
                what = f"document {document.doc_id[:40]!r}: {name} is {said:.9g}, and computed again {computed:.9g}"
                raise DataError(what, where=certificate.title)
    if certificate.certified != again.certified:
        raise DataError(
            f"the verdict is {certificate.certified}, and computed again {again.certified}", where=certificate.title
        )
