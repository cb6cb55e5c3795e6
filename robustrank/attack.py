"""The contract of the attacks/ catalogue: metadata, parameters, one method. The harness judges, never an attack."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.records import Edit, Perturbation, apply_edits
from robustrank.victim import Access, Target

if TYPE_CHECKING:
    from robustrank.victim import QueryInterface, Victim

__all__ = ["COSTS", "Attack", "Control", "Edit", "Edits", "Perturbation", "PlannedTarget", "TargetBound", "apply_edits"]

Edits = Literal["document", "query"]


class PlannedTarget(NamedTuple):
    """What planning knows of a target: any document of the list, since no ranker has ranked it yet."""

    text: str  # of the document, or of the query of an attack on the query
    listed: int  # documents in the list


TargetBound = Callable[[PlannedTarget], int]  # queries to the victim that a target costs at most
COSTS = {  # what one target costs, beside the one call that tells its new rank
    "free": "no model is run",
    "calls": "victim calls, some hundreds a target",
    "gradients": "forward and backward passes of the victim or a surrogate, some tens a target, and victim calls",
    "language model": "passes of a language model beside those of the ranker, seconds a target",
    "once": "what all targets share is learned once, by gradients; a target is free",
}


class Attack(ABC):
    """An attack on one query and one document of its list (or on the query alone).

    Subclass as a dataclass: its fields are the parameters, with units in their comments and defaults from the paper.
    The framework owns files, seeds, devices, batching, caching, progress and the judgement of success.
    """

    access: Access = Access.NOTHING  # the least access it can work with; a parameter may decide it
    edits: ClassVar[Edits] = "document"
    size_parameter: ClassVar[str] = ""  # the parameter that bounds the size of its edit
    budget_unit: ClassVar[str] = "words"  # what that parameter counts
    reference: ClassVar[str] = ""  # authors, title, venue, section
    deviations: ClassVar[str] = ""  # how it deviates from the reference, and why
    cost: ClassVar[str] = "free"  # its cost class, one of COSTS, with default parameters
    prolonged_by: ClassVar[str] = (
        ""  # the parameter that only lengthens the search of ``prepare``: no draw depends on it
    )
    stops_early: ClassVar[str] = ""  # when a target may cost far less than its bound; empty: never
    control: ClassVar[str] = ""  # the plug-in that makes the random edit of the same size

    @property
    def languages(self) -> tuple[str, ...]:
        """The codes of the languages it works on; none: any. A class attribute, or a property that reads parameters.

        Cells on collections in other languages are skipped at planning.
        """
        return ()

    @property
    def fingerprint(self) -> str:
        """Hash of what determines its texts beyond code, parameters and files they name, as a model of the hub."""
        return ""

    def check(self) -> None:  # noqa: B027
        """Refuse at planning what cannot work here, as for a missing package or file."""

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:  # noqa: B027
        """Prepare what all targets share, such as an imitation model; queries to the victim are counted."""

    def prepare_bound(self, collection: Collection) -> int | None:
        """Return how many queries to the victim :meth:`prepare` makes on a collection at most; None: not known."""
        is_default = type(self).prepare is Attack.prepare
        return 0 if is_default or self.access == Access.NOTHING else None

    def target_bound(self, collection: Collection) -> TargetBound | None:
        """Return what tells how many queries to the victim a target costs at most; None: not known.

        A query is a text or a gradient. The bound holds always, without a budget, and is within a factor of 3 of what
        is spent unless the attack stops early (``stops_early``). Planning asks for it: no model may be loaded.
        """
        return (lambda target: 0) if self.access == Access.NOTHING else None

    def targets(self, query_id: str) -> frozenset[str] | None:
        """Return the ids of the only documents that the attack can target (replayed attacks); None: any document."""
        return None

    @abstractmethod
    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the edited text of ``target``: of its document, or of its query where ``edits == "query"``."""


class Control(Attack):
    """A random-edit baseline, which can match the size of another attack's edits. An attack has to outperform it."""

    @abstractmethod
    def match_size(self, target: Target, perturbation: Perturbation, rng: np.random.Generator) -> Perturbation:
        """Return a random perturbation of ``target`` with as many edits of the same kind as ``perturbation`` has."""
