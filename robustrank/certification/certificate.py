"""A certificate as a value: it can be saved, loaded and checked again without the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from robustrank.certification.bounds import PAPER
from robustrank.errors import DataError


@dataclass(frozen=True)
class Evidence:
    """What is known of one document of the list.

    Attributes:
        doc_id: The document.
        mean: The estimate of its smoothed score, which ranks it.
        lower, upper: Confidence bounds on the smoothed score.
        rho: No allowed edit raises the smoothed score by more than 1 - rho.
        samples: The number of smoothed copies scored.
    """

    doc_id: str
    mean: float
    lower: float
    upper: float
    rho: float
    samples: int


@dataclass(frozen=True)
class Certificate:
    """The verdict on one list: no document outside the top ``k`` can enter it, whatever allowed edit is made to it.

    Attributes:
        query_id, k: The list and the K of top-K.
        radius: The most words an attacker may replace by a substitute of the table; None is all words.
        alpha: The verdict is wrong with at most this probability over the sampling, if ``holds``.
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

    def margin(self) -> float:
        """Return by how much the weakest document of the top K beats the best edit of any other; > 0 certifies."""
        inside, outside = self.documents[: self.k], self.documents[self.k :]
        return min(d.lower for d in inside) - max((d.upper + 1 - d.rho for d in outside), default=-float("inf"))

    def recheck(self) -> None:
        """Derive the verdict from the evidence again.

        Raises:
            DataError: It differs from what the certificate says, or the evidence is not in order.
        """
        means = [d.mean for d in self.documents]
        if means != sorted(means, reverse=True) or not self.k >= 1:
            raise DataError(f"the certificate of query {self.query_id!r} does not hold a ranked list")
        if self.holds and (self.margin() > 0) != self.certified:
            raise DataError(
                f"the certificate of query {self.query_id!r} at K={self.k} says certified={self.certified}, "
                f"and its own numbers give a margin of {self.margin():.6g}"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the certificate as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Certificate:
        """Read what :meth:`to_dict` wrote."""
        documents: Sequence[Mapping[str, Any]] = raw["documents"]
        return cls(**{**raw, "documents": tuple(Evidence(**document) for document in documents)})
