"""The contracts of the defenses/ catalogue: a defense wraps a ranker; a certified one also proves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.certificate import Certificate
from robustrank.collections.collection import Collection
from robustrank.rankers.ranker import Pair, Ranker
from robustrank.text.table import SubstitutionTable
from robustrank.victim import Candidate


class Defense(ABC):
    """Makes a more robust ranker out of a ranker. Subclass as a dataclass: its fields are the parameters."""

    reference: ClassVar[str] = ""  # authors, title, venue, section
    deviations: ClassVar[str] = ""  # how it deviates from the reference, and why

    @property
    def fingerprint(self) -> str:
        """What decides its rankers beyond code, parameters and files they name, as a model of the hub."""
        return ""

    @abstractmethod
    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the defended ranker: the one whose ranking the user gets. ``ranker`` is prepared already."""


@runtime_checkable
class Detector(Protocol):
    """Says how suspicious texts are."""

    def anomaly_score(self, query: str, documents: Sequence[str]) -> NDArray[np.float64]:
        """Return float64[n]; higher is more suspicious."""


@runtime_checkable
class FlaggingRanker(Protocol):
    """A defended ranker that tells which documents it finds suspicious."""

    def anomaly_scores(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        """Return float64[n]; higher is more suspicious."""

    def is_flagged(self, pairs: Sequence[Pair]) -> NDArray[np.bool_]:
        """Return bool[n]: which documents are so suspicious that they are ranked last."""


@runtime_checkable
class CertifiedRanker(Protocol):
    """A defended ranker that can prove its own lists: what a certified defense's ``wrap`` returns."""

    @property
    def table(self) -> SubstitutionTable:
        """The threat model: the substitutions the proof is about."""

    def overlaps(self, text: str) -> NDArray[np.float64]:
        """Return float64[words], the overlap of every word of a text."""

    def certify(
        self,
        query_id: str,
        query: str,
        candidates: Sequence[Candidate],
        ks: Sequence[int],
        radius: int | None,
    ) -> list[Certificate]:
        """Return a certificate for each K of ``ks``, perhaps by several bounds.

        At most ``radius`` words may be changed; None is all words.
        """
