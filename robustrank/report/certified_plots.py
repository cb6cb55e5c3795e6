"""Draws what is certified: against K, against the words that may be replaced, against samples, beside its price."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from robustrank.report.certified import Verdict, verdicts
from robustrank.report.labels import drawable
from robustrank.report.plots import COLOURS, MARKS, subplots
from robustrank.report.rowset import RowSet
from robustrank.report.series import series
from robustrank.report.tables import Column, RenderedTable, Table, TableRow
from robustrank.report.unit_table import natural

_WIDTH = 7.0  # inches, the width of a page of text
_HEIGHT = 1.3  # of a panel
_STYLES = ("-", "--", ":")
_SPREAD = 0.5  # of the way between two places: lines stand beside each other, so that equal ones stay visible
_GREY = "#555555"
_PRICE_AT = (1, 10)  # the K whose price is drawn
_CLEAN, _UNDEFENDED, _BELOW_1 = "nDCG@10", "nDCG@10/undefended", "overlap_below_1"


@dataclass(frozen=True)
class Point:
    """One figure of a table in a grid of panels.

    Attributes:
        row, column: Which panel.
        line: What it is about; marks of one line and panel are joined.
        place: Where it stands on the horizontal axis.
        value: Where it stands on the vertical axis.
        hollow: Whether it is drawn hollow.
    """

    row: str
    column: str
    line: str
    place: str | float
    value: float
    hollow: bool = False


def certified_table(rowset: RowSet) -> Table:
    """Return the table that the figures show: a column a verdict that holds, and what it is drawn against."""
    own = [verdict.measure for verdict in verdicts(rowset.measures) if not verdict.published]
    more = [name for name in (_CLEAN, _UNDEFENDED, _BELOW_1) if name in rowset.measures]
    sizes = sorted((name for name in rowset.measures if name.startswith("samples/")), key=natural)
    columns = tuple(Column(name, (name,), compare=False, exact=True) for name in [*own, *more, *sizes])
    return Table("certified", "", "certified-topk", columns if own else ())


def by_k(rendered: RenderedTable) -> Figure | None:
    """Return CRQ against K: a panel a ranker and radius, a line a defense; None where there is but one K."""
    marks = [Point(ranker, f"R = {v.radius}", defense, str(v.k), value) for ranker, defense, v, value in _all(rendered)]
    return _curves(marks, "K")


def by_radius(rendered: RenderedTable) -> Figure | None:
    """Return CRQ against the words replaced: a panel a ranker and K, a line a defense; None where R is always one."""
    marks = [Point(ranker, f"K = {v.k}", defense, v.radius, value) for ranker, defense, v, value in _all(rendered)]
    return _curves(marks, "R, words that an attacker may replace")


def by_samples(rendered: RenderedTable) -> Figure | None:
    """Return CRQ against samples, of defenses that differ in them alone: a line a K; None where there are none such."""
    marks, names = [], _swept(rendered)
    for line in rendered.lines:
        defense = rendered.key(line, "defense")
        if defense in names:
            row = f"{rendered.key(line, 'ranker')}, {names[defense]}"
            marks += [
                Point(
                    row, f"R = {v.radius}", f"K = {v.k}", f"{_figure(line, rendered, f'samples/R={v.radius}'):g}", value
                )
                for v, value in _verdicts(rendered, line)
            ]
    return _curves(marks, "samples a document")


def price(rendered: RenderedTable, k: int) -> Figure | None:
    """Return CRQ against effectiveness on clean lists: a panel a ranker and radius, a mark a defense.

    Trivial certificates, whose every overlap is 1, are hollow; the undefended ranker's effectiveness is a broken line.
    """
    marks, undefended = [], {}
    for line in rendered.lines:
        clean, before, below = (_figure(line, rendered, name) for name in (_CLEAN, _UNDEFENDED, _BELOW_1))
        if clean is None or below is None:
            continue
        ranker = rendered.key(line, "ranker")
        if before is not None:
            undefended[ranker] = before
        marks += [
            Point(ranker, f"R = {v.radius}", rendered.key(line, "defense"), clean, value, hollow=below == 0)
            for v, value in _verdicts(rendered, line)
            if v.k == k
        ]
    return _points(marks, undefended, f"CRQ@{k} %") if marks else None


FIGURES: tuple[tuple[str, str, Callable[[RenderedTable], Figure | None]], ...] = (
    ("certified-k", "Certified queries (CRQ) against K, by at most R replaced words.", by_k),
    ("certified-radius", "Certified queries (CRQ) against R, the words that an attacker may replace.", by_radius),
    ("certified-samples", "Certified queries (CRQ) against the samples a document.", by_samples),
    *(
        (
            f"certified-frontier-{k}",
            f"The frontier: CRQ@{k} against nDCG@10 of clean lists. Hollow ones are trivial: every overlap is 1.",
            partial(price, k=k),
        )
        for k in _PRICE_AT
    ),
)


def _all(rendered: RenderedTable) -> Iterator[tuple[str, str, Verdict, float]]:
    for line in rendered.lines:
        for verdict, value in _verdicts(rendered, line):
            yield rendered.key(line, "ranker"), rendered.key(line, "defense"), verdict, value


def _verdicts(rendered: RenderedTable, line: TableRow) -> Iterator[tuple[Verdict, float]]:
    """Yield what a line says of each verdict, in percent, by radius and K."""
    for verdict in verdicts(column.title for column in rendered.columns):
        if (value := _figure(line, rendered, verdict.measure)) is not None:
            yield verdict, 100 * value


def _figure(line: TableRow, rendered: RenderedTable, measure: str) -> float | None:
    places = [place for place, column in enumerate(rendered.columns) if column.title == measure]
    return line.values[places[0]].estimate if places else None


def _swept(rendered: RenderedTable) -> dict[str, str]:
    """Return the name of the series of each defense that differs from another in its samples alone."""
    sizes = {
        rendered.key(line, "defense"): size
        for line in rendered.lines
        for column in rendered.columns
        if column.title.startswith("samples/") and (size := _figure(line, rendered, column.title)) is not None
    }
    names = series(sizes)
    return {label: name for label, name in names.items() if list(names.values()).count(name) > 1}


def _curves(marks: Sequence[Point], label: str) -> Figure | None:
    """Return marks joined by line; None where nothing varies."""
    places = sorted({str(mark.place) for mark in marks}, key=natural)
    if len(places) < 2:
        return None
    names = _of(marks, "line")
    figure, panels = _panels(marks, names, label, "CRQ %")
    for key, panel in panels.items():
        for number, name in enumerate(names):
            own = sorted(
                (m for m in marks if (m.row, m.column, m.line) == (*key, name)),
                key=lambda m: places.index(str(m.place)),
            )
            shift = _SPREAD * ((number + 0.5) / len(names) - 0.5)
            across = [places.index(str(mark.place)) + shift for mark in own]
            panel.plot(across, [mark.value for mark in own], **_look(number), lw=0.8, markersize=3)
        panel.set_xticks(range(len(places)), places)
    return figure


def _points(marks: Sequence[Point], undefended: dict[str, float], label: str) -> Figure:
    names = _of(marks, "line")
    more = {"undefended": Line2D([], [], color=_GREY, ls="--", lw=0.6)} if undefended else {}
    if any(mark.hollow for mark in marks):
        more["trivial: every overlap is 1"] = Line2D([], [], color=_GREY, marker="o", mfc="white", ls="")
    figure, panels = _panels(marks, names, "nDCG@10 of clean lists", label, more)
    for (row, column), panel in panels.items():
        if row in undefended:
            panel.axvline(undefended[row], color=_GREY, ls="--", lw=0.6)
        for mark in marks:
            if (mark.row, mark.column) == (row, column):
                look = {**_look(names.index(mark.line)), "ls": ""}
                panel.plot([mark.place], [mark.value], **look, mfc="white" if mark.hollow else look["color"])
    return figure


def _look(number: int) -> dict[str, Any]:
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKS[(number + number // len(COLOURS)) % len(MARKS)],  # no two alike, joined or not
        "ls": _STYLES[number // len(COLOURS) % len(_STYLES)],
    }


def _of(marks: Sequence[Point], name: str) -> list[str]:
    return list(dict.fromkeys(getattr(mark, name) for mark in marks))


def _panels(
    marks: Sequence[Point], names: Sequence[str], across: str, up: str, more: Mapping[str, Line2D] | None = None
) -> tuple[Figure, dict[tuple[str, str], Axes]]:
    """Return a figure with an axes for each row and column of the marks, named, and a legend of the names above.

    With ``more`` in the legend, marks are not joined.
    """
    rows, columns = _of(marks, "row"), _of(marks, "column")
    width = min(_WIDTH, 2.4 * len(columns) + 0.6)
    handles = [Line2D([], [], **_look(number), lw=0.8 if more is None else 0) for number in range(len(names))]
    handles += (more or {}).values()
    titles = [*map(drawable, names), *(more or {})]
    # A sign of seven points is about four wide; a handle and its gaps take 40.
    beside = max(1, int(width * 72 / (4 * max(map(len, titles)) + 40)))
    figure, axes = subplots(
        len(rows), len(columns), width, _HEIGHT * len(rows) + 0.15 * -(-len(titles) // beside) + 0.4
    )
    panels = {}
    for number, panel in enumerate(axes):
        row, column = divmod(number, len(columns))
        if row == 0:
            panel.set_title(columns[column])
        if column == 0:
            panel.set_ylabel(f"{drawable(rows[row])}\n{up}")
        panels[rows[row], columns[column]] = panel
    axes[0].set_ylim(-5, 105)
    figure.supxlabel(across, fontsize=7)
    figure.legend(handles, titles, loc="outside upper left", ncols=min(beside, len(titles)))
    return figure, panels
