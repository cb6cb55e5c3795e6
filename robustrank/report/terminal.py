"""Tables on a terminal: figures and marks, cut into pieces as wide as it is. Intervals are in the report's files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from robustrank.report.load import load_rows
from robustrank.report.make import make_tables, settings_for
from robustrank.report.numbers import heading, number
from robustrank.report.tables import Column, Filled, Value, shown_keys

_KEY = 30  # characters of a key on one line; longer ones are folded
_PADDING = 3  # between columns
_EDGES = 2


def show(run: Path, baseline: str | None, console: Console) -> None:
    """Print the tables of a run; those for reference are in the report's files alone.

    Raises:
        DataError: The rows cannot be read.
        UsageError: No row speaks of the baseline.
    """
    rows = load_rows(run)
    for filled in make_tables(rows, replace(settings_for(rows, baseline), rounds=0)):
        if not filled.further:
            for piece in pieces(filled, console.width):
                console.print(piece)
            for note in (filled.legend, *filled.notes):
                console.print(Text(note, style="dim"))


def pieces(filled: Filled, width: int) -> Iterator[Table]:
    """Yield the table as renderables of at most ``width`` columns where that can be: its columns in turn."""
    left = width - _EDGES - sum(min(_KEY, max(map(len, texts))) + _PADDING for texts in _key_texts(filled))
    start = 0
    while start < len(filled.columns) or start == 0:
        end, room = start, left
        while end < len(filled.columns) and (end == start or room >= _width(filled, end)):
            room -= _width(filled, end)
            end += 1
        yield _piece(filled, start, end)
        start = max(end, 1)


def _key_texts(filled: Filled) -> Iterator[list[str]]:
    for position, key in enumerate(filled.keys):
        yield [key, *(line.keys[position] for line in filled.lines)]
    if filled.units:
        yield [filled.units, *(f"{line.units:,}" for line in filled.lines)]


def _width(filled: Filled, position: int) -> int:
    column = filled.columns[position]
    words = heading(column).split()
    figures = (_figure(line.values[position], column).plain for line in filled.lines)
    return max(map(len, [*words, *figures])) + _PADDING


def _piece(filled: Filled, start: int, end: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=Text(filled.caption) if start == 0 else None, title_justify="left")
    for key, texts in zip(filled.keys, _key_texts(filled), strict=False):  # the counts follow the keys
        table.add_column(Text(key), overflow="fold", width=min(_KEY, max(map(len, texts))))
    if filled.units:
        table.add_column(Text(filled.units), justify="right", no_wrap=True)
    for column in filled.columns[start:end]:
        table.add_column(Text(heading(column)), justify="right")
    above = None
    for line in filled.lines:
        if line.opens or line.turns:
            table.add_section()
        counts = [Text(f"{line.units:,}")] if filled.units else []
        pairs = zip(line.values[start:end], filled.columns[start:end], strict=True)
        table.add_row(*map(Text, shown_keys(line, above)), *counts, *(_figure(*pair) for pair in pairs))
        above = line
    return table


def _figure(value: Value, column: Column) -> Text:
    text = number(value.estimate, column).replace("-", "−")
    return Text(text + value.marks, style="bold" if value.best else "")
