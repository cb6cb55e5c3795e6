"""The contract of the tasks/ catalogue: a task says which cells it needs and turns a cell into rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from robustrank.rows import Row

if TYPE_CHECKING:
    from robustrank.engine.context import Context
    from robustrank.tables import TaskReport

Axis = Literal["defense", "document_attack", "query_attack"]


class Task(ABC):
    """A measurement on every ranker. Subclass as a dataclass: its fields are the parameters.

    Every task runs over collections, rankers and seeds; ``axes`` names what else it is crossed with. A task that
    is not crossed with defenses meets the undefended ranker alone.
    """

    version: ClassVar[str] = "1"  # of what its figures mean: raise it with a change after which they differ
    axes: ClassVar[tuple[Axis, ...]] = ("defense",)
    cross_domain: ClassVar[bool] = False  # whether it trains rankers on the experiment's other collections
    undivided: ClassVar[str] = "what it measures of a query may depend on others"  # why cells have one unit
    headline: ClassVar[tuple[str, str]] = ("", "")  # measure and condition told of a finished cell; else its first
    reference: ClassVar[str] = ""
    deviations: ClassVar[str] = ""

    @staticmethod
    def report() -> TaskReport:
        """Return its tables and figures; without any a report shows the mean of whatever it measured.

        They are no part of the task's identity: another table runs nothing again. Import what they need in here.
        """
        from robustrank.tables import TaskReport

        return TaskReport()

    @property
    def languages(self) -> tuple[str, ...]:
        """The codes of the languages it measures; none: any. A class attribute, or a property that reads parameters."""
        return ()

    @property
    def fingerprint(self) -> str:
        """What decides its rows beyond code, parameters and files they name, as a model of the hub."""
        return ""

    def skip_reason(self, context: Context) -> str:
        """Return why the cell does not apply, as far as it is known without a model; nothing where it applies.

        Called at planning, and before :meth:`run`. What takes the ranker to know is a row of status ``skipped``.
        """
        return ""

    def divisible(self, context: Context) -> list[str]:
        """Return the queries that the units of a cell share among them; none where the cell is one unit.

        Rows of a divisible task are about single queries, and the same whatever other queries are measured with them;
        rows about none are equal in all units. ``context.query_ids`` gives the queries of the unit,
        ``context.cell_query_ids`` those of the cell. By default they are the first so many, if there is a parameter
        ``queries``.
        """
        return [] if self.undivided else context.query_ids(getattr(self, "queries", None))

    @abstractmethod
    def run(self, context: Context) -> Iterator[Row]:
        """Measure one cell. ``context`` gives the collection, the scorer, the attack and the randomness."""

    @abstractmethod
    def calls(self, context: Context) -> int | None:
        """Return an upper bound on the pairs this cell scores, from the collection alone, for ``--dry-run``.

        None where none is known: an attack does not say what it asks, and has no budget.
        """
