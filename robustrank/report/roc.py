"""Draws a detector's ROC curves: attacked documents detected against clean ones flagged, a curve an attack."""

from __future__ import annotations

import functools

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from robustrank.measures.detection import detection_rate
from robustrank.report.labels import drawable
from robustrank.report.plots import COLOURS, MARKS, described, subplots
from robustrank.report.tables import Column, RenderedTable, Table, TableRow
from robustrank.report.unit_table import natural

GRID = (0.0, 0.01, 0.02, *(round(0.05 * number, 2) for number in range(1, 21)))  # false-alarm rates of the curve
_PANEL = 1.9  # inches, the side of a panel
_ACROSS = 3  # panels side by side


ROC = Table(
    name="roc",
    caption=(
        "ROC curves of the detectors: attacked documents detected, against the same documents flagged as they were; "
        "the dot is the detector at its own threshold."
    ),
    task="document-attack",
    rows=("attack", "ranker", "defense"),
    columns=(
        *(
            Column(
                f"{share:g}",
                ("suspicion", "suspicion/before"),
                statistic=functools.partial(detection_rate, target_fpr=share),
                compare=False,
                exact=True,
            )
            for share in GRID
        ),
        *(Column(name, (name,), compare=False, exact=True) for name in ("flagged/before", "flagged")),
    ),
)


def roc_curves(rendered: RenderedTable) -> Figure | None:
    """Return a panel a ranker and detector with a curve an attack; None where nothing was detected.

    Args:
        rendered: The table ``ROC``, by attack, ranker, and defense: rates over the grid, then the detector's own two.
    """
    lines = [line for line in rendered.lines if all(value.estimate is not None for value in line.values)]
    if not lines:
        return None
    attacks = sorted({rendered.key(line, "attack") for line in lines}, key=natural)
    panels: dict[tuple[str, str], list[TableRow]] = {}
    for line in lines:
        panels.setdefault((rendered.key(line, "ranker"), rendered.key(line, "defense")), []).append(line)
    across = min(_ACROSS, len(panels))
    down = -(-len(panels) // across)
    figure, axes = subplots(down, across, max(2, across) * _PANEL, down * _PANEL + 0.15 * len(attacks) + 0.2)
    for panel, own in zip(axes, panels.values(), strict=False):
        panel.plot([0, 1], [0, 1], color="#BBBBBB", lw=0.6, ls=":")
        for line in own:
            number = attacks.index(rendered.key(line, "attack"))
            *rates, alarms, found = [float(value.estimate or 0) for value in line.values]
            panel.plot(GRID, rates, color=_colour(number), ls=_dash(number))
            panel.plot([alarms], [found], MARKS[number % len(MARKS)], color=_colour(number), zorder=3)
        panel.set_title(described(rendered, own[0]))
        panel.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    for panel in axes[len(panels) :]:
        panel.set_visible(False)
    figure.supxlabel("share of clean documents flagged", fontsize=7)
    figure.supylabel("share of attacked documents detected", fontsize=7)
    handles = [Line2D([], [], color=_colour(i), ls=_dash(i), marker=MARKS[i % len(MARKS)]) for i in range(len(attacks))]
    figure.legend(handles, [drawable(attack) for attack in attacks], loc="outside upper left", ncols=2)
    return figure


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _dash(number: int) -> str:
    return ("-", "--", "-.")[number // len(COLOURS) % 3]
