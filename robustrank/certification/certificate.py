"""A certificate as a value: it can be saved, loaded and checked again without the model."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from robustrank.certification.bounds import PAPER, paper_term
from robustrank.errors import DataError

# Kinds of certificates beside the mean's: the median's, whose scores have any scale, and one that needs no sampling.
MEDIAN, CANONICAL = "median", "canonical"


@dataclass(frozen=True)
class Evidence:
    """What is known of one document of the list.

    Attributes:
        doc_id: The document.
        mean: The estimate of its smoothed score, which ranks it; by the median certificate, the median.
        lower, upper: Confidence bounds on the smoothed score; the published bound has none, and puts the mean here. By
            the median certificate, ``upper`` bounds the median after any allowed edit.
        rho: No allowed edit raises the smoothed score by more than 1 - rho.
        samples: The number of smoothed copies scored.
    """

    doc_id: str
    mean: float
    lower: float
    upper: float
    rho: float
    samples: int

    def possible(self, kind: str) -> bool:
        """Whether the numbers can be those of a document, in a certificate of that kind."""
        scores = (self.mean, self.lower, self.upper)
        fits = all(map(math.isfinite, scores)) if kind == MEDIAN else all(0 <= score <= 1 for score in scores)
        return fits and 0 <= self.rho <= 1 and self.samples >= 1


@dataclass(frozen=True)
class Certificate:
    """The verdict on one list: no document outside the top ``k`` can enter it, whatever allowed edit is made to it.

    It is about the exact smoothed scores, which the ranker estimates, and about edits of one document at a time or of
    all outside the top ``k`` at once: each stays below every document inside.

    Attributes:
        query_id, k: The list and the K of top-K.
        radius: The most words an attacker may replace by a substitute of the table; None is all words.
        alpha: The verdict is wrong with at most this probability over the sampling, if ``holds``; 0 without sampling.
        kind, bound: How it was derived.
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
        """Whether the verdict holds at 1 - alpha over the whole list; the published bound's does not."""
        return self.bound != PAPER

    @property
    def vacuous(self) -> bool:
        """Whether nobody stands outside the top ``k``, so that there is nothing to prove."""
        return self.k >= len(self.documents)

    def margins(self) -> dict[str, float]:
        """Return, for each document outside the top ``k``, how far its best edit stays below the weakest inside."""
        weakest = min(d.lower for d in self.documents[: self.k])
        return {
            d.doc_id: weakest - (d.upper if self.kind == MEDIAN else d.upper + 1 - d.rho)
            for d in self.documents[self.k :]
        }

    def margin(self) -> float:
        """Return the number whose sign is the verdict: above zero certifies; infinite if vacuous.

        It is the least of the margins. For the published bound it is the published number: the means' gap between the
        places K and K+1, minus the largest 1 - rho of the tail, minus one sampling term.
        """
        if self.vacuous:
            return math.inf
        if self.holds:
            return min(self.margins().values())
        inside, outside = self.documents[: self.k], self.documents[self.k :]
        gap = inside[-1].mean - outside[0].mean - max(1 - d.rho for d in outside)
        return gap - paper_term(min(d.samples for d in self.documents))

    def recheck(self) -> None:
        """Derive the verdict from the evidence again.

        Raises:
            DataError: The verdict differs from what the certificate says, or the evidence is not that of a ranked list.
        """
        means, doc_ids = [d.mean for d in self.documents], {d.doc_id for d in self.documents}
        ranked = means == sorted(means, reverse=True) and len(doc_ids) == len(means) > 0
        where = f"the certificate of query {self.query_id!r} at K={self.k}"
        sampled = self.kind != CANONICAL
        alpha_fits = 0 < self.alpha < 1 if sampled else self.alpha == 0
        if not (ranked and self.k >= 1 and alpha_fits and all(d.possible(self.kind) for d in self.documents)):
            raise DataError("the evidence is not that of a ranked list", where=where)
        if (self.margin() > 0) != self.certified:
            raise DataError(
                f"it says certified={self.certified}, and its own numbers give a margin of {self.margin():.6g}",
                where=where,
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the certificate as JSON can hold it, with a digest of what it says."""
        content = asdict(self)
        return {**content, "digest": _digest(content)}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Certificate:
        """Read what :meth:`to_dict` wrote.

        Raises:
            DataError: A field is missing or unknown, or the digest is not that of what the certificate says.
        """
        content = {key: value for key, value in raw.items() if key != "digest"}
        try:
            documents: Sequence[Mapping[str, Any]] = content["documents"]
            found = cls(**{**content, "documents": tuple(Evidence(**document) for document in documents)})
        except (KeyError, TypeError) as error:
            raise DataError(f"this is no certificate: {error}") from error
        if raw.get("digest") != _digest(asdict(found)):
            raise DataError(
                "the certificate was changed after it was written: its digest is another",
                where=f"the certificate of query {found.query_id!r} at K={found.k}",
            )
        return found


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
