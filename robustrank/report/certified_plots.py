"""Draws CRQ against K, against the certified radius, against samples, and against effectiveness on clean lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from robustrank.report.certified import verdicts
from robustrank.report.entries import Entry
from robustrank.report.labels import drawable
from robustrank.report.order import natural
from robustrank.report.plots import COLOURS, MARKS, subplots
from robustrank.report.rowset import RowSet
from robustrank.report.selection import Select
from robustrank.report.series import series
from robustrank.report.tables import Column, RenderedTable, Table, TableRow
from robustrank.rows import Fact

_WIDTH = 7.0  # inches, the width of a page of text
_HEIGHT = 1.3  # of a panel
_STYLES = ("-", "--", ":")
_SPREAD = 0.5  # of the way between two ticks: curves are beside each other, so that equal ones stay visible
_GREY = "#555555"
_TRADE_OFF_AT = (1, 10)  # the K whose trade-off is drawn
_CLEAN, _UNDEFENDED, _BELOW_1 = Select("nDCG@10"), Select("nDCG@10", "undefended"), Select("overlap_below_1")


@dataclass(frozen=True)
class Point:
    """One figure of a table in a grid of panels.

    Attributes:
        row, column: Which panel.
        line: What it is about; points of one line and panel are joined.
        x: Where it is on the horizontal axis: a number, or a name of a tick.
        y: Where it is on the vertical axis.
        trivial: Whether its certificate is trivial, which is drawn as an open marker.
    """

    row: str
    column: str
    line: str
    x: str | float
    y: float
    trivial: bool = False


def certified_table(rowset: RowSet) -> Table:
    """Return the table that the figures show: a column for each verdict that holds, and what it is drawn against."""
    certified = [Select(*fact) for fact in verdicts(rowset.facts) if not fact.group]
    samples = [Select(*fact) for fact in rowset.facts if fact.measure == "samples"]
    samples.sort(key=lambda select: natural(str(select.radius)))
    axes = [select for select in (_CLEAN, _UNDEFENDED, _BELOW_1) if select.fact in rowset.facts]
    columns = [Column(select.measure, (select,), compare=False, exact=True) for select in [*certified, *axes, *samples]]
    return Table("certified", "", "certified-topk", tuple(columns) if certified else ())


def by_k(rendered: RenderedTable) -> Figure | None:
    """Return CRQ against K: a panel for each ranker and radius, a line for each defense; None where K is one."""
    points = [Point(ranker, _r(fact), defense, str(fact.k), y) for ranker, defense, fact, y in _all(rendered)]
    return _curves(points, "K")


def by_radius(rendered: RenderedTable) -> Figure | None:
    """Return CRQ against the radius: a panel for each ranker and K, a line for each defense; None where R is one."""
    points = [Point(ranker, f"K = {f.k}", defense, str(f.radius), y) for ranker, defense, f, y in _all(rendered)]
    return _curves(points, "R, words that an attacker may replace")


def by_samples(rendered: RenderedTable) -> Figure | None:
    """Return CRQ against samples, of defenses that differ in them alone: a line for each K; None without such."""
    points, names = [], _swept(rendered)
    for line in rendered.lines:
        defense = rendered.key(line, "defense")
        if defense in names:
            row = f"{rendered.key(line, 'ranker').label}, {names[defense]}"
            for fact, y in _verdicts(rendered, line):
                samples = _figure(line, rendered, Fact("samples", radius=fact.radius))
                points.append(Point(row, _r(fact), f"K = {fact.k}", f"{samples:g}", y))
    return _curves(points, "samples per document")


def trade_off(rendered: RenderedTable, k: int) -> Figure | None:
    """Return CRQ against effectiveness on clean lists: a panel for each ranker and radius, a mark for each defense.

    Trivial certificates, whose every overlap is 1, have open markers; the undefended ranker's effectiveness is a dashed
    line.
    """
    points, undefended = [], {}
    for line in rendered.lines:
        clean, before, below = (_figure(line, rendered, s.fact) for s in (_CLEAN, _UNDEFENDED, _BELOW_1))
        if clean is None or below is None:
            continue
        ranker = rendered.key(line, "ranker").label
        if before is not None:
            undefended[ranker] = before
        defense = rendered.key(line, "defense").label
        points += [
            Point(ranker, _r(fact), defense, clean, y, trivial=below == 0)
            for fact, y in _verdicts(rendered, line)
            if fact.k == k
        ]
    return _points(points, undefended, f"CRQ@{k} (%)") if points else None


FIGURES: tuple[tuple[str, str, Callable[[RenderedTable], Figure | None]], ...] = (
    ("certified-k", "CRQ against K, by certified radius R", by_k),
    ("certified-radius", "CRQ against the certified radius R", by_radius),
    ("certified-samples", "CRQ against the samples per document", by_samples),
    *(
        (
            f"certified-trade-off-{k}",
            f"CRQ-effectiveness trade-off: CRQ@{k} against nDCG@10 of clean lists (open markers: trivially certified)",
            partial(trade_off, k=k),
        )
        for k in _TRADE_OFF_AT
    ),
)


def _r(fact: Fact) -> str:
    return f"R = {fact.radius}"


def _all(rendered: RenderedTable) -> Iterator[tuple[str, str, Fact, float]]:
    for line in rendered.lines:
        for fact, y in _verdicts(rendered, line):
            yield rendered.key(line, "ranker").label, rendered.key(line, "defense").label, fact, y


def _verdicts(rendered: RenderedTable, line: TableRow) -> Iterator[tuple[Fact, float]]:
    """Yield what a row says of each verdict, in percent, by radius and K."""
    for fact in verdicts(fact for column in rendered.columns for fact in column.facts):
        if (value := _figure(line, rendered, fact)) is not None:
            yield fact, 100 * value


def _figure(line: TableRow, rendered: RenderedTable, fact: Fact) -> float | None:
    cells = zip(rendered.columns, line.values, strict=True)
    return next((value.estimate for column, value in cells if column.facts == (fact,)), None)


def _swept(rendered: RenderedTable) -> dict[Entry, str]:
    """Return the name of the series of each defense that differs from another in its samples alone."""
    sizes = {
        rendered.key(line, "defense"): size
        for line in rendered.lines
        for column in rendered.columns
        for fact in column.facts
        if fact.measure == "samples" and (size := _figure(line, rendered, fact)) is not None
    }
    names = series(sizes)
    return {defense: name for defense, name in names.items() if list(names.values()).count(name) > 1}


def _curves(points: Sequence[Point], label: str) -> Figure | None:
    """Return the points joined by line; None where nothing varies."""
    ticks = sorted({str(point.x) for point in points}, key=natural)
    if len(ticks) < 2:
        return None
    names = _values(points, "line")
    figure, panels = _panels(points, names, label, "CRQ (%)")
    for key, panel in panels.items():
        for number, name in enumerate(names):
            curve = [p for p in points if (p.row, p.column, p.line) == (*key, name)]
            curve.sort(key=lambda point: ticks.index(str(point.x)))
            shift = _SPREAD * ((number + 0.5) / len(names) - 0.5)
            across = [ticks.index(str(point.x)) + shift for point in curve]
            panel.plot(across, [point.y for point in curve], **_style(number), lw=0.8, markersize=3)
        panel.set_xticks(range(len(ticks)), ticks)
    return figure


def _points(points: Sequence[Point], undefended: dict[str, float], label: str) -> Figure:
    names = _values(points, "line")
    more = {"undefended": Line2D([], [], color=_GREY, ls="--", lw=0.6)} if undefended else {}
    if any(point.trivial for point in points):
        more["trivially certified"] = Line2D([], [], color=_GREY, marker="o", mfc="white", ls="")
    figure, panels = _panels(points, names, "nDCG@10 of clean lists", label, more)
    for (row, column), panel in panels.items():
        if row in undefended:
            panel.axvline(undefended[row], color=_GREY, ls="--", lw=0.6)
        for point in points:
            if (point.row, point.column) == (row, column):
                look = {**_style(names.index(point.line)), "ls": ""}
                panel.plot([point.x], [point.y], **look, mfc="white" if point.trivial else look["color"])
    return figure


def _style(number: int) -> dict[str, Any]:
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKS[(number + number // len(COLOURS)) % len(MARKS)],  # no two alike, joined or not
        "ls": _STYLES[number // len(COLOURS) % len(_STYLES)],
    }


def _values(points: Sequence[Point], name: str) -> list[str]:
    return list(dict.fromkeys(getattr(point, name) for point in points))


def _panels(
    points: Sequence[Point], names: Sequence[str], across: str, up: str, more: Mapping[str, Line2D] | None = None
) -> tuple[Figure, dict[tuple[str, str], Axes]]:
    """Return a figure with an axes for each row and column of the points, named, and a legend of the names above.

    With ``more`` in the legend, points are not joined.
    """
    rows, columns = _values(points, "row"), _values(points, "column")
    width = min(_WIDTH, 2.4 * len(columns) + 0.6)
    handles = [Line2D([], [], **_style(number), lw=0.8 if more is None else 0) for number in range(len(names))]
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
