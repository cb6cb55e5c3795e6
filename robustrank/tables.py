"""What a report shows, declared as data: tables, their columns, and figures. Tasks bring theirs, users add theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.rows import FACT, Fact, cutoff_of

Values = NDArray[np.float64]

EACH = "{each}"  # a column for every value that rows hold; is in its title, too
TABLE = "{table}"  # a table for every value; is in names, titles and headings, too


@dataclass(frozen=True)
class Select:
    """The facts a column reads. A field that is left out selects rows that are not about one.

    The cutoff of a measure as nDCG@10 is in its name already and need not be repeated. At most one field each is
    ``EACH`` or ``TABLE``.
    """

    measure: str
    condition: str = ""
    cutoff: int | str | None = None
    k: int | str | None = None
    radius: int | str | None = None
    group: str = ""

    @property
    def fact(self) -> Fact:
        """The one fact that is selected, once wildcards have values."""
        values: dict[str, Any] = {name: getattr(self, name) for name in FACT}
        return Fact(**{**values, "cutoff": self.cutoff or cutoff_of(self.measure)})

    def has(self, wildcard: str) -> bool:
        """Return whether a field is the wildcard."""
        return any(getattr(self, name) == wildcard for name in FACT)

    def bound(self, wildcard: str, value: Any) -> Select:
        """Return the selection with ``value`` for the wildcard."""
        return replace(self, **{name: value for name in FACT if getattr(self, name) == wildcard})

    def values(self, wildcard: str, facts: Iterable[Fact]) -> set[Any]:
        """Return what the wildcard can stand for, so that the selection is among the facts."""
        (name,) = (name for name in FACT if getattr(self, name) == wildcard)
        values = {(getattr(fact, name), fact) for fact in facts}
        return {value for value, fact in values if value not in (None, "") and self.bound(wildcard, value).fact == fact}


def first(*arrays: Values) -> Values:
    """Return the first array: the measure itself is what a unit contributes."""
    return arrays[0]


@dataclass(frozen=True)
class Column:
    """One column: which facts it reads, and how a number is made of them.

    A unit is a query, or an attacked document of a query. The column's figure is the mean over seeds of what it
    is under each: the mean over units of ``unit(*arrays)``, or ``statistic(*arrays)``, or ``of_means`` of the
    arrays' means, where one is given.

    Attributes:
        title: The heading. ``EACH`` or ``TABLE`` in it stands for the value of that wildcard in ``measures``.
        measures: What is read; a wildcard makes a column of every value.
        id: What an experiment file, a gate or the command line calls it, as ``asr``; "" is its title.
        unit: Takes an array of each fact, aligned by unit; returns what each unit contributes. Paired tests
            compare it.
        statistic: Takes the same arrays and returns the figure, nan where it is undefined. None is the mean.
        of_means: Takes the mean of each array, a number or an array of them, and returns the figure or figures.
        reference: What is read of the baseline ranker on the same units; these arrays follow the others.
        higher_is_better: Which figure is the more robust; None for neither.
        digits: Decimals shown.
        percent: Whether it is shown times 100.
        share: Whether it is a share of its units, which has no decimals where they are few.
        signed: Whether it is a change, shown with its sign and without an arrow.
        compare: Whether figures are tested against the baseline's and the undefended ranker's.
        paired: Whether the first fact is tested against the second, within the row.
        exact: Whether it counts what was measured, which has no interval.
        effectiveness: Whether it says how effective a ranker is, and not how robust; families are not ranked by it.
        units: What it is a mean over, where that is not what the table's rows count; "" for a count of the whole cell.
        task: The plug-in name of the task whose rows it reads; "" is that of its table.
        task_key: One setting of that task, in a table of several tasks.
        count: How many units it is a mean over, where that is not the row's count; shown in the heading.
    """

    title: str
    measures: tuple[Select, ...]
    id: str = ""
    unit: Callable[..., Any] = first
    statistic: Callable[..., float] | None = None
    of_means: Callable[..., Any] | None = None
    reference: tuple[Select, ...] = ()
    higher_is_better: bool | None = None
    digits: int = 3
    percent: bool = False
    share: bool = False
    signed: bool = False
    compare: bool = True
    paired: bool = False
    exact: bool = False
    effectiveness: bool = False
    units: str | None = None
    task: str = ""
    task_key: str = ""
    count: str = ""

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What is read, once wildcards have values."""
        return tuple(select.fact for select in self.measures)

    @property
    def reference_facts(self) -> tuple[Fact, ...]:
        """What is read of the baseline."""
        return tuple(select.fact for select in self.reference)

    @property
    def key(self) -> str:
        """What it is called where a name has to be typed."""
        return self.id or self.title


