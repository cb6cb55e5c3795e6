"""Puts names beside points so that no name covers another, a point or its error bars."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.transforms import Bbox

_RADII = (7, 11, 16, 23, 32, 44, 60)  # points from the mark to the name
_ANGLES = (45, 135, 315, 225, 90, 270, 0, 180)
_LEADER = 14  # from this distance on a line leads to the name
_POINT = 4  # half the width of a mark, in points

Spot = tuple[float, float]


def drawable(text: str) -> str:
    """Return ``text`` on one line, with characters that the font lacks replaced."""
    font = font_manager.get_font(font_manager.findfont(font_manager.FontProperties()))
    return "".join(c if font.get_char_index(ord(c)) else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))


def label_points(
    axes: Axes,
    renderer: RendererBase,
    names: Sequence[str],
    spots: Sequence[Spot],
    bars: Sequence[tuple[Spot, Spot]],
    colours: Sequence[str],
) -> None:
    """Write each name where it covers least, the nearest such place first.

    Args:
        axes: With its final limits.
        renderer: Of the figure.
        names: [n], one for each point.
        spots: [n], the points, in data coordinates.
        bars: Error bars in data coordinates, (start, end), horizontal or vertical.
        colours: [n], of the names.
    """
    scale = renderer.points_to_pixels(1.0)
    to_pixels = axes.transData.transform
    taken = [_around(to_pixels(spot), _POINT * scale) for spot in spots]
    taken += [Bbox([to_pixels(start) - scale, to_pixels(end) + scale]) for start, end in bars]
    frame = axes.get_window_extent(renderer)
    for name, spot, colour in zip(names, spots, colours, strict=True):
        text = axes.annotate(
            name, spot, (0, 0), textcoords="offset points", color=colour, ha="center", va="center", annotation_clip=False
        )
        size = text.get_window_extent(renderer)
        best = min(
            _places(size.width / scale, size.height / scale),
            key=lambda place: _cost(_moved(to_pixels(spot), place[1], size, scale), taken, frame) + place[0] / 1000,
        )
        text.set_position(best[1])
        taken.append(_moved(to_pixels(spot), best[1], size, scale))
        if best[0] >= _LEADER:
            arrow = {"arrowstyle": "-", "color": colour, "lw": 0.5, "shrinkA": 1, "shrinkB": 3}
            axes.annotate("", spot, best[1], textcoords="offset points", arrowprops=arrow, annotation_clip=False)


def _places(width: float, height: float) -> Iterator[tuple[float, Spot]]:
    """Yield (distance, centre of the name) in points from the mark: the name's nearest edge keeps the distance."""
    for radius in _RADII:
        for angle in _ANGLES:
            x, y = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            yield radius, (x * radius + _sign(x) * width / 2, y * radius + _sign(y) * height / 2)


def _sign(value: float) -> int:
    return 0 if abs(value) < 1e-9 else int(math.copysign(1, value))


def _moved(point: Spot, offset: Spot, size: Bbox, scale: float) -> Bbox:
    x, y = point[0] + offset[0] * scale, point[1] + offset[1] * scale
    return Bbox.from_bounds(x - size.width / 2, y - size.height / 2, size.width, size.height)


def _cost(box: Bbox, taken: Sequence[Bbox], frame: Bbox) -> float:
    """Return the area that ``box`` shares with others or has outside the frame, as a share of its own."""
    outside = box.width * box.height - _shared(box, frame)
    return (sum(_shared(box, other) for other in taken) + 2 * outside) / (box.width * box.height)


def _shared(one: Bbox, other: Bbox) -> float:
    both = Bbox.intersection(one, other)
    return float(both.width * both.height) if both else 0.0


def _around(point: Spot, half: float) -> Bbox:
    return Bbox.from_extents(point[0] - half, point[1] - half, point[0] + half, point[1] + half)
