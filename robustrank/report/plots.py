"""Draws a table with its figures: effectiveness against robustness, or ASR against the size of an attack's edit."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from robustrank.report.entries import NONE, Entry
from robustrank.report.labels import drawable, label_points
from robustrank.report.order import natural
from robustrank.report.series import series
from robustrank.report.tables import Column, RenderedTable, TableRow, Value

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
_CONTROL = "#767676"
COLUMN_WIDTH = 3.33  # inches, the width of a column of text
_PANEL = 2.3  # inches, the width of one of several panels
_PANELS = 3  # side by side
_NAME = 34  # characters of a name on one line
_FEW = 6  # points of a small figure
_TICKS = 6  # budgets named on the axis

Victim = tuple[Entry, Entry]  # a ranker and its defense


def trade_off(rendered: RenderedTable) -> Figure | None:
    """Return a point for each ranker and defense: the two columns are x and y; None without a point.

    Families differ in colour and rankers in marker; defended rankers have open markers.

    Args:
        rendered: By ranker, with its family where that is known, and defense where there are defenses.
    """
    lines = [line for line in rendered.lines if all(value.estimate is not None for value in line.values)]
    if not lines:
        return None
    many = len(lines) > _FEW
    figure, (axes,) = subplots(1, 1, COLUMN_WIDTH, 3.6 if many else 2.6)
    canvas: Any = FigureCanvasAgg(figure)
    styles = style_map(rendered)
    for line in lines:
        (x, y), (colour, mark) = _xy(line), styles[rendered.key(line, "ranker")]
        for start, end in _bars(line):
            axes.plot(*zip(start, end, strict=True), color=colour, lw=0.4 if many else 0.6, alpha=0.5 if many else 0.7)
        axes.plot([x], [y], mark, color=colour, mfc=_face(rendered, line, colour), zorder=3)
    axes.set_xlabel(_directed(rendered.columns[0]))
    axes.set_ylabel(_directed(rendered.columns[1]))
    axes.margins(0.22)
    families_legend(figure, rendered)
    canvas.draw()
    figure.set_layout_engine("none")  # names must not move the axes
    names, bars = [described(rendered, line) for line in lines], [bar for line in lines for bar in _bars(line)]
    colours = [styles[rendered.key(line, "ranker")][0] for line in lines]
    label_points(axes, canvas.get_renderer(), names, [_xy(line) for line in lines], bars, colours)
    return figure


def style_map(rendered: RenderedTable) -> dict[Entry, tuple[str, str]]:
    """Return the colour and mark of each ranker: a colour for each family, and within it a mark for each ranker.

    Where there is but one family, or none is named, colours tell rankers apart.
    """
    members: dict[Entry, list[Entry]] = {}
    for line in rendered.lines:
        family = members.setdefault(rendered.key(line, "family"), [])
        if (ranker := rendered.key(line, "ranker")) not in family:
            family.append(ranker)
    if len(members) == 1:
        (rankers,) = members.values()
        return {ranker: (COLOURS[i % len(COLOURS)], MARKS[i % len(MARKS)]) for i, ranker in enumerate(rankers)}
    return {
        ranker: (COLOURS[number % len(COLOURS)], MARKS[i % len(MARKS)])
        for number, rankers in enumerate(members.values())
        for i, ranker in enumerate(rankers)
    }


def families_legend(figure: Figure, rendered: RenderedTable) -> None:
    """Write above the axes which colour is which family, where there are several."""
    styles = style_map(rendered)
    families = {rendered.key(line, "family"): styles[rendered.key(line, "ranker")][0] for line in rendered.lines}
    if len(families) > 1:
        handles = [Line2D([], [], color=colour, marker="o", ls="") for colour in families.values()]
        names = [drawable(family.label) for family in families]
        figure.legend(handles, names, loc="outside upper left", ncols=2, handletextpad=0.2, columnspacing=1)


def _face(rendered: RenderedTable, line: TableRow, colour: str) -> str:
    return colour if rendered.key(line, "defense").name in ("", NONE) else "white"


def _directed(column: Column) -> str:
    unit = " (%)" if column.percent else ""
    return f"{column.title}{unit}  {'←' if column.higher_is_better is False else '→'}"


def budget_curves(rendered: RenderedTable) -> Figure | None:
    """Return a panel for each ranker and defense: ASR by budget, a line for each attack, its baseline dashed.

    Args:
        rendered: By attack, ranker, and defense where there are defenses; its columns are ASR, that of the random-edit
            baseline, and budget.
    """
    lines = [line for line in rendered.lines if None not in (line.values[0].estimate, line.values[2].estimate)]
    if not lines:
        return None
    names = series({rendered.key(line, "attack"): _figure(line.values[2]) for line in lines})
    attacks = sorted(set(names.values()), key=natural)
    victims = {line.keys: (rendered.key(line, "ranker"), rendered.key(line, "defense")) for line in lines}
    figure, panels = _panels(list(dict.fromkeys(victims.values())), len(attacks))
    for victim, panel in panels.items():
        of_victim = [line for line in lines if victims[line.keys] == victim]
        for number, attack in enumerate(attacks):
            curve = [line for line in of_victim if names[rendered.key(line, "attack")] == attack]
            colour = COLOURS[number % len(COLOURS)]
            _curve(panel, curve, 0, colour, MARKS[number % len(MARKS)], "-")
            _curve(panel, curve, 1, colour, ".", "--")
        panel.set_title(described(rendered, of_victim[0]))
    budgets = sorted({_figure(line.values[2]) for line in lines})
    panel.set_xticks(budgets if len(budgets) <= _TICKS else np.linspace(budgets[0], budgets[-1], _TICKS))
    panel.set_ylim(bottom=0)
    figure.supxlabel("size of the edit, in the attack's own unit", fontsize=7)
    figure.supylabel("ASR (share of targets)", fontsize=7)
    _legend(figure, [drawable(attack) for attack in attacks])
    return figure


def _panels(victims: Sequence[Victim], attacks: int) -> tuple[Figure, dict[Victim, Axes]]:
    """Return a figure with an axes for each ranker and defense: a row for each ranker where there are defenses."""
    rankers, defenses = (list(dict.fromkeys(axis)) for axis in zip(*victims, strict=True))
    cells = {victim: (rankers.index(victim[0]), defenses.index(victim[1])) for victim in victims}
    if len(defenses) == 1:
        cells = {victim: divmod(number, _PANELS) for number, victim in enumerate(victims)}
    down, across = (1 + max(numbers) for numbers in zip(*cells.values(), strict=True))
    width = COLUMN_WIDTH if across == 1 else _PANEL * across
    figure, axes = subplots(down, across, width, 0.8 * _PANEL * down + 0.18 * (attacks + 2))
    for number, panel in enumerate(axes):
        panel.set_visible(divmod(number, across) in cells.values())
    return figure, {victim: axes[row * across + column] for victim, (row, column) in cells.items()}


def _curve(panel: Axes, lines: Sequence[TableRow], column: int, colour: str, mark: str, style: str) -> None:
    """Draw one column of the lines against their budgets; a lone point has a bar instead of a band."""
    drawn = [line for line in lines if line.values[column].estimate is not None]
    drawn.sort(key=lambda line: _figure(line.values[2]))
    budgets, values = ([_figure(line.values[i]) for line in drawn] for i in (2, column))
    ends = np.array([line.values[column].interval or (math.nan, math.nan) for line in drawn]).reshape(-1, 2)
    panel.plot(budgets, values, style, color=colour, marker=mark, zorder=3)
    if len(drawn) > 1:
        panel.fill_between(budgets, *ends.T, color=colour, alpha=0.16 if style == "-" else 0.07, lw=0)
    else:
        panel.vlines(budgets, *ends.T, color=colour, lw=0.6)


def _legend(figure: Figure, attacks: Sequence[str]) -> None:
    names = [*attacks, "random-edit baseline"]
    handles = [
        Line2D([], [], color=COLOURS[i % len(COLOURS)], marker=MARKS[i % len(MARKS)]) for i in range(len(attacks))
    ]
    handles.append(Line2D([], [], color=_CONTROL, ls="--", marker="."))
    # A sign of seven points is about four wide; a handle and its gaps take 40.
    room = int(figure.get_figwidth() * 72 / (4 * max(map(len, names)) + 40))
    figure.legend(handles, names, loc="outside upper left", ncols=min(max(room, 1), len(names)))


def subplots(down: int, across: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure of this size in inches, and its axes row by row, which share their scales."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(down, across, squeeze=False, sharex=True, sharey=True).flat)


def described(rendered: RenderedTable, line: TableRow) -> str:
    """Return the label of a ranker with that of its defense."""
    ranker, defense = rendered.key(line, "ranker"), rendered.key(line, "defense")
    text = ranker.label if defense.name in ("", NONE) else f"{ranker.label} + {defense.label}"
    return textwrap.fill(drawable(text), _NAME)


def _xy(line: TableRow) -> tuple[float, float]:
    return _figure(line.values[0]), _figure(line.values[1])


def _bars(line: TableRow) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """Yield the ends of the intervals: across, then up."""
    x, y = _xy(line)
    across, up = (value.interval for value in line.values)
    if across:
        yield (across[0], y), (across[1], y)
    if up:
        yield (x, up[0]), (x, up[1])


def _figure(value: Value) -> float:
    return math.nan if value.estimate is None else value.estimate
