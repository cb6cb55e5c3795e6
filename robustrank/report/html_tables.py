"""The report as one HTML page, to be looked at without any tool."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from robustrank.report.notes import READING
from robustrank.report.numbers import estimate, heading, interval
from robustrank.report.tables import Column, RenderedTable, TableRow, Value, family_once

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Robustness of rankers</title>
<style>
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em; color: #222; }
table { border-collapse: collapse; border: solid; border-width: 2px 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; max-width: 60em; padding: 0.5em 0; }
th, td { padding: 0.25em 0.7em; text-align: right; vertical-align: top; }
th[scope=row], .key { text-align: left; font-weight: normal; }
thead th { border-bottom: 1px solid; }
tr.opens > * { border-top: 1px solid #999; }
tr.turns > * { border-top: 1px solid #ddd; }
small { display: block; color: #666; }
section { overflow-x: auto; margin-bottom: 2.5em; }
img { max-width: 100%; }
</style>
</head>
<body>
<h1>Robustness of rankers</h1>
"""


def document(tables: Sequence[RenderedTable], figures: Sequence[tuple[str, str]]) -> str:
    """Return the page: every table and every figure (name, caption)."""
    shown = [
        f'<figure><img src="figures/{name}.png" alt=""><figcaption>{escape(caption)}</figcaption></figure>'
        for name, caption in figures
    ]
    return _HEAD + "\n".join([f"<p>{escape(READING)}</p>", *map(table, tables), *shown, "</body>", "</html>", ""])


def table(rendered: RenderedTable) -> str:
    """Return the table with its caption above, its legend and notes below."""
    counted = [rendered.units] if rendered.units else []
    keys = "".join(f'<th class="key">{escape(key)}</th>' for key in rendered.keys)
    titles = "".join(f"<th>{escape(title)}</th>" for title in [*counted, *map(heading, rendered.columns)])
    notes = "".join(f"<p>{escape(note)}</p>" for note in (rendered.legend, *rendered.notes) if note)
    above = [None, *rendered.lines]
    rows = "\n".join(_line(rendered, line, above[number]) for number, line in enumerate(rendered.lines))
    return (
        f'<section id="{escape(rendered.name)}"><table>\n'
        f"<caption><b>{escape(rendered.caption)}</b></caption>\n"
        f"<thead><tr>{keys}{titles}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>{notes}</section>"
    )


def _line(rendered: RenderedTable, line: TableRow, above: TableRow | None) -> str:
    keys = "".join(f'<th scope="row">{escape(key)}</th>' for key in family_once(rendered, line, above))
    counts = f"<td>{line.units:,}</td>" if rendered.units else ""
    figures = "".join(_figure(*pair) for pair in zip(line.values, rendered.columns, strict=True))
    rule = " class=opens" if line.opens else " class=turns" if line.turns else ""
    return f"<tr{rule}>{keys}{counts}{figures}</tr>"


def _figure(value: Value, column: Column) -> str:
    text = estimate(value, column).replace("-", "−")
    text = f"<b>{text}</b>" if value.best else text
    between = interval(value, column).replace("-", "−")
    return f"<td>{text}{escape(value.marks)}{f'<small>{between}</small>' if between else ''}</td>"
