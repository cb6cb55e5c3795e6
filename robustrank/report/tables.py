"""What a table is: declared as data before the rows are read, and as figures in cells once they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

# What a mark beside a figure says it differs from.
BASELINE, UNDEFENDED, PAIR = "†", "‡", "*"


def first(*arrays: Values) -> Values:
    """Return the first array: the measure itself is what a unit contributes."""
    return arrays[0]


@dataclass(frozen=True)
class Column:
    """One column: which measures it reads, and how a number is made of them.

    A unit is a query, or an attacked document of a query. The column's figure is the mean over seeds of what it
    is under each: the mean over units of ``unit(*arrays)``, or ``statistic(*arrays)``, or ``of_means`` of the
    arrays' means, where one is given.

    Attributes:
        title: The heading. A ``*`` in it stands for what the ``*`` in ``measures`` matched.
        measures: The names in rows; one ``*`` matches any text without "/" and makes a column of every match.
        unit: Takes an array of each measure, aligned by unit; returns what each unit contributes. Paired tests
            compare it.
        statistic: Takes the same arrays and returns the figure, nan where it is undefined. None is the mean.
        of_means: Takes the mean of each array, a number or an array of them, and returns the figure or figures.
        reference: Measures of the baseline ranker on the same units; their arrays follow the others.
        higher_is_better: Which figure is the best of its block; None for neither.
        digits: Decimals shown.
        percent: Whether it is shown times 100.
        compare: Whether figures are tested against the baseline's and the undefended ranker's.
        paired: Whether the first measure is tested against the second, within the row.
        counted: Whether the title says how many units there are, where that differs from column to column.
        exact: Whether it counts what was measured, which has no interval.
        task: The task whose rows it reads; "" is its table's.
    """

    title: str
    measures: tuple[str, ...]
    unit: Callable[..., Any] = first
    statistic: Callable[..., float] | None = None
    of_means: Callable[..., Any] | None = None
    reference: tuple[str, ...] = ()
    higher_is_better: bool | None = None
    digits: int = 3
    percent: bool = False
    compare: bool = True
    paired: bool = False
    counted: bool = False
    exact: bool = False
    task: str = ""


@dataclass(frozen=True)
class Table:
    """One table, made for every collection and every setting of its task that rows speak of.

    Attributes:
        name: The file's name.
        caption: What it shows.
        task: The plug-in name of the task; what stands before the first ":" of the rows' ``task``.
        columns: The columns; one whose measures are in no row is left out.
        rows: What a line is about. Lines that agree in all but family, ranker and defense form a block, and are
            compared with each other. The ranker's family is put before the ranker.
        units: What the lines' counts count.
        note: What a reader must know.
        each: A measure with one ``*``: the table is made once for every match, which replaces ``*`` everywhere;
            ``**`` becomes the ``*`` of a column then.
        further: Whether it stands behind the others, as a reference.
    """

    name: str
    caption: str
    task: str
    columns: tuple[Column, ...]
    rows: tuple[str, ...] = ("ranker", "defense")
    units: str = "queries"
    note: str = ""
    each: str = ""
    further: bool = False


@dataclass(frozen=True)
class Value:
    """One cell.

    Attributes:
        estimate: The figure; None where it is undefined or nothing was measured.
        interval: Its bootstrap interval, (low, high), where one can be stated.
        units: How many units it was made of.
        p_values: By mark, p against the line's counterpart, Holm-corrected over the column.
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
    """One line of a filled table.

    Attributes:
        keys: What it is about.
        values: A value for each column.
        opens: Whether it opens a new block.
        turns: Whether it opens another family of rankers within its block.
    """

    keys: tuple[str, ...]
    values: tuple[Value, ...]
    opens: bool = False
    turns: bool = False

    @property
    def units(self) -> int:
        """The units behind the line: the most that any of its cells has."""
        return max((value.units for value in self.values), default=0)


@dataclass(frozen=True)
class RenderedTable:
    """A table with its figures, ready to be written in any format.

    Attributes:
        name: A file name, unique in the report.
        caption: What it shows.
        legend: How to read it: definitions, marks, intervals.
        keys: The headings of the lines' keys.
        units: The heading of the lines' counts.
        columns, lines: What it holds.
        notes: What is missing, and why.
        further: Whether it stands behind the others.
    """

    name: str
    caption: str
    legend: str
    keys: tuple[str, ...]
    units: str
    columns: tuple[Column, ...]
    lines: tuple[TableRow, ...]
    notes: tuple[str, ...] = ()
    further: bool = False

    def key(self, line: TableRow, name: str) -> str:
        """Return what the line is about by the heading ``name``; "" where the table has no such keys."""
        return line.keys[self.keys.index(name)] if name in self.keys else ""


def shown_keys(line: TableRow, above: TableRow | None) -> tuple[str, ...]:
    """Return the line's keys, empty where they repeat those of the line above from the left on."""
    shown = list(line.keys)
    for position, key in enumerate(line.keys if above else ()):
        if above is None or above.keys[position] != key:
            break
        shown[position] = ""
    return tuple(shown)


def family_once(rendered: RenderedTable, line: TableRow, above: TableRow | None) -> tuple[str, ...]:
    """Return the line's keys, its family empty where the line above is of the same one and the same block."""
    if above is None or line.opens or rendered.key(above, "family") != rendered.key(line, "family"):
        return line.keys
    return tuple("" if name == "family" else key for name, key in zip(rendered.keys, line.keys, strict=True))
