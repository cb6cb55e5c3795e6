"""Certificates as values: saved, loaded and verified without the model."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from robustrank.certification.bounds import PAPER, paper_term
from robustrank.certification.evidence import CANONICAL, KINDS, MEDIAN, Evidence
from robustrank.errors import DataError


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
        """Derive the verdict from the evidence again, and check that samples can give the evidence.

        Raises:
            DataError: The derived verdict differs from ``certified``; the evidence is not that of a ranked list, or no
                samples can give it; or there is no such kind, bound, K, radius or alpha.
        """
        fault = self._fault()
        if not fault and (self.margin() > 0) != self.certified:
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
        if not (self.alpha == 0 if self.kind == CANONICAL else 0 < self.alpha < 1):
            return f"alpha is {self.alpha:g}; allowed: {'0' if self.kind == CANONICAL else 'above 0 and below 1'}"
        means = [document.mean for document in self.documents]
        is_ranked = all(before >= after for before, after in itertools.pairwise(means))
        if not (self.documents and is_ranked and len({document.doc_id for document in self.documents}) == len(means)):
            return "the evidence is not that of a ranked list"
        delta = self.alpha / (2 * len(means))
        faults = ((d.doc_id, d.fault(self.kind, self.bound, delta)) for d in self.documents)
        return next((f"document {doc_id[:40]!r}: {fault}" for doc_id, fault in faults if fault), "")

    def to_dict(self) -> dict[str, Any]:
        """Return the certificate as a JSON object, with a checksum of its content."""
        content = asdict(self)
        return {**content, "digest": _digest(content)}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Certificate:
        """Read what :meth:`to_dict` wrote.

        Raises:
            DataError: A field is missing, unknown or of another type, or the checksum does not match.
        """
        content = _typed({key: value for key, value in raw.items() if key != "digest"}, _CERTIFICATE, "certificate")
        documents = [_typed(document, _EVIDENCE, "document of a certificate") for document in content["documents"]]
        certificate = cls(**{**content, "documents": tuple(Evidence(**document) for document in documents)})
        if raw.get("digest") != _digest(asdict(certificate)):
            raise DataError("checksum mismatch", where=certificate.title)
        return certificate

    @property
    def title(self) -> str:
        """What it is about, for an error."""
        return f"certificate of query {self.query_id[:60]!r} at K={self.k}"


def _typed(raw: object, kinds: Mapping[str, tuple[str, Callable[[object], bool]]], what: str) -> dict[str, Any]:
    """Return an object that has the fields of ``kinds`` and no further, each of its kind."""
    if not isinstance(raw, dict) or set(raw) != set(kinds):
        keys = ", ".join(map(repr, raw))[:200] if isinstance(raw, dict) else f"a {type(raw).__name__}"
        raise DataError(f"not a valid {what}: {keys or 'no fields'}", allowed=f"the fields {', '.join(kinds)}")
    for name, (allowed, is_allowed) in kinds.items():
        if not is_allowed(raw[name]):
            raise DataError(f"not a valid {what}: {name} is {reprlib.repr(raw[name])}", allowed=allowed)
    return raw


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _is_number(value: object) -> bool:
    return _is_integer(value) or (isinstance(value, float) and math.isfinite(value))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_LARGEST = 2**53  # every integer up to it is a double
_TEXT, _NUMBER, _INTEGER = ("a text", _is_text), ("a number", _is_number), ("an integer", _is_integer)
_CERTIFICATE = {
    "query_id": _TEXT,
    "k": _INTEGER,
    "radius": ("an integer or null", lambda value: value is None or _is_integer(value)),
    "alpha": _NUMBER,
    "kind": _TEXT,
    "bound": _TEXT,
    "table": _TEXT,
    "documents": ("a list", lambda value: isinstance(value, list)),
    "certified": ("true or false", lambda value: isinstance(value, bool)),
}
_EVIDENCE = {
    "doc_id": _TEXT,
    "mean": _NUMBER,
    "lower": _NUMBER,
    "upper": _NUMBER,
    "rho": _NUMBER,
    "samples": _INTEGER,
}


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
