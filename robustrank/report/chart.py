"""What a figure shows, before it is drawn. Drawing it needs neither the rows nor pandas."""

from __future__ import annotations

from dataclasses import dataclass, field

from robustrank.printing import counted


@dataclass(frozen=True)
class Point:
    """One mark.

    Attributes:
        series: What it belongs to; points of a line are joined.
        x, y: Where it is; x may be the name of a tick.
        across, up: Its intervals.
        name: What is written beside it.
        dashed: Whether its line is dashed, as that of a control.
        is_open: Whether its mark is open.
    """

    series: str
    x: float | str
    y: float
    across: tuple[float, float] | None = None
    up: tuple[float, float] | None = None
    name: str = ""
    dashed: bool = False
    is_open: bool = False


@dataclass(frozen=True)
class Chart:
    """One figure.

    Attributes:
        name: Its file name.
        caption: What it shows.
        kind: As of :class:`robustrank.tables.Figure`.
        panels: Points by the title of their panel.
        looks: A number for each series, which decides its colour and mark.
        x_title, y_title: The titles of the axes, with their units.
        names: Whether each point has its name beside it, and not its series above.
    """

    name: str
    caption: str
    kind: str
    panels: dict[str, list[Point]]
    looks: dict[str, int]
    x_title: str = ""
    y_title: str = ""
    names: bool = field(default=False)

    @property
    def alt(self) -> str:
        """The figure in words: what is drawn, how much of it, and the extreme values."""
        points = [(panel, point) for panel, of_panel in self.panels.items() for point in of_panel]
        ends = [choose(points, key=lambda item: item[1].y) for choose in (max, min)]
        about = [
            f"{word}: {point.y:.3g} ({', '.join(filter(None, (point.name or point.series, panel)))})"
            for word, (panel, point) in zip(("highest", "lowest"), ends, strict=True)
        ]
        panels = f"{counted(len(self.panels), 'panel')}, " if len(self.panels) > 1 else ""
        return f"{self.caption} {panels}{counted(len(points), 'point')}; {'; '.join(about)}."