PLACE: tuple[str, ...] = (
    "collection",
    "task",
)  # what a row is about whatever its table: shown where there are several


@dataclass(frozen=True)
class Table:
    """One table, over all collections and all settings of its task.

    Attributes:
        name: The file's name.
        title: What it shows, in a few words; the caption adds the collection, the queries and the kind of interval.
        columns: The columns; one whose facts are in no row is left out.
        rows: What a row is about, beside collection and task. Rows that agree in all but family, ranker and defense
            form a block, and are compared with each other.
        units: What the rows' counts count; "" where every column counts for itself.
        note: What a reader must know beside the glossary.
        each: A selection with ``TABLE``: the table is made for every value, which replaces ``TABLE`` everywhere.
        headline: Its place among the headline tables of a run, 1 before 2; 0: it is in the appendix.
        headline_of: The value of ``each`` that is meant.
        task: The plug-in name of the task; filled in for a task's own tables.
        place: What a row is about before ``rows``.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[str, ...] = ("ranker", "defense")
    units: str = "queries"
    note: str = ""
    each: Select | None = None
    headline: int = 0
    headline_of: str = ""
    task: str = ""
    place: tuple[str, ...] = PLACE


@dataclass(frozen=True)
class Figure:
    """One figure, of the values of a table, so that a point and a cell cannot disagree.

    Attributes:
        name: The file's name.
        title: What it shows.
        kind: ``scatter``: the second column against the first, a mark for each row; a third column is drawn as an
            open mark where it is 0. ``pairs``: the first two columns on one line for each ranker. ``lines``: every
            column against ``x``, with its interval.
        columns: What is drawn.
        rows: As in a table.
        x: What lines run along: ``column``, the first column; ``value``, the column's title as a number; or the field
            of a fact, as ``k``.
        x_title: The title of that axis; for ``column`` the size parameter of the attacks where it is left out.
        y_title: The title of the other.
        series: What a line is of.
        merged: The parameter in which points of one line differ: its name, or ``x`` for the one whose value is that of
            ``x``; "" where every point of the series' axis has a line.
        panels: The field of a fact that has a panel for each value, beside the axes of the rows.
        dashed: Titles of columns that are drawn as dashed lines, as controls.
        marked: Titles of two columns, the coordinates of a mark on each line, as a working point on a ROC curve.
        task: The plug-in name of the task; filled in for a task's own figures.
    """

    name: str
    title: str
    kind: Literal["scatter", "pairs", "lines"]
    columns: tuple[Column, ...]
    rows: tuple[str, ...] = ("ranker", "defense")
    x: str = ""
    x_title: str = ""
    y_title: str = ""
    series: str = "attack"
    merged: str = ""
    panels: str = ""
    dashed: tuple[str, ...] = ()
    marked: tuple[str, ...] = ()
    task: str = ""


@dataclass(frozen=True)
class TaskReport:
    """What a report shows of a task.

    Attributes:
        tables: Its tables, the most important first.
        figures: Its figures.
        summary: The columns it gives to the summary of a run: one line for each ranker, over all tasks.
        derive: Takes the rows of the whole run (:class:`robustrank.analysis.rowset.RowSet`) and the key of the task;
            returns its rows, with those that follow from the rows of other tasks.
    """

    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    summary: tuple[Column, ...] = ()
    derive: Callable[..., Any] | None = None
