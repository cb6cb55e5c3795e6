"""Draws charts: one look in every figure, for print and screen, told apart without colour."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any

from adjustText import adjust_text
from matplotlib import font_manager, style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from robustrank.analysis.order import natural
from robustrank.report.chart import Chart, Point

# Okabe and Ito's colours, told apart by the colour-blind; yellow, too pale for lines, is left out.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKS = ("o", "s", "^", "D", "v", "P", "X")
STYLE = {
    "font.size": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.titlesize": 7,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E5E5E5",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # publishers refuse Type 3 fonts
    "text.parse_math": False,  # a label may hold dollar signs
}
_COLUMN, _PAGE = 3.33, 7.0  # inches, a column and a page of text
_PANEL = 2.3  # inches, the width of one of several panels
_ACROSS = 3  # panels side by side
_TICKS = 6  # named on an axis of numbers
_SPREAD = 0.3  # of the way between two names of ticks: lines are beside each other, so that equal ones stay visible


def look(number: int) -> tuple[str, str]:
    """Return the colour and mark of a series; no two of 49 are alike."""
    return COLOURS[number % len(COLOURS)], MARKS[(number + number // len(COLOURS)) % len(MARKS)]


def drawn(chart: Chart) -> Figure:
    """Return the chart as a figure."""
    with style.context(["default", STYLE]):  # whatever the user's own settings are
        across = min(_ACROSS, len(chart.panels))
        down = -(-len(chart.panels) // across)
        legend = not chart.names or len(chart.looks) < len(_names(chart))
        width = _COLUMN if across == 1 else min(_PAGE, _PANEL * across)
        height = (2.6 if across == 1 else 0.8 * _PANEL) * down + 0.15 * len(chart.looks) * legend
        if chart.kind == "pairs":
            height = 0.5 + 0.16 * len(_names(chart)) * down
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        axes = list(figure.subplots(down, across, squeeze=False, sharex=True, sharey=True).flat)
        for panel in axes[len(chart.panels) :]:
            panel.set_visible(False)
        draw = {"scatter": _scatter, "pairs": _pairs, "lines": _lines}[chart.kind]
        for panel, (title, points) in zip(axes, chart.panels.items(), strict=False):
            panel.set_title(drawable(title), fontsize=7)
            draw(panel, points, chart)
        figure.supxlabel(drawable(chart.x_title), fontsize=7)
        figure.supylabel(drawable(chart.y_title), fontsize=7)
        if legend:
            _legend(figure, chart, width)
        figure.draw_without_rendering()
        figure.set_layout_engine(None)  # or each file would be laid out again, and by names beside marks
        if chart.kind == "scatter":
            for panel, points in zip(axes, chart.panels.values(), strict=False):
                _write_names(panel, points, chart)
    return figure


def saved(figure: Figure, kind: str) -> bytes:
    """Return the figure as a file of the kind "pdf" or "png", without a date: the same at every call."""
    file = io.BytesIO()
    metadata = {"CreationDate": None} if kind == "pdf" else {"Software": None}
    with style.context(["default", STYLE]):
        figure.savefig(file, format=kind, dpi=200, metadata=metadata)
    return file.getvalue()


def drawable(text: str) -> str:
    """Return ``text`` on one line, with characters that the font lacks replaced."""
    font = font_manager.get_font(font_manager.findfont(font_manager.FontProperties()))
    return "".join(c if font.get_char_index(ord(c)) else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))


def _scatter(axes: Axes, points: Sequence[Point], chart: Chart) -> None:
    for point in points:
        colour, mark = look(chart.looks[point.series])
        _interval(axes, point, colour)
        axes.plot([point.x], [point.y], mark, color=colour, mfc="white" if point.is_open else colour, zorder=3)
    axes.margins(0.22)


def _write_names(axes: Axes, points: Sequence[Point], chart: Chart) -> None:
    """Write names beside marks where they cover neither each other nor a mark."""
    xs, ys = [float(p.x) for p in points], [p.y for p in points]
    texts = [
        axes.text(x, y, drawable(p.name), color=look(chart.looks[p.series])[0], fontsize=6.5)
        for x, y, p in zip(xs, ys, points, strict=True)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        line = {"arrowstyle": "-", "color": "#999999", "lw": 0.4}
        adjust_text(
            texts, xs, ys, ax=axes, arrowprops=line, iter_lim=200
        )  # no time limit: a figure does not depend on the speed


def _pairs(axes: Axes, points: Sequence[Point], chart: Chart) -> None:
    """Draw a line from the first value to the second for each name."""
    for row, point in enumerate(reversed(points)):
        colour, _ = look(chart.looks[point.series])
        axes.plot([float(point.x), point.y], [row, row], color=colour, lw=1)
        axes.plot([float(point.x)], [row], "o", color=colour)
        axes.plot([point.y], [row], "o", color=colour, mfc="white")
    axes.set_yticks(range(len(points)), [drawable(point.name) for point in reversed(points)])


def _lines(axes: Axes, points: Sequence[Point], chart: Chart) -> None:
    names = sorted({str(p.x) for ps in chart.panels.values() for p in ps if isinstance(p.x, str)}, key=natural)
    values = sorted({p.x for ps in chart.panels.values() for p in ps if not isinstance(p.x, str) and not p.name})
    ticks: dict[Any, float] = {}
    if names or len(values) <= _TICKS:  # few values, as names of ticks
        ticks = {x: float(i) for i, x in enumerate([*values, *names])}
    for number, (series, dashed) in enumerate((s, d) for s in chart.looks for d in (False, True)):
        curve = [p for p in points if (p.series, p.dashed) == (series, dashed) and not p.name]
        curve.sort(key=lambda point: ticks.get(point.x, point.x if isinstance(point.x, float) else 0.0))
        if not curve:
            continue
        colour, mark = look(chart.looks[series])
        shift = _SPREAD * ((number + 0.5) / (2 * len(chart.looks)) - 0.5) if ticks else 0.0
        across = [ticks.get(p.x, p.x) + shift for p in curve]  # type: ignore[operator]
        many = len(curve) > 2 * _TICKS
        axes.plot(
            across, [p.y for p in curve], "--" if dashed else "-", color=colour, marker="" if many else mark, lw=0.9
        )
        for x, point in zip(across, curve, strict=True):
            if point.up:
                axes.vlines(x, *point.up, color=colour, lw=0.6, alpha=0.7)
        for point in points:
            if point.series == series and point.name:
                axes.plot([point.x], [point.y], mark, color=colour, zorder=3)
    if ticks:
        axes.set_xticks(list(ticks.values()), [f"{x:g}" if isinstance(x, float) else str(x) for x in ticks])


def _interval(axes: Axes, point: Point, colour: str) -> None:
    if point.across:
        axes.hlines(point.y, *point.across, color=colour, lw=0.6, alpha=0.6)
    if point.up:
        axes.vlines(float(point.x), *point.up, color=colour, lw=0.6, alpha=0.6)


def _legend(figure: Figure, chart: Chart, width: float) -> None:
    handles = []
    for number in chart.looks.values():
        colour, mark = look(number)
        handles.append(Line2D([], [], color=colour, marker=mark, ls="" if chart.names else "-", lw=0.9))
    titles = list(map(drawable, chart.looks))
    if any(point.dashed for points in chart.panels.values() for point in points):
        handles.append(Line2D([], [], color="#767676", ls="--"))
        titles.append("random-edit baseline")
    # A sign of seven points is about four wide; a handle and its gaps take 40.
    beside = max(1, int(width * 72 / (4 * max(map(len, titles)) + 40)))
    figure.legend(handles, titles, loc="outside upper left", ncols=min(beside, len(titles)))


def _names(chart: Chart) -> set[str]:
    return {point.name for points in chart.panels.values() for point in points}
