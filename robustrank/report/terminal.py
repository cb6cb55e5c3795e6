"""Tables on a terminal: as wide as it is, no figure cut, what is left out counted. Intervals are in the files."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from robustrank.analysis.catalogue import Catalogue
from robustrank.analysis.notes import READING
from robustrank.printing import counted
from robustrank.report.numbers import UNDEFINED
from robustrank.report.view import View, spans, view

LINES = 20  # of the whole summary of a run
_LABEL = 26  # characters of a row's label
_KEY = 30  # characters of a label in a full table; longer ones are folded
_HEADING_LINES = 5  # a heading gets wider before it gets longer
_WIDEST = 20  # characters of a line of a heading
_LEAST = 3  # rows that are shown however little room there is
_GAP, _FIXED = "  ", "\N{NO-BREAK SPACE}"
_CHANGE = "change of "


def show(catalogue: Catalogue, console: Console) -> None:
    """Print every table of a run."""
    for rendered in catalogue.tables:
        whole = view(rendered)
        for number, piece in enumerate(pieces(whole, console.width)):
            console.print(Text(whole.caption) if number == 0 else Text(""))
            console.print(piece)
        for note in whole.notes:
            console.print(Text(note, style="dim"))
    console.print(Text(READING, style="dim"))


def headline(catalogue: Catalogue, width: int, lines: int = LINES) -> list[str]:
    """Return the first headline table of a run: a line for each collection, ranker and defense.

    Args:
        catalogue: Of the run.
        width: Columns of the terminal; what does not fit is counted in the last line.
        lines: How many lines there is room for; 3 rows are shown even if there is less.
    """
    return list(written(view(catalogue.tables[0]), width, lines))


def written(shown: View, width: int, lines: int) -> Iterator[str]:
    """Yield the lines of a table, as :func:`headline` returns them."""
    if not shown.rows or not shown.heads:
        yield "nothing was measured: the report says why"
        return
    labels = [_cut(label, min(_LABEL, width // 3)) for label in _labels(shown)]
    label_width = max(map(cell_len, labels))
    columns = [_column(shown, position) for position in range(len(shown.heads))]
    _, count = spans([size + len(_GAP) for _, _, size in columns], width - label_width)[0]
    height = max(len(head) for head, _, _ in columns[:count])
    legend = any(_CHANGE in head for head in shown.heads[:count])
    rows = min(len(labels), max(_LEAST, lines - height - 2 - legend))
    for level in range(height):
        cells = [head[level - height + len(head)] if level >= height - len(head) else "" for head, _, _ in columns]
        yield _line("", cells[:count], columns, label_width)
    yield "─" * (label_width + sum(size + len(_GAP) for _, _, size in columns[:count]))
    for number, label in enumerate(labels[:rows]):
        yield _line(label, [figures[number] for _, figures, _ in columns[:count]], columns, label_width)
    if legend:
        yield "Δ relative change; ↑ ↓ the more robust direction"
    rest = [(len(labels) - rows, "row"), (len(columns) - count, "column")]
    if more := [counted(number, f"more {noun}") for number, noun in rest if number]:
        yield f"and {' and '.join(more)} in the report"


def _labels(shown: View) -> Iterator[str]:
    for row in shown.rows:
        named = dict(zip(shown.keys, row.labels, strict=True))
        ordered = [*(key for key in named if key != "collection"), *(["collection"] if "collection" in named else [])]
        yield " · ".join(named[key] for key in ordered if key != "family" and (key, named[key]) != ("defense", "none"))


def _cut(label: str, most: int) -> str:
    """Return a label with its middle left out where it is wider than ``most``: what tells it apart is at the ends."""
    if cell_len(label) <= most:
        return label
    tail = most // 2
    return f"{set_cell_size(label, most - tail - 1)}…{label[-tail:]}"


def _column(shown: View, position: int) -> tuple[list[str], list[str], int]:
    """Return the lines of the heading, the figures, and the width."""
    figures = [row.cells[position].text for row in shown.rows]
    title = shown.heads[position].replace(_CHANGE, "Δ ")
    for kept in ("Δ ", " = ", " ↑", " ↓"):  # no line ends within these
        title = title.replace(kept, kept.replace(" ", _FIXED))
    size = max(map(len, [*figures, *title.split(" "), UNDEFINED]))
    size = min(size, max(_WIDEST, *map(len, figures)))
    while len(head := textwrap.wrap(title, size)) > _HEADING_LINES and size < _WIDEST:
        size += 1
    head = [line.replace(_FIXED, " ") for line in head]
    return head, figures, max(map(len, [*head, *figures]))


def _line(label: str, cells: Sequence[str], columns: Sequence[tuple[list[str], list[str], int]], width: int) -> str:
    padded = (cell.rjust(size) for cell, (_, _, size) in zip(cells, columns, strict=False))
    return _GAP.join([set_cell_size(label, width), *padded]).rstrip()


def pieces(shown: View, width: int) -> Iterator[Table]:
    """Yield the table as renderables of at most ``width`` columns where that can be: its columns in turn."""
    texts = [[key, *(row.labels[i] for row in shown.rows)] for i, key in enumerate(shown.keys)]
    keys = [min(_KEY, max(map(len, of_key))) for of_key in texts]
    sizes = [_column(shown, i)[2] + 3 for i in range(len(shown.heads))]
    for start, end in spans(sizes, width - 2 - sum(size + 3 for size in keys)):
        table = Table(box=box.SIMPLE_HEAD)
        for key, size in zip(shown.keys, keys, strict=True):
            table.add_column(Text(key), overflow="fold", width=size)
        for head in shown.heads[start:end]:
            table.add_column(Text(head), justify="right")
        for row in shown.rows:
            if row.opens:
                table.add_section()
            cells = (Text(cell.text + cell.marks, style="bold" if cell.best else "") for cell in row.cells[start:end])
            table.add_row(*map(Text, row.shown), *cells)
        yield table
