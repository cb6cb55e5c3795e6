"""A table as texts: headings, labels and figures, cut into parts that fit a page."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from robustrank.analysis.entries import Entry
from robustrank.analysis.estimated import RenderedTable, Value
from robustrank.printing import counted, printable
from robustrank.report.numbers import estimate, heading, interval
from robustrank.tables import Column

SMALL = 7.0  # points, the type of intervals, and the least of any
_LARGE = 100.0
_KEY = 30  # characters of a label on one line
_BREAKS = " :=,/_-"  # after which a label may go on in another line


@dataclass(frozen=True)
class Cell:
    """One figure as texts."""

    text: str
    interval: str = ""
    marks: str = ""
    best: bool = False


@dataclass(frozen=True)
class Row:
    """One row as texts.

    Attributes:
        labels: What it is about.
        cells: Its figures.
        opens: Whether it opens a block.
        repeated: How many of its first labels repeat the row above.
    """

    labels: tuple[str, ...]
    cells: tuple[Cell, ...]
    opens: bool = False
    repeated: int = 0

    @property
    def shown(self) -> tuple[str, ...]:
        """Its labels, empty where they repeat the row above."""
        return ("",) * self.repeated + self.labels[self.repeated :]


@dataclass(frozen=True)
class View:
    """A table as texts.

    Attributes:
        name, caption, notes: Those of the table.
        keys: The headings of the labels.
        heads: The headings of the counts, if rows count anything, and of the columns.
        rows: Its rows.
    """

    name: str
    caption: str
    notes: tuple[str, ...]
    keys: tuple[str, ...]
    heads: tuple[str, ...]
    rows: tuple[Row, ...]


def view(rendered: RenderedTable) -> View:
    """Return the table as texts."""
    counted = (rendered.units,) if rendered.units else ()
    rows = []
    above: tuple[Entry, ...] = ()
    for line in rendered.lines:
        counts = (Cell(f"{line.units:,}"),) if counted else ()
        cells = tuple(cell(value, column) for value, column in zip(line.values, rendered.columns, strict=True))
        alike = itertools.takewhile(bool, map(operator.eq, line.keys, above))
        rows.append(Row(line.labels, counts + cells, line.opens, sum(alike)))
        above = line.keys
    heads = counted + tuple(heading(column) for column in rendered.columns)
    notes = tuple(note for note in (rendered.legend, *rendered.notes) if note)
    return View(rendered.name, rendered.caption, notes, rendered.keys, heads, tuple(rows))


def cell(value: Value, column: Column) -> Cell:
    """Return a figure as texts, with the sign for minus."""
    text, between = estimate(value, column).replace("-", "−"), interval(value, column).replace("-", "−")
    return Cell(text, between, value.marks, value.best)


def turned(shown: View) -> View:
    """Return the table with a row for each measure and a column for each row."""
    heads = tuple(" ".join(filter(None, row.labels)) or "–" for row in shown.rows)
    rows = [Row((head,), tuple(row.cells[i] for row in shown.rows)) for i, head in enumerate(shown.heads)]
    return replace(shown, keys=("measure",), heads=heads, rows=tuple(rows))


def parts(shown: View, width: float, size: float, lines: int) -> list[View]:
    """Return the table in parts that fit a page: columns in turn, then rows, each with its labels.

    Args:
        shown: The table.
        width: Of the text, in points.
        size: Of the type, in points.
        lines: The most rows of a part.
    """
    room = width - sum(label_width(shown, i, size) + GAP for i in range(len(shown.keys)))
    pieces = []
    for start, end in spans([column_width(shown, i, size) + GAP for i in range(len(shown.heads))], room):
        for rows in _pages(shown.rows, lines):
            cut = [replace(row, cells=row.cells[start:end]) for row in rows]
            cut[:1] = [replace(row, opens=False, repeated=0) for row in cut[:1]]
            pieces.append(replace(shown, heads=shown.heads[start:end], rows=tuple(cut)))
    if len(pieces) == 1:
        return [shown]
    return [
        replace(
            part,
            name=f"{shown.name}-{i + 1}",
            caption=f"{shown.caption} Part {i + 1} of {len(pieces)}.",
            notes=shown.notes if i == len(pieces) - 1 else (),
        )
        for i, part in enumerate(pieces)
    ]


def spans(widths: Sequence[float], room: float) -> list[tuple[int, int]]:
    """Return the columns of each part, (start, end): as many in turn as there is room for, and one at least."""
    parts: list[tuple[int, int]] = []
    start = 0
    while start < len(widths) or not parts:
        left, end = room, start
        while end < len(widths) and (end == start or left >= widths[end]):
            left -= widths[end]
            end += 1
        parts.append((start, end))
        start = max(end, 1)
    return parts


GAP = 6.0  # points between columns
COLUMNS = 8  # of a headline table, beside its labels


def front(shown: View, width: float, size: float) -> View:
    """Return the table with as many of its columns, the first, as fit a page; a note counts the others."""
    columns = min(len(parts(shown, width, size, len(shown.rows) + 1)[0].heads), COLUMNS + 1)
    left = len(shown.heads) - columns
    if left <= 0:
        return shown
    rows = tuple(replace(row, cells=row.cells[:columns]) for row in shown.rows)
    notes = (*shown.notes, f"{counted(left, 'more column')} in the appendix.")
    return replace(shown, heads=shown.heads[:columns], rows=rows, notes=notes)


def column_width(shown: View, position: int, size: float) -> float:
    """Return the width of a column in points: of its figures, or of the longest word of its heading."""
    texts = [row.cells[position].text for row in shown.rows]
    small = [row.cells[position].interval for row in shown.rows]
    marks = max((len(row.cells[position].marks) for row in shown.rows), default=0)
    figures = max((text_width(text, size) for text in texts), default=0) + marks * size / 3
    return max(
        figures,
        max((text_width(text, SMALL) for text in small), default=0),
        *(text_width(word, size) for word in shown.heads[position].split()),
    )


def label_width(shown: View, position: int, size: float) -> float:
    """Return the width of a column of labels in points; longer labels go on in another line."""
    texts = [shown.keys[position], *(row.labels[position] for row in shown.rows)]
    return max(text_width(line, size) for text in texts for line in wrapped(text))


def wrapped(label: str, width: int = _KEY) -> list[str]:
    """Return a label in lines of at most ``width`` characters, broken where a specification may be."""
    lines, line = [], ""
    for piece in _pieces(printable(label)):
        if line and len(line) + len(piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
        while len(line) > width:
            lines.append(line[:width])
            line = line[width:]
    return [*lines, line.rstrip()] if line or not lines else lines


def headed(head: str, width: float, size: float) -> list[str]:
    """Return a heading in lines no wider than its column, or than a longest word."""
    lines: list[str] = []
    for word in head.split():
        if lines and text_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _pieces(text: str) -> Iterator[str]:
    start = 0
    for i, char in enumerate(text):
        if char in _BREAKS:
            yield text[start : i + 1]
            start = i + 1
    yield text[start:]


def _pages(rows: Sequence[Row], most: int) -> Iterator[Sequence[Row]]:
    """Cut the rows into pages, where a block opens if one does."""
    while len(rows) > most:
        openings = [i for i in range(1, most + 1) if rows[i].opens]
        cut = openings[-1] if openings else most
        yield rows[:cut]
        rows = rows[cut:]
    yield rows


@functools.cache
def _font():  # type: ignore[no-untyped-def]
    from matplotlib import font_manager

    return font_manager.get_font(font_manager.findfont("cmr10"))


@functools.lru_cache(maxsize=10_000)
def text_width(text: str, size: float) -> float:
    """Return the width of a text in points, in the type of LaTeX, whose small sizes are wider, and somewhat more."""
    font = _font()
    font.set_size(_LARGE, 72)  # so that rounding to pixels does not matter
    font.set_text("".join(char if font.get_char_index(ord(char)) else "m" for char in text), 0.0)
    return float(font.get_width_height()[0]) / 64 * size / _LARGE * (1.15 if size <= SMALL else 1.08)
