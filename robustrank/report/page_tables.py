"""Turns the report's tables and figures into what the page shows: the one module that knows both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from robustrank.report.figures import Drawn
from robustrank.report.notes import READING
from robustrank.report.numbers import estimate, heading, interval
from robustrank.report.page import Cell, FigureView, Section, TableView
from robustrank.report.tables import RenderedTable

_COLUMNS = 3  # whose extremes a figure's text names


def sections(tables: Sequence[RenderedTable], figures: Sequence[Drawn]) -> list[Section]:
    """Return the summaries with the figures first, and the rest as an appendix."""
    headline = [table for table in tables if table.name.startswith("summary")]
    rest = [table for table in tables if table not in headline]
    return [
        Section("Summary", list(map(table_view, headline)), list(map(figure_view, figures))),
        Section("Appendix: all tables", list(map(table_view, rest)), is_appendix=True),
    ]


def table_view(rendered: RenderedTable) -> TableView:
    """Return a table as the page shows it, with links to its files."""
    counted = (rendered.units,) if rendered.units else ()
    rows = []
    for line in rendered.lines:
        cells = [Cell(f"{line.units:,}", line.units)] if counted else []
        for value, column in zip(line.values, rendered.columns, strict=True):
            text, between = (
                written.replace("-", "−") for written in (estimate(value, column), interval(value, column))
            )
            cells.append(Cell(text, value.estimate, between, value.marks, value.best))
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


def figure_view(drawn: Drawn) -> FigureView:
    """Return a figure as the page shows it, with its extreme values in words."""
    links = tuple((kind, f"figures/{drawn.name}.{kind.lower()}") for kind in ("PDF", "PNG"))
    alt = " ".join([drawn.caption, *_extremes(table_view(drawn.rendered))])
    return FigureView(drawn.name, _title(drawn.caption), drawn.caption, alt, drawn.saved("png"), links)


def _title(caption: str) -> str:
    return caption.partition(":")[0].partition(",")[0]


def _extremes(view: TableView) -> Iterator[str]:
    """Yield for each of the last columns its least and its greatest figure, and what they are of."""
    for position, column in list(enumerate(view.columns))[-_COLUMNS:]:
        known = [(cells[position], labels) for labels, cells in view.rows if cells[position].sort is not None]
        if known:
            known.sort(key=lambda pair: pair[0].sort or 0)
            ends = (f"{cell.text} ({', '.join(filter(None, labels))})" for cell, labels in (known[0], known[-1]))
            yield f"{column} from {' to '.join(ends)}."
