"""Tables as Markdown, as GitHub shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from robustrank.report.numbers import heading, interval, number
from robustrank.report.tables import Column, Filled, Line, Value, family_once

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&!])")


def table(filled: Filled) -> str:
    """Return the table with its caption and legend above and its notes below."""
    counted = [filled.units] if filled.units else []
    titles = [*filled.keys, *counted, *(heading(column) for column in filled.columns)]
    rules = [":--"] * len(filled.keys) + ["--:"] * (len(counted) + len(filled.columns))
    rows = [_row(map(escape, titles)), _row(rules)]
    above: Line | None = None
    for line in filled.lines:
        keys, above = family_once(filled, line, above), line
        counts = [f"{line.units:,}"] if counted else []
        figures = [_figure(*pair) for pair in zip(line.values, filled.columns, strict=True)]
        rows.append(_row([*map(escape, keys), *counts, *figures]))
    notes = [f"- {escape(note)}" for note in filled.notes]
    return "\n".join(
        [f"## {escape(filled.caption)}", "", escape(filled.legend), "", *rows, "", *notes, *([""] if notes else [])]
    )


def document(tables: Sequence[Filled], figures: Sequence[tuple[str, str]]) -> str:
    """Return the report: every table and every figure (name, caption)."""
    shown = [f"![{escape(caption)}](figures/{name}.png)\n\n{escape(caption)}\n" for name, caption in figures]
    return "\n".join(["# Robustness of rankers", "", *map(table, tables), *shown])


def escape(text: str) -> str:
    """Return ``text`` so that Markdown shows it as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _figure(value: Value, column: Column) -> str:
    text = number(value.estimate, column).replace("-", "−")
    text = f"**{text}**" if value.best else text
    between = interval(value, column).replace("-", "−")
    return " ".join(part for part in (text + escape(value.marks), between) if part)
