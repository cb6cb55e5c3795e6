"""Puts names beside points so that no name covers another, a point or its error bars."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.transforms import Bbox

_DISTANCES = (7, 11, 16, 23, 32, 44, 60)  # points from the mark to the name
_ANGLES = (45, 135, 315, 225, 90, 270, 0, 180)
_LEADER = 14  # from this distance on a line leads to the name
_STRUCK = 0.2  # the cost of touching anything, in areas of the name
_POINT = 4  # half the width of a mark, in points

XY = tuple[float, float]


def drawable(text: str) -> str:
    """Return ``text`` on one line, with characters that the font lacks replaced."""
    font = font_manager.get_font(font_manager.findfont(font_manager.FontProperties()))
    return "".join(c if font.get_char_index(ord(c)) else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))


def label_points(
    axes: Axes,
    renderer: RendererAgg,
    names: Sequence[str],
    points: Sequence[XY],
    bars: Sequence[tuple[XY, XY]],
    colours: Sequence[str],
) -> None:
    """Write each name where it covers least, the nearest such position first.

    Args:
        axes: With its final limits.
        renderer: Of the figure.
        names: [n], one for each point.
        points: [n], the points, in data coordinates.
        bars: Error bars in data coordinates, (start, end), horizontal or vertical.
        colours: [n], of the names.
    """
    scale = renderer.dpi / 72

    def box(point: XY, half: float) -> Bbox:
        x, y = axes.transData.transform(point)
        return Bbox.from_extents(x - half * scale, y - half * scale, x + half * scale, y + half * scale)

    taken = [box(point, _POINT) for point in points]
    taken += [Bbox.union([box(start, 1), box(end, 1)]) for start, end in bars]
    frame = axes.get_window_extent(renderer)
    for name, point, colour, mark in zip(names, points, colours, taken[: len(points)], strict=True):
        text = axes.annotate(name, point, (0, 0), textcoords="offset points", color=colour, ha="center", va="center")
        size = text.get_window_extent(renderer)
        anchors = list(_anchors(size.width / scale, size.height / scale))
        boxes = [_moved(mark, anchor, size, scale) for anchor in anchors]
        costs = [
            _cost(label, taken, frame) + anchor.distance / 1000 for label, anchor in zip(boxes, anchors, strict=True)
        ]
        best = int(np.argmin(costs))
        text.set_position(anchors[best].centre)
        taken.append(boxes[best])
        if anchors[best].distance >= _LEADER:
            line = {"arrowstyle": "-", "color": colour, "lw": 0.5, "shrinkA": 0, "shrinkB": 3}
            axes.annotate("", point, anchors[best].edge, textcoords="offset points", arrowprops=line)


@dataclass(frozen=True)
class _Anchor:
    """Where a name may be, in points from its mark: its centre, and the edge or corner nearest to the mark."""

    distance: float
    centre: XY
    edge: XY


def _anchors(width: float, height: float) -> Iterator[_Anchor]:
    """Yield the positions of a name of this size in points, the nearest first."""
    for distance in _DISTANCES:
        for angle in _ANGLES:
            x, y = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            edge = (x * distance, y * distance)
            yield _Anchor(distance, (edge[0] + _sign(x) * width / 2, edge[1] + _sign(y) * height / 2), edge)


def _sign(value: float) -> int:
    return 0 if abs(value) < 1e-9 else int(math.copysign(1, value))


def _moved(mark: Bbox, anchor: _Anchor, size: Bbox, scale: float) -> Bbox:
    """Return the box in pixels of a name at its position."""
    x = (mark.x0 + mark.x1 - size.width) / 2 + anchor.centre[0] * scale
    y = (mark.y0 + mark.y1 - size.height) / 2 + anchor.centre[1] * scale
    return Bbox.from_bounds(x, y, size.width, size.height)


def _cost(box: Bbox, taken: Sequence[Bbox], frame: Bbox) -> float:
    """Return the area that ``box`` shares with others or has outside the frame, as a share of its area."""
    outside = box.width * box.height - _shared(box, frame)
    covered = [_shared(box, rival) for rival in taken]
    # What is thin, as an error bar, shares little with a name that it strikes out.
    struck = sum(_STRUCK for area in covered if area > 0)
    return (sum(covered) + 2 * outside) / (box.width * box.height) + struck


def _shared(first: Bbox, second: Bbox) -> float:
    both = Bbox.intersection(first, second)
    return float(both.width * both.height) if both else 0.0
