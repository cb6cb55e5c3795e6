"""Tables on a terminal: figures and marks, cut into pieces as wide as it is. Intervals are in the report's files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from robustrank.report.build import make_tables, settings_for
from robustrank.report.load import load_rows
from robustrank.report.notes import READING
from robustrank.report.numbers import estimate, heading
from robustrank.report.rowset import RowSet
from robustrank.report.tables import Column, RenderedTable, Value, shown_keys

_KEY = 30  # characters of a key on one line; longer ones are folded
_PADDING = 3  # between columns
_EDGES = 2


def show(run: Path, baseline: str | None, console: Console) -> None:
    """Print the tables of a run.

    Raises:
        DataError: The rows cannot be read.
        UsageError: No row is about the baseline.
    """
    rowset = RowSet.of_run(load_rows(run))
    for rendered in make_tables(rowset, replace(settings_for(rowset, baseline), rounds=0)):
        for piece in pieces(rendered, console.width):
            console.print(piece)
        for note in (rendered.legend, *rendered.notes):
            if note:
                console.print(Text(note, style="dim"))
    console.print(Text(READING, style="dim"))


def pieces(rendered: RenderedTable, width: int) -> Iterator[Table]:
    """Yield the table as renderables of at most ``width`` columns where that can be: its columns in turn."""
    left = width - _EDGES - sum(min(_KEY, max(map(len, texts))) + _PADDING for texts in _key_texts(rendered))
    start = 0
    while start < len(rendered.columns) or start == 0:
        end, room = start, left
        while end < len(rendered.columns) and (end == start or room >= _width(rendered, end)):
            room -= _width(rendered, end)
            end += 1
        yield _piece(rendered, start, end)
        start = max(end, 1)


def _key_texts(rendered: RenderedTable) -> Iterator[list[str]]:
    for position, key in enumerate(rendered.keys):
        yield [key, *(line.labels[position] for line in rendered.lines)]
    if rendered.units:
        yield [rendered.units, *(f"{line.units:,}" for line in rendered.lines)]


def _width(rendered: RenderedTable, position: int) -> int:
    column = rendered.columns[position]
    words = heading(column).split()
    figures = (_figure(line.values[position], column).plain for line in rendered.lines)
    return max(map(len, [*words, *figures])) + _PADDING


def _piece(rendered: RenderedTable, start: int, end: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=Text(rendered.caption) if start == 0 else None, title_justify="left")
    for key, texts in zip(rendered.keys, _key_texts(rendered), strict=False):  # the counts follow the keys
        table.add_column(Text(key), overflow="fold", width=min(_KEY, max(map(len, texts))))
    if rendered.units:
        table.add_column(Text(rendered.units), justify="right", no_wrap=True)
    for column in rendered.columns[start:end]:
        table.add_column(Text(heading(column)), justify="right")
    above = None
    for line in rendered.lines:
        if line.opens or line.turns:
            table.add_section()
        counts = [Text(f"{line.units:,}")] if rendered.units else []
        pairs = zip(line.values[start:end], rendered.columns[start:end], strict=True)
        table.add_row(*map(Text, shown_keys(line, above)), *counts, *(_figure(*pair) for pair in pairs))
        above = line
    return table


def _figure(value: Value, column: Column) -> Text:
    text = estimate(value, column).replace("-", "−")
    return Text(text + value.marks, style="bold" if value.best else "")
