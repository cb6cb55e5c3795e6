"""Draws how well imitations agree with their victim, against the queries they asked of it."""

from __future__ import annotations

import re

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from robustrank.report.labels import drawable
from robustrank.report.plots import COLOURS, MARKS, described, subplots
from robustrank.report.rowset import RowSet
from robustrank.report.tables import Column, RenderedTable, Table, TableRow
from robustrank.report.unit_table import plug_in

TASK = "imitation"
_ASKED, _AGREEMENT = "prepare/queries", ("overlap@10", "RBO")
_PANEL = 2.0  # inches


def agreement_table(rowset: RowSet) -> Table:
    """Return the table that the figure shows: for each imitation, what it asked and how well it agrees."""
    tasks = [task for task in rowset.tasks if plug_in(task) == TASK]
    columns = tuple(
        Column(name, (name,), compare=False, exact=name == _ASKED, task=task)
        for task in tasks
        for name in (_ASKED, *_AGREEMENT)
    )
    return Table("imitation-curve", "Agreement of imitations with their victim.", TASK, columns)


def agreement_curves(rendered: RenderedTable) -> Figure | None:
    """Return a panel a victim, with a curve a surrogate and measure; None where no surrogate asked twice.

    Args:
        rendered: The table of :func:`agreement_table`, by ranker and defense.
    """
    curves = {line.keys: own for line in rendered.lines if (own := _curves(rendered, line))}
    names = list(dict.fromkeys(name for own in curves.values() for name in own))
    if not any(len(points) > 1 for own in curves.values() for points in own.values()):
        return None
    figure, axes = subplots(1, len(curves), max(_PANEL * len(curves), 1.5 * _PANEL), _PANEL + 0.2 * len(names))
    for panel, line in zip(axes, (line for line in rendered.lines if line.keys in curves), strict=True):
        for name, points in curves[line.keys].items():
            colour, mark = COLOURS[names.index(name) % len(COLOURS)], MARKS[names.index(name) % len(MARKS)]
            asked, agreed, low, high = zip(*sorted(points), strict=True)
            panel.plot(asked, agreed, color=colour, marker=mark)
            panel.vlines(asked, low, high, color=colour, lw=0.6)
        panel.set_xscale("log")
        panel.set_xticks(asked, [f"{count:,.0f}" for count in asked])
        panel.minorticks_off()
        panel.set_title(described(rendered, line))
    figure.supxlabel("documents that the victim ranked for the surrogate", fontsize=7)
    axes[0].set_ylabel("agreement  →")
    handles = [Line2D([], [], color=COLOURS[i % len(COLOURS)], marker=MARKS[i % len(MARKS)]) for i in range(len(names))]
    figure.legend(handles, [drawable(name) for name in names], loc="outside upper left", ncols=1)
    return figure


def _curves(rendered: RenderedTable, line: TableRow) -> dict[str, list[tuple[float, float, float, float]]]:
    """Return by surrogate and measure the queries asked, the agreement, and the ends of its interval."""
    asked = {
        column.task: value.estimate
        for column, value in zip(rendered.columns, line.values, strict=True)
        if column.title == _ASKED and value.estimate
    }
    curves: dict[str, list[tuple[float, float, float, float]]] = {}
    surrogates = {task: re.sub(r"\bqueries=\d+,?", "", task) for task in asked}
    for column, value in zip(rendered.columns, line.values, strict=True):
        if column.title == _ASKED or value.estimate is None or column.task not in asked:
            continue
        several = len(set(surrogates.values())) > 1
        name = f"{column.title}, {surrogates[column.task]}" if several else column.title
        low, high = value.interval or (value.estimate, value.estimate)
        curves.setdefault(name, []).append((asked[column.task], value.estimate, low, high))
    return curves
