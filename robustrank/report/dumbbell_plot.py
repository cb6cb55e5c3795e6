"""Dumbbell plot of in-domain against out-of-domain effectiveness, or of seen against unseen query types."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from robustrank.report.plots import COLUMN_WIDTH, described, style_map, subplots
from robustrank.report.tables import RenderedTable, Value

_LINE = 0.2  # inches for each ranker
_FRAME = 0.75  # inches for the axis and the legend
_APART = 0.13  # of a line: how far the two marks stand from its middle, so that their intervals can be told apart
_GREY = "#555555"


def dumbbell_plot(rendered: RenderedTable) -> Figure | None:
    """Return a line for each ranker, which joins the figures of its two columns; None where no ranker has both.

    Args:
        rendered: By ranker and family, from the top down; a ranker that has the first figure alone shows that.
    """
    lines = [line for line in rendered.lines if line.values[0].estimate is not None]
    if not any(line.values[1].estimate is not None for line in lines):
        return None
    figure, (axes,) = subplots(1, 1, COLUMN_WIDTH, _FRAME + _LINE * len(lines))
    styles = style_map(rendered)
    for row, line in enumerate(lines):
        colour = styles[rendered.key(line, "ranker")][0]
        points = [(value, row + shift) for value, shift in zip(line.values, (-_APART, _APART), strict=True)]
        drawn = [(value.estimate, height) for value, height in points if value.estimate is not None]
        axes.plot(*zip(*drawn, strict=True), color=colour, lw=0.8)
        for (value, height), face in zip(points, (colour, "white"), strict=True):
            _mark(axes, value, height, colour, face)
        if line.turns and row:
            axes.axhline(row - 0.5, color="#BBBBBB", lw=0.5)
    axes.set_yticks(range(len(lines)), [described(rendered, line) for line in lines])
    for label, line in zip(axes.get_yticklabels(), lines, strict=True):
        label.set_color(styles[rendered.key(line, "ranker")][0])
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("nDCG@10  →")
    handles = [Line2D([], [], color=_GREY, marker="o", ls="", mfc=face) for face in (_GREY, "white")]
    titles = [column.title for column in rendered.columns]
    figure.legend(handles, titles, loc="outside upper right", ncols=2, handletextpad=0.2, columnspacing=1)
    return figure


def _mark(axes: Axes, value: Value, height: float, colour: str, face: str) -> None:
    if value.interval:
        axes.hlines(height, *value.interval, color=colour, lw=0.6, alpha=0.7)
    if value.estimate is not None:
        axes.plot([value.estimate], [height], "o", color=colour, mfc=face, zorder=3)
