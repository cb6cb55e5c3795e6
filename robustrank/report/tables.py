"""What a table is: declared as data before the rows are read, and as figures in cells once they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustrank.report.entries import NOTHING, Entry
from robustrank.report.selection import Select
from robustrank.rows import Fact

Values = NDArray[np.float64]

# What a mark beside a figure says it differs from.
BASELINE, UNDEFENDED, PAIR = "†", "‡", "*"


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
        unit: Takes an array of each fact, aligned by unit; returns what each unit contributes. Paired tests
            compare it.
        statistic: Takes the same arrays and returns the figure, nan where it is undefined. None is the mean.
        of_means: Takes the mean of each array, a number or an array of them, and returns the figure or figures.
        reference: What is read of the baseline ranker on the same units; these arrays follow the others.
        higher_is_better: Which figure is the best of its block; None for neither.
        digits: Decimals shown.
        percent: Whether it is shown times 100.
        share: Whether it is a share of its units, which has no decimals where they are few.
        signed: Whether it is a change, shown with its sign and without an arrow.
        compare: Whether figures are tested against the baseline's and the undefended ranker's.
        paired: Whether the first fact is tested against the second, within the row.
        exact: Whether it counts what was measured, which has no interval.
        units: What it is a mean over, where that is not what the table's rows count; "" for a count of the whole cell.
        task: The plug-in name of the task whose rows it reads; "" is its table's.
        task_key: That task with its parameters, once rows are read.
        count: How many units it is a mean over, where that is not the row's count; shown in the heading.
    """

    title: str
    measures: tuple[Select, ...]
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


@dataclass(frozen=True)
class Table:
    """One table, made for every collection and every setting of its task that rows are of.

    Attributes:
        name: The file's name.
        caption: What it shows.
        task: The plug-in name of the task.
        columns: The columns; one whose facts are in no row is left out.
        rows: What a row is about. Rows that agree in all but family, ranker and defense form a block, and are
            compared with each other. The ranker's family is put before the ranker.
        units: What the rows' counts count; "" where every column counts for itself.
        note: What a reader must know beside the glossary.
        each: A selection with ``TABLE``: the table is made for every value, which replaces ``TABLE`` everywhere.
    """

    name: str
    caption: str
    task: str
    columns: tuple[Column, ...]
    rows: tuple[str, ...] = ("ranker", "defense")
    units: str = "queries"
    note: str = ""
    each: Select | None = None


@dataclass(frozen=True)
class Value:
    """One cell.

    Attributes:
        estimate: The figure; None where it is undefined or nothing was measured.
        interval: Its bootstrap interval, (low, high), where one can be stated.
        units: How many units it was made of.
        p_values: By mark, p against the row's counterpart, Holm-adjusted over the column.
        marks: The marks of the p below the level of significance.
        best: Whether it is the best of its block, as shown.
        seeds: Over how many seeds it is a mean: those that differ, or one.
    """

    estimate: float | None
    interval: tuple[float, float] | None = None
    units: int = 0
    p_values: dict[str, float] = field(default_factory=dict)
    marks: str = ""
    best: bool = False
    seeds: int = 1


@dataclass(frozen=True)
class TableRow:
    """One row of a table with its figures.

    Attributes:
        keys: What it is about.
        values: A value for each column.
        opens: Whether it opens a new block.
        turns: Whether it opens another family of rankers within its block.
        units: How many units it is about.
    """

    keys: tuple[Entry, ...]
    values: tuple[Value, ...]
    opens: bool = False
    turns: bool = False
    units: int = 0

    @property
    def labels(self) -> tuple[str, ...]:
        """What is printed for the keys."""
        return tuple(entry.label for entry in self.keys)


@dataclass(frozen=True)
class RenderedTable:
    """A table with its figures, ready to be written in any format.

    Attributes:
        name: A file name, unique in the report.
        caption: What it shows.
        legend: How to read it: marks and intervals.
        keys: The axes that rows are about, which are the headings of the rows' keys.
        units: The heading of the rows' counts.
        columns, lines: What it holds.
        notes: What is missing, and why.
    """

    name: str
    caption: str
    legend: str
    keys: tuple[str, ...]
    units: str
    columns: tuple[Column, ...]
    lines: tuple[TableRow, ...]
    notes: tuple[str, ...] = ()

    def key(self, line: TableRow, axis: str) -> Entry:
        """Return what the row is about on an axis; ``NOTHING`` where the table has none such."""
        return line.keys[self.keys.index(axis)] if axis in self.keys else NOTHING


def shown_keys(line: TableRow, above: TableRow | None) -> tuple[str, ...]:
    """Return the row's labels, empty where they repeat those of the row above from the left on."""
    shown = list(line.labels)
    for position, key in enumerate(line.keys if above else ()):
        if above is None or above.keys[position] != key:
            break
        shown[position] = ""
    return tuple(shown)


def family_once(rendered: RenderedTable, line: TableRow, above: TableRow | None) -> tuple[str, ...]:
    """Return the row's labels, its family empty where the row above is of the same one and the same block."""
    if above is None or line.opens or rendered.key(above, "family") != rendered.key(line, "family"):
        return line.labels
    return tuple("" if axis == "family" else key.label for axis, key in zip(rendered.keys, line.keys, strict=True))
