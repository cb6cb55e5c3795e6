"""Turns the report's tables and figures into what the page shows: the one module that knows both."""

from __future__ import annotations

from collections.abc import Sequence

from robustrank.analysis.estimated import RenderedTable
from robustrank.analysis.notes import READING
from robustrank.report.chart import Chart
from robustrank.report.numbers import heading
from robustrank.report.page import Cell, FigureView, Section, TableView
from robustrank.report.view import cell


def sections(tables: Sequence[RenderedTable], figures: Sequence[tuple[Chart, bytes]]) -> list[Section]:
    """Return the headline tables with the figures (each with its PNG) first, and the rest as an appendix."""
    headline = [table_view(table) for table in tables if table.headline]
    rest = [table_view(table) for table in tables if not table.headline]
    return [
        Section("Headline", headline, [figure_view(chart, png) for chart, png in figures]),
        *([Section("Appendix: all other tables", rest, is_appendix=True)] if rest else []),
    ]


def table_view(rendered: RenderedTable) -> TableView:
    """Return a table as the page shows it, with links to its files."""
    counted = (rendered.units,) if rendered.units else ()
    rows = []
    for line in rendered.lines:
        cells = [Cell(f"{line.units:,}", line.units)] if counted else []
        for value, column in zip(line.values, rendered.columns, strict=True):
            shown = cell(value, column)
            cells.append(Cell(shown.text, value.estimate, shown.interval, shown.marks, shown.best))
        rows.append((line.labels, tuple(cells)))
    return TableView(
        rendered.name,
        _title(rendered.caption),
        rendered.caption,
        rendered.keys,
        (*counted, *map(heading, rendered.columns)),
        tuple(rows),
        tuple(filter(None, (rendered.legend, *rendered.notes, READING))),
        tuple((kind, f"tables/{rendered.name}.{kind.lower()}") for kind in ("CSV", "TeX", "MD")),
    )


def figure_view(chart: Chart, png: bytes) -> FigureView:
    """Return a figure as the page shows it, with its values in words."""
    links = tuple((kind, f"figures/{chart.name}.{kind.lower()}") for kind in ("PDF", "PNG"))
    return FigureView(chart.name, _title(chart.caption), chart.caption, chart.alt, png, links)


def _title(caption: str) -> str:
    return caption.partition(":")[0].partition(",")[0]
