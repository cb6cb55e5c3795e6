"""Certificates as values: saved, loaded and verified without the model."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from robustrank.certification.bounds import PAPER, paper_term
from robustrank.errors import DataError

# Kinds of certificates: the median's scores have any scale; the canonical one needs no sampling.
MEAN, MEDIAN, CANONICAL = "mean", "median", "canonical"


@dataclass(frozen=True)
class Evidence:
    """The numbers of a document that decide the certificate of its list.

    Attributes:
        doc_id: The document.
        mean: The estimate of its smoothed score, which ranks it; in a median certificate, the median.
        lower, upper: Confidence bounds on the smoothed score; the mean for the published bound, which has none. In a
            median certificate, ``upper`` bounds the median after any allowed edit.
        rho: No allowed edit raises the smoothed score by more than 1 - rho.
        samples: The number of smoothed copies scored.
    """

    doc_id: str
    mean: float
    lower: float
    upper: float
    rho: float
    samples: int

    def is_valid(self, kind: str) -> bool:
        """Whether the numbers lie in the ranges of a certificate of that kind."""
        scores = (self.mean, self.lower, self.upper)
        in_range = all(map(math.isfinite, scores)) if kind == MEDIAN else all(0 <= score <= 1 for score in scores)
        return in_range and 0 <= self.rho <= 1 and self.samples >= 1


@dataclass(frozen=True)
class Certificate:
    """The verdict on a list: no allowed edit moves a document from outside the top ``k`` into it.

    It is about the exact smoothed scores, which the ranker estimates, and covers edits of a single document or of all
    documents outside the top ``k`` at once: each stays below every document inside.

    Attributes:
        query_id, k: The list and the K of top-K.
        radius: The maximum number of words an attacker may replace by substitutes of the table; None is all words.
        alpha: The verdict is wrong with at most this probability over the sampling, if ``holds``; 0 without sampling.
        kind, bound: The method.
        table: The fingerprint of the substitution table: the threat it is about.
        documents: The evidence, in the order of the list.
        certified: The verdict.
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
        weakest = min(d.lower for d in self.documents[: self.k])
        return {
            d.doc_id: weakest - (d.upper if self.kind == MEDIAN else d.upper + 1 - d.rho)
            for d in self.documents[self.k :]
        }

    def margin(self) -> float:
        """Return the number whose sign is the verdict: positive if certified; infinite if trivial.

        It is the minimum of the margins. For the published bound it is the published number: the gap between the means
        of ranks K and K+1, minus the largest 1 - rho of the tail, minus a sampling term.
        """
        if self.is_trivial:
            return math.inf
        if self.holds:
            return min(self.margins().values())
        inside, outside = self.documents[: self.k], self.documents[self.k :]
        gap = inside[-1].mean - outside[0].mean - max(1 - d.rho for d in outside)
        return gap - paper_term(min(d.samples for d in self.documents))

    def verify(self) -> None:
        """Derive the verdict from the evidence again.

        Raises:
            DataError: The derived verdict differs from ``certified``, or the evidence is not that of a ranked list.
        """
        means, doc_ids = [d.mean for d in self.documents], {d.doc_id for d in self.documents}
        ranked = means == sorted(means, reverse=True) and len(doc_ids) == len(means) > 0
        where = self._title()
        sampled = self.kind != CANONICAL
        alpha_fits = 0 < self.alpha < 1 if sampled else self.alpha == 0
        if not (ranked and self.k >= 1 and alpha_fits and all(d.is_valid(self.kind) for d in self.documents)):
            raise DataError("the evidence is not that of a ranked list", where=where)
        if (self.margin() > 0) != self.certified:
            raise DataError(
                f"certified={self.certified} contradicts the margin {self.margin():.6g} of its evidence",
                where=where,
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the certificate as a JSON object, with a checksum of its content."""
        content = asdict(self)
        return {**content, "digest": _digest(content)}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Certificate:
        """Read what :meth:`to_dict` wrote.

        Raises:
            DataError: A field is missing or unknown, or the checksum does not match.
        """
        content = {key: value for key, value in raw.items() if key != "digest"}
        try:
            documents: Sequence[Mapping[str, Any]] = content["documents"]
            certificate = cls(**{**content, "documents": tuple(Evidence(**document) for document in documents)})
        except (KeyError, TypeError) as error:
            raise DataError(f"not a valid certificate: {error}") from error
        if raw.get("digest") != _digest(asdict(certificate)):
            raise DataError("checksum mismatch", where=certificate._title())
        return certificate

    def _title(self) -> str:
        return f"certificate of query {self.query_id!r} at K={self.k}"


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
    return [replace(certificate, certified=certificate.margin() > 0) for certificate in undecided]


def check_cutoffs(ks: Sequence[int]) -> None:
    """Refuse a K below 1.

    Raises:
        ValueError: A K is below 1.
    """
    if min(ks, default=1) < 1:
        raise ValueError(f"K={min(ks)}; it must be at least 1")


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
