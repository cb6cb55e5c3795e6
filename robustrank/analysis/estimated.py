"""What a table is once rows are read: figures in cells, ready to be written in any format."""

from __future__ import annotations

from dataclasses import dataclass, field

from robustrank.analysis.entries import NOTHING, Entry
from robustrank.tables import Column

# What a mark beside a figure says it differs from.
BASELINE, UNDEFENDED, PAIR = "†", "‡", "*"


@dataclass(frozen=True)
class Value:
    """One cell.

    Attributes:
        estimate: The figure; None where it is undefined or nothing was measured.
        interval: Its interval, (low, high), where one can be stated.
        units: How many units it was made of.
        p_values: By mark, p against the row's counterpart, Holm-adjusted over the column.
        marks: The marks of the p below the level of significance.
        best: Whether it is the best of its block, its interval apart from all others.
        seeds: Over how many seeds it is a mean: those that differ, or one.
        method: How the interval was made.
    """

    estimate: float | None
    interval: tuple[float, float] | None = None
    units: int = 0
    p_values: dict[str, float] = field(default_factory=dict)
    marks: str = ""
    best: bool = False
    seeds: int = 1
    method: str = ""


@dataclass(frozen=True)
class TableRow:
    """One row of a table with its figures.

    Attributes:
        keys: What it is about.
        values: A value for each column.
        opens: Whether it opens a new block.
        units: How many units it is about.
    """

    keys: tuple[Entry, ...]
    values: tuple[Value, ...]
    opens: bool = False
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
        caption: What it shows, in at most 200 characters.
        legend: How to read it: marks and intervals.
        keys: The axes that rows are about, which are the headings of the rows' keys.
        units: The heading of the rows' counts.
        columns, lines: What it holds.
        notes: What is missing, and why.
        headline: Its place among the headline tables; 0 for none.
    """

    name: str
    caption: str
    legend: str
    keys: tuple[str, ...]
    units: str
    columns: tuple[Column, ...]
    lines: tuple[TableRow, ...]
    notes: tuple[str, ...] = ()
    headline: int = 0

    def key(self, line: TableRow, axis: str) -> Entry:
        """Return what the row is about on an axis; ``NOTHING`` where the table has none such."""
        return line.keys[self.keys.index(axis)] if axis in self.keys else NOTHING
