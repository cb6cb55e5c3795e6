"""Draws how well imitation models agree with their victim, against the queries made to it."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from robustrank.report.labels import drawable
from robustrank.report.plots import COLOURS, MARKS, described, subplots
from robustrank.report.rowset import RowSet
from robustrank.report.selection import Select
from robustrank.report.series import series_without
from robustrank.report.tables import Column, RenderedTable, Table, TableRow

TASK = "imitation"
_QUERIES = Column("queries to the victim", (Select("queries", group="prepare"),), compare=False, exact=True, units="")
_AGREEMENT = tuple(Column(name, (Select(name),), compare=False) for name in ("overlap@10", "RBO"))
_PANEL = 2.0  # inches

Curve = list[tuple[float, float, float, float]]  # queries, agreement, ends of its interval


def agreement_table(rowset: RowSet) -> Table:
    """Return the table that the figure shows: for each imitation, its queries to the victim and its agreement."""
    columns = []
    tasks = [task for task in rowset.tasks if task.name == TASK]
    names = series_without(tasks, ("queries",))
    several = len(set(names.values())) > 1
    for task in tasks:
        for column in (_QUERIES, *_AGREEMENT):
            title = f"{column.title}, {names[task]}" if several and column is not _QUERIES else column.title
            columns.append(Column(title, column.measures, compare=False, exact=column.exact, task_key=task.key))
    return Table("imitation-curve", "Agreement of imitation models with their victim", TASK, tuple(columns))


def agreement_curves(rendered: RenderedTable) -> Figure | None:
    """Return a panel for each victim, with a curve for each surrogate and measure; None without two points on one.

    Args:
        rendered: The table of :func:`agreement_table`, by ranker and defense.
    """
    curves = {line.keys: of_line for line in rendered.lines if (of_line := _curves(rendered, line))}
    names = list(dict.fromkeys(name for of_line in curves.values() for name in of_line))
    if not any(len(points) > 1 for of_line in curves.values() for points in of_line.values()):
        return None
    figure, axes = subplots(1, len(curves), max(_PANEL * len(curves), 1.5 * _PANEL), _PANEL + 0.2 * len(names))
    for panel, line in zip(axes, (line for line in rendered.lines if line.keys in curves), strict=True):
        for name, points in curves[line.keys].items():
            colour, mark = COLOURS[names.index(name) % len(COLOURS)], MARKS[names.index(name) % len(MARKS)]
            queries, agreement, low, high = zip(*sorted(points), strict=True)
            panel.plot(queries, agreement, color=colour, marker=mark)
            panel.vlines(queries, low, high, color=colour, lw=0.6)
        panel.set_xscale("log")
        panel.set_xticks(queries, [f"{count:,.0f}" for count in queries])
        panel.minorticks_off()
        panel.set_title(described(rendered, line))
    figure.supxlabel("queries to the victim (documents ranked for the surrogate)", fontsize=7)
    axes[0].set_ylabel("agreement  →")
    handles = [Line2D([], [], color=COLOURS[i % len(COLOURS)], marker=MARKS[i % len(MARKS)]) for i in range(len(names))]
    figure.legend(handles, [drawable(name) for name in names], loc="outside upper left", ncols=1)
    return figure


def _curves(rendered: RenderedTable, line: TableRow) -> dict[str, Curve]:
    """Return the points of each surrogate and measure."""
    cells = list(zip(rendered.columns, line.values, strict=True))
    queries = {column.task_key: value.estimate for column, value in cells if column.exact and value.estimate}
    curves: dict[str, Curve] = {}
    for column, value in cells:
        if not column.exact and value.estimate is not None and column.task_key in queries:
            low, high = value.interval or (value.estimate, value.estimate)
            curves.setdefault(column.title, []).append((queries[column.task_key], value.estimate, low, high))
    return curves
