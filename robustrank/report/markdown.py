"""Tables as Markdown, as GitHub shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from robustrank.report.notes import READING
from robustrank.report.numbers import estimate, heading, interval
from robustrank.report.tables import Column, RenderedTable, TableRow, Value, family_once

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&!])")


def table(rendered: RenderedTable) -> str:
    """Return the table with its caption above, its legend and notes below."""
    counted = [rendered.units] if rendered.units else []
    titles = [*rendered.keys, *counted, *(heading(column) for column in rendered.columns)]
    rules = [":--"] * len(rendered.keys) + ["--:"] * (len(counted) + len(rendered.columns))
    rows = [_row(map(escape, titles)), _row(rules)]
    above: TableRow | None = None
    for line in rendered.lines:
        keys, above = family_once(rendered, line, above), line
        counts = [f"{line.units:,}"] if counted else []
        figures = [_figure(*pair) for pair in zip(line.values, rendered.columns, strict=True)]
        rows.append(_row([*map(escape, keys), *counts, *figures]))
    notes = [f"- {escape(note)}" for note in (rendered.legend, *rendered.notes) if note]
    return "\n".join([f"## {escape(rendered.caption)}", "", *rows, "", *notes, *([""] if notes else [])])


def document(tables: Sequence[RenderedTable], figures: Sequence[tuple[str, str]]) -> str:
    """Return the report: every table and every figure (name, caption)."""
    shown = [f"![{escape(caption)}](figures/{name}.png)\n\n{escape(caption)}\n" for name, caption in figures]
    return "\n".join(["# Robustness of rankers", "", escape(READING), "", *map(table, tables), *shown])


def escape(text: str) -> str:
    """Return ``text`` so that Markdown shows it as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _figure(value: Value, column: Column) -> str:
    text = estimate(value, column).replace("-", "−")
    text = f"**{text}**" if value.best else text
    between = interval(value, column).replace("-", "−")
    return " ".join(piece for piece in (text + escape(value.marks), between) if piece)
