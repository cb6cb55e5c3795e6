"""Turns the report's tables and figures into what the page shows: the one place that knows both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from robustrank.report.figures import Drawn
from robustrank.report.notes import READING
from robustrank.report.numbers import estimate, heading, interval
from robustrank.report.page import Cell, FigureView, Head, Section, TableView
from robustrank.report.tables import Column, RenderedTable, TableRow, Value

_COLUMNS = 3  # whose extremes a figure's text names


def sections(tables: Sequence[RenderedTable], figures: Sequence[Drawn]) -> list[Section]:
    """Return the summaries with the figures first, and the rest as an appendix."""
    headline = [table for table in tables if table.name.startswith("summary")]
    rest = [table for table in tables if table not in headline]
    return [
        Section("Summary", tuple(map(table_view, headline)), tuple(map(figure_view, figures))),
        Section("Appendix: all tables", tuple(map(table_view, rest)), is_appendix=True),
    ]


def table_view(rendered: RenderedTable) -> TableView:
    """Return a table as the page shows it, with links to its files."""
    counted = [Head(rendered.units)] if rendered.units else []
    heads = [*(Head(key, is_number=False) for key in rendered.keys), *counted]
    return TableView(
        rendered.name,
        _title(rendered.caption),
        rendered.caption,
        (*heads, *(Head(heading(column)) for column in rendered.columns)),
        tuple(tuple(_cells(rendered, line)) for line in rendered.lines),
        tuple(filter(None, (rendered.legend, *rendered.notes, READING))),
        tuple((kind, f"tables/{rendered.name}.{kind.lower()}") for kind in ("CSV", "TeX", "MD")),
    )


def figure_view(drawn: Drawn) -> FigureView:
    """Return a figure as the page shows it, with its values in words."""
    links = (("PDF", f"figures/{drawn.name}.pdf"), ("PNG", f"figures/{drawn.name}.png"))
    alt = " ".join([drawn.caption, *_extremes(drawn.rendered)])
    return FigureView(drawn.name, _title(drawn.caption), drawn.caption, alt, drawn.saved("png"), links)


def _title(caption: str) -> str:
    return caption.partition(":")[0].partition(",")[0]


def _cells(rendered: RenderedTable, line: TableRow) -> Iterator[Cell]:
    yield from (Cell(label, label or None) for label in line.labels)
    if rendered.units:
        yield Cell(f"{line.units:,}", line.units)
    for value, column in zip(line.values, rendered.columns, strict=True):
        yield Cell(_figure(value, column), value.estimate, _minus(interval(value, column)), value.marks, value.best)


def _figure(value: Value, column: Column) -> str:
    return _minus(estimate(value, column))


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _extremes(rendered: RenderedTable) -> Iterator[str]:
    """Yield for each of the first columns its least and its greatest figure, and what they are of."""
    for position, column in enumerate(rendered.columns[:_COLUMNS]):
        lines = [line for line in rendered.lines if line.values[position].estimate is not None]
        ordered = sorted(lines, key=lambda line: line.values[position].estimate or 0)
        if ordered:
            ends = (
                f"{_figure(line.values[position], column)} ({', '.join(filter(None, line.labels))})"
                for line in (ordered[0], ordered[-1])
            )
            yield f"{heading(column)} from {' to '.join(ends)}."
