"""Draws a detector's ROC curves: the detection rate against the FPR, a curve for each attack."""

from __future__ import annotations

import functools

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from robustrank.measures.detection import detection_rate
from robustrank.report.labels import drawable
from robustrank.report.plots import COLOURS, MARKS, Victim, described, subplots
from robustrank.report.selection import Select
from robustrank.report.tables import Column, RenderedTable, Table, TableRow

GRID = (0.0, 0.01, 0.02, *(round(0.05 * number, 2) for number in range(1, 21)))  # FPR of the curve
_PANEL = 1.9  # inches, the side of a panel
_ACROSS = 3  # panels side by side


ROC = Table(
    name="roc",
    caption="ROC curves of the detectors, edited against clean documents (dot: the detector's own threshold)",
    task="document-attack",
    rows=("attack", "ranker", "defense"),
    columns=(
        *(
            Column(
                f"{share:g}",
                (Select("anomaly_score", "attacked"), Select("anomaly_score", "clean")),
                statistic=functools.partial(detection_rate, target_fpr=share),
                compare=False,
                exact=True,
            )
            for share in GRID
        ),
        *(Column(name, (Select("flagged", name),), compare=False, exact=True) for name in ("clean", "attacked")),
    ),
)


def roc_curves(rendered: RenderedTable) -> Figure | None:
    """Return a panel for each ranker and detector with a curve for each attack; None where nothing was detected.

    Args:
        rendered: The table ``ROC``, by attack, ranker, and defense: rates over the grid, then the two at the
            detector's own threshold.
    """
    lines = [line for line in rendered.lines if all(value.estimate is not None for value in line.values)]
    if not lines:
        return None
    attacks = list(dict.fromkeys(rendered.key(line, "attack") for line in lines))
    panels: dict[Victim, list[TableRow]] = {}
    for line in lines:
        panels.setdefault((rendered.key(line, "ranker"), rendered.key(line, "defense")), []).append(line)
    across = min(_ACROSS, len(panels))
    down = -(-len(panels) // across)
    figure, axes = subplots(down, across, max(2, across) * _PANEL, down * _PANEL + 0.15 * len(attacks) + 0.2)
    for panel, of_panel in zip(axes, panels.values(), strict=False):
        panel.plot([0, 1], [0, 1], color="#BBBBBB", lw=0.6, ls=":")
        for line in of_panel:
            number = attacks.index(rendered.key(line, "attack"))
            *rates, fpr, detected = [float(value.estimate or 0) for value in line.values]
            panel.plot(GRID, rates, color=_colour(number), ls=_dash(number))
            panel.plot([fpr], [detected], MARKS[number % len(MARKS)], color=_colour(number), zorder=3)
        panel.set_title(described(rendered, of_panel[0]))
        panel.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    for panel in axes[len(panels) :]:
        panel.set_visible(False)
    figure.supxlabel("FPR: share of clean documents flagged", fontsize=7)
    figure.supylabel("detection rate: share of attacked documents", fontsize=7)
    handles = [Line2D([], [], color=_colour(i), ls=_dash(i), marker=MARKS[i % len(MARKS)]) for i in range(len(attacks))]
    figure.legend(handles, [drawable(attack.label) for attack in attacks], loc="outside upper left", ncols=2)
    return figure


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _dash(number: int) -> str:
    return ("-", "--", "-.")[number // len(COLOURS) % 3]
