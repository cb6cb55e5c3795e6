"""The headline of a report for a terminal: few lines, as wide as it is, no figure cut, what is left out counted."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.cells import cell_len, set_cell_size

from robustrank.printing import counted
from robustrank.report.build import overviews, settings_for
from robustrank.report.entries import NONE, Entry
from robustrank.report.estimate import with_counts
from robustrank.report.load import load_rows
from robustrank.report.numbers import UNDEFINED, estimate, heading
from robustrank.report.rowset import RowSet
from robustrank.report.tables import RenderedTable, TableRow, Value

LINES = 20  # of the whole summary of a run on a terminal
_LABEL = 26  # characters of a row's label
_HEADING_LINES = 5  # a heading gets wider before it gets longer
_WIDEST = 20  # characters of a line of a heading
_LEAST = 3  # rows that are shown however little room there is
_GAP, _FIXED = "  ", "\N{NO-BREAK SPACE}"
_CHANGE = "relative change of "


def headline(run: Path, baseline: str | None, width: int, lines: int = LINES) -> list[str]:
    """Return the headline figures of a run: a line for each collection, ranker and defense.

    Args:
        run: The run folder.
        baseline: The label of the baseline ranker, or None.
        width: Columns of the terminal; what does not fit is counted in the last line.
        lines: How many lines there is room for; 3 rows are shown even if there is less.

    Raises:
        DataError: The rows cannot be read.
        UsageError: No row is about the baseline.
    """
    rowset = RowSet.of_run(load_rows(run))
    return list(written(merged(rowset, baseline), width, lines))


def merged(rowset: RowSet, baseline: str | None) -> RenderedTable:
    """Return the first table of each collection as one, without intervals and tests."""
    settings = replace(settings_for(rowset, baseline), rounds=0)
    tables = list(zip(rowset.present("collection"), overviews(rowset, settings), strict=True))
    columns = {column.title: replace(column, count="") for _, table in tables for column in table.columns}
    rows = [
        TableRow((collection, *line.keys), _aligned(line, table, columns), units=line.units)
        for collection, table in tables
        for line in table.lines
    ]
    first = tables[0][1]
    heads = with_counts(tuple(columns.values()), rows, "")
    return replace(first, keys=("collection", *first.keys), columns=heads, lines=tuple(rows))


def _aligned(line: TableRow, table: RenderedTable, titles: Iterable[str]) -> tuple[Value, ...]:
    values = dict(zip((column.title for column in table.columns), line.values, strict=True))
    return tuple(values.get(title, Value(None)) for title in titles)


def written(table: RenderedTable, width: int, lines: int) -> Iterator[str]:
    """Yield the lines of a table."""
    labels = [_cut(label, min(_LABEL, width // 3)) for label in _labels(table)]
    pieces = [_column(table, position) for position in range(len(table.columns))]
    label_width = max(map(cell_len, labels), default=0)
    shown = _fitting(pieces, width - label_width)
    heads = [head for head, _, _ in pieces[:shown]]
    height = max(map(len, heads), default=0)
    legend = any(_CHANGE in column.title for column in table.columns[:shown])
    rows = min(len(labels), max(_LEAST, lines - height - 2 - legend))
    if not pieces or not labels:
        yield "nothing was measured: the report says why"
        return
    for level in range(height):
        cells = [head[level - height + len(head)] if level >= height - len(head) else "" for head in heads]
        yield _line("", cells, pieces, label_width)
    yield "─" * (label_width + sum(size + len(_GAP) for _, _, size in pieces[:shown]))
    for number, label in enumerate(labels[:rows]):
        yield _line(label, [figures[number] for _, figures, _ in pieces[:shown]], pieces, label_width)
    if legend:
        yield "Δ relative change; ↑ ↓ the more robust direction"
    left = [
        counted(count, f"more {noun}")
        for count, noun in ((len(labels) - rows, "row"), (len(pieces) - shown, "column"))
        if count
    ]
    if left:
        yield f"and {' and '.join(left)} in the report"


def _labels(table: RenderedTable) -> Iterator[str]:
    several = len({line.keys[0].key for line in table.lines}) > 1
    for line in table.lines:
        keys: list[tuple[str, Entry]] = list(zip(table.keys, line.keys, strict=False))
        names = [key.label for axis, key in keys if axis not in ("family", "collection") and _tells(axis, key)]
        yield " · ".join([*names, *([line.keys[0].label] if several else [])])


def _tells(axis: str, key: Entry) -> bool:
    return bool(key.label) and (axis, key.name, key.label) != ("defense", NONE, NONE)


def _cut(label: str, most: int) -> str:
    """Return a label with its middle left out where it is wider than ``most``: what tells it apart is at the ends."""
    if cell_len(label) <= most:
        return label
    tail = most // 2
    return f"{set_cell_size(label, most - tail - 1)}…{label[-tail:]}"


def _column(table: RenderedTable, position: int) -> tuple[list[str], list[str], int]:
    """Return the lines of the heading, the figures, and the width."""
    column = table.columns[position]
    figures = [estimate(line.values[position], column).replace("-", "−") for line in table.lines]
    title = heading(column).replace(_CHANGE, "Δ ")
    for kept in ("Δ ", " = ", " ↑", " ↓"):  # no line ends within these
        title = title.replace(kept, kept.replace(" ", _FIXED))
    size = max(map(len, [*figures, *title.split(" "), UNDEFINED]))
    size = min(size, max(_WIDEST, *map(len, figures)))
    while len(head := textwrap.wrap(title, size)) > _HEADING_LINES and size < _WIDEST:
        size += 1
    head = [line.replace(_FIXED, " ") for line in head]
    return head, figures, max(map(len, [*head, *figures]))


def _fitting(pieces: Sequence[tuple[list[str], list[str], int]], room: int) -> int:
    """Return how many columns fit; one at least."""
    count = 0
    for _, _, size in pieces:
        room -= size + len(_GAP)
        if room < 0 and count:
            break
        count += 1
    return count


def _line(label: str, cells: Sequence[str], pieces: Sequence[tuple[list[str], list[str], int]], width: int) -> str:
    padded = (cell.rjust(size) for cell, (_, _, size) in zip(cells, pieces, strict=False))
    return _GAP.join([set_cell_size(label, width), *padded]).rstrip()
