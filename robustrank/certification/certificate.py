"""Certificates as values: saved, loaded and verified without the model."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from robustrank.certification.bounds import PAPER, paper_term
from robustrank.certification.draws import Draws
from robustrank.certification.evidence import ATTACKED_KINDS, KINDS, MEAN, SERVED_KINDS, Evidence
from robustrank.certification.origin import Origin
from robustrank.errors import DataError

SCHEMA = 2  # of a certificate file

SERVED, EXACT_RANKER = "served list", "exact ranker"  # what a certificate is about
# Measures of its rows: that no document enters the top K, that none leaves it, and that no known edit enters it.
PROMOTION, DEMOTION, UNBROKEN = "certified", "certified_demotion", "unbroken"


@dataclass(frozen=True)
class Witness:
    """An allowed edit that moves a document from outside the top K into it.

    Attributes:
        doc_id: The document.
        words: The substitutes, by the index of the word they replace.
        score: The score of the edited document.
    """

    doc_id: str
    words: Mapping[str, str]
    score: float


@dataclass(frozen=True)
class Certificate:
    """The verdict on a list: no allowed edit moves a document from outside the top ``k`` into it.

    It covers edits of a single document or of all documents outside the top ``k`` at once: each stays below every
    document inside. Where the kind is one of smoothing, it is about the exact smoothed scores, of which the served ones
    are estimates: an edit can enter the served list by luck.

    Attributes:
        query_id, k: The list and the K of top-K.
        radius: The maximum number of words an attacker may replace by substitutes of the table; None is all words.
        alpha: The verdict is wrong with at most this probability over the sampling, if ``holds``; 0 without sampling.
        kind, bound: The method.
        table: The fingerprint of the substitution table: the threat it is about.
        documents: The evidence, in the order of the list.
        certified: The verdict.
        witness: An edit that proves the contrary, where there is one; None where none is known.
        origin, draws: What it was computed from; None where that is not told, and draws where nothing is smoothed.
    """

    query_id: str
    k: int
    radius: int | None
    alpha: float
    kind: str
    bound: str
    table: str
    documents: tuple[Evidence, ...]
    certified: bool
    witness: Witness | None = None
    origin: Origin | None = None
    draws: Draws | None = None

    @property
    def about(self) -> str:
        """What it is about: the served list, for certain; or the exact ranker, which the served list estimates."""
        return SERVED if self.kind in SERVED_KINDS else EXACT_RANKER

    @property
    def is_attacked(self) -> bool:
        """Whether a witness was searched, where it is not certified: then the list without one is open."""
        return self.kind in ATTACKED_KINDS

    @property
    def group(self) -> str:
        """What tells it from the other certificates of its list in the rows of a run."""
        return PAPER if self.bound == PAPER else "" if self.about == SERVED else EXACT_RANKER

    @property
    def holds(self) -> bool:
        """Whether the verdict is valid at 1 - alpha over the whole list; that of the published bound is not."""
        return self.bound != PAPER

    @property
    def is_trivial(self) -> bool:
        """Whether the list has at most ``k`` documents, so that it is trivially certified."""
        return self.k >= len(self.documents)

    def margins(self) -> dict[str, float]:
        """Return, for each document outside the top ``k``, the margin between the weakest inside and its best edit."""
        inside = self.documents[: self.k]
        weakest = inside[-1].mean if self.about == SERVED else min(d.lower for d in inside)
        return {
            d.doc_id: weakest - (d.upper + 1 - d.rho if self.kind == MEAN else d.upper)
            for d in self.documents[self.k :]
        }

    def margin(self) -> float:
        """Return the number whose sign is the verdict: positive if certified; infinite if trivial.

        A margin of 0 between served scores is decided by the document ids, as the list is. The number is the minimum of
        the margins; for the published bound it is the published one: the gap between the means of ranks K and K+1,
        minus the largest 1 - rho of the tail, minus a sampling term.
        """
        if self.is_trivial:
            return math.inf
        if self.holds:
            return min(self.margins().values())
        inside, outside = self.documents[: self.k], self.documents[self.k :]
        gap = inside[-1].mean - outside[0].mean - max(1 - d.rho for d in outside)
        return gap - paper_term(min(d.samples for d in self.documents))

    def verdict(self) -> bool:
        """Return the verdict that follows from the evidence."""
        if self.about != SERVED or self.is_trivial:
            return self.margin() > 0
        return all(self.keeps_out(document.doc_id, document.upper) for document in self.documents[self.k :])

    def keeps_out(self, doc_id: str, score: float) -> bool:
        """Return whether a document from outside stays outside the served top ``k`` with a score; ties by id."""
        last = self.documents[self.k - 1]
        return (last.mean, doc_id) > (score, last.doc_id)

    def keeps_in(self) -> bool:
        """Return whether no allowed edit moves a document from inside the served top ``k`` out of it; ties by id.

        It covers edits of any number of documents inside: each stays above every document outside. Nothing of the kind
        is known of the exact ranker, whose certificates bound the scores of edits from above alone.
        """
        if self.about != SERVED or self.is_trivial:
            return self.is_trivial
        first = self.documents[self.k]
        return all((d.lower, first.doc_id) > (first.mean, d.doc_id) for d in self.documents[: self.k])

    def verdicts(self) -> dict[str, bool]:
        """Return the measures of its rows, as 1 or 0: promotion, and of the served list demotion and its witness."""
        verdicts = {PROMOTION: self.certified}
        if self.about == SERVED:
            verdicts[DEMOTION] = self.keeps_in()
        if self.is_attacked:
            verdicts[UNBROKEN] = self.witness is None
        return verdicts

    def verify(self) -> None:
        """Derive the verdict from the evidence again, and check that samples can give the evidence.

        Raises:
            DataError: The derived verdict differs from ``certified``; the evidence is not that of a ranked list, or no
                samples can give it; or there is no such kind, bound, K, radius or alpha.
        """
        fault = self._fault()
        if not fault and self.verdict() != self.certified:
            fault = f"certified={self.certified} contradicts the margin {self.margin():.6g} of its evidence"
        if fault:
            raise DataError(fault, where=self.title)

    def _fault(self) -> str:
        """Return what is impossible in the certificate; empty if nothing is."""
        if self.bound not in KINDS.get(self.kind, ()):
            known = "; ".join(f"{kind}: {', '.join(bounds)}" for kind, bounds in KINDS.items())
            return f"no bound {self.bound[:40]!r} of kind {self.kind[:40]!r}; known are {known}"
        if self.k < 1 or (self.radius is not None and self.radius < 0):
            return f"K is {self.k} and the radius {self.radius}; allowed: 1 or more, and 0 or more or null"
        is_certain = self.about == SERVED
        if not (self.alpha == 0 if is_certain else 0 < self.alpha < 1):
            return f"alpha is {self.alpha:g}; allowed: {'0' if is_certain else 'above 0 and below 1'}"
        means = [document.mean for document in self.documents]
        # On-demand sampling knows more of the scores than the list that it is about.
        in_order = self.bound == "sequential" or is_ranked(means)
        if not (means and in_order and len({document.doc_id for document in self.documents}) == len(means)):
            return "the evidence is not that of a ranked list"
        delta = self.alpha / (2 * len(means))
        faults = ((d.doc_id, d.fault(self.kind, self.bound, delta)) for d in self.documents)
        fault = next((f"document {doc_id[:40]!r}: {fault}" for doc_id, fault in faults if fault), "")
        return fault or self._witness_fault()

    def _witness_fault(self) -> str:
        """Return why its witness proves nothing; empty if there is none, or it does."""
        if self.witness is None:
            return ""
        name = f"witness {self.witness.doc_id[:40]!r}"
        if self.witness.doc_id not in {document.doc_id for document in self.documents[self.k :]}:
            return f"the {name} is not outside the top K"
        if self.radius is not None and len(self.witness.words) > self.radius:
            return f"the {name} replaces {len(self.witness.words)} words"
        if self.keeps_out(self.witness.doc_id, self.witness.score):
            return f"the {name} does not enter the top K"
        return "" if not self.certified else f"the list is certified, and the {name} enters it"

    def to_dict(self) -> dict[str, Any]:
        """Return the certificate as a JSON object, with its schema and a checksum of its content."""
        content = {"schema": SCHEMA, **asdict(self)}
        return {**content, "digest": content_digest(content)}

    @property
    def title(self) -> str:
        """What it is about, for an error."""
        return f"certificate of query {self.query_id[:60]!r} at K={self.k}"


def decide(
    query_id: str,
    ks: Sequence[int],
    documents: Sequence[Evidence],
    *,
    alpha: float,
    kind: str,
    bound: str,
    radius: int | None,
    table: str,
) -> list[Certificate]:
    """Return for each K the certificate whose verdict follows from the evidence.

    Raises:
        ValueError: A K is below 1.
    """
    check_cutoffs(ks)
    undecided = [Certificate(query_id, k, radius, alpha, kind, bound, table, tuple(documents), False) for k in ks]
    return [replace(certificate, certified=certificate.verdict()) for certificate in undecided]


def is_ranked(scores: Sequence[float]) -> bool:
    """Return whether scores do not rise, in single precision: that of served scores."""
    with np.errstate(over="ignore"):  # numbers that no ranker serves
        served = np.array(scores, dtype=np.float32)
    return bool((served[:-1] >= served[1:]).all())


def check_cutoffs(ks: Sequence[int]) -> None:
    """Refuse a K below 1.

    Raises:
        ValueError: A K is below 1.
    """
    if min(ks, default=1) < 1:
        raise ValueError(f"K={min(ks)}; it must be at least 1")


def content_digest(content: Mapping[str, Any]) -> str:
    """Return the checksum of a certificate's JSON object without it. It is no signature: a forger can compute it."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
