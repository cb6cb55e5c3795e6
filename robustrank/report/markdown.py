"""Tables as Markdown, as GitHub shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from robustrank.printing import counted
from robustrank.report.view import Cell, View

LINES = 120  # of report.md
ROWS = 20  # of a table in it
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&!])")


def table(shown: View, rows: int | None = None) -> str:
    """Return the table with its caption above, its notes below; of a long one the first ``rows``, and how many more."""
    rules = [":--"] * len(shown.keys) + ["--:"] * len(shown.heads)
    lines = [_row(map(escape, (*shown.keys, *shown.heads))), _row(rules)]
    lines += [_row([*map(escape, row.shown), *map(_figure, row.cells)]) for row in shown.rows[:rows]]
    left = len(shown.rows) - len(shown.rows[:rows])
    notes = [f"and {counted(left, 'more row')} in appendix.md"] if left else []
    notes += [f"- {escape(note)}" for note in shown.notes]
    return "\n".join([f"## {escape(shown.caption)}", "", *lines, "", *notes, *([""] if notes else [])])


def document(title: str, note: str, tables: Sequence[View], figures: Sequence[tuple[str, str]], cut: bool) -> str:
    """Return a document of tables and figures (name, caption); one that is cut has at most ``LINES`` lines."""
    shown = [f"![{escape(caption)}](figures/{name}.png)\n" for name, caption in figures]
    fixed = 5 + sum(7 + len(view.notes) for view in tables) + 2 * len(shown)
    rows = min(ROWS, max(3, (LINES - fixed) // max(1, len(tables)))) if cut else None
    if cut:  # the appendix has all of what is too long for a page
        tables = [replace(view, notes=tuple(note[:400] for note in view.notes)) for view in tables]
    texts = (table(view, rows) for view in tables)
    return "\n".join([f"# {escape(title)}", "", escape(note), "", *texts, *shown])


def escape(text: str) -> str:
    """Return ``text`` so that Markdown shows it as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _figure(cell: Cell) -> str:
    text = f"**{cell.text}**" if cell.best else cell.text
    return " ".join(piece for piece in (text + escape(cell.marks), cell.interval) if piece)
