"""Which charts a figure becomes: panels of points in series, few enough to be told apart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from robustrank.analysis.entries import NONE, NOTHING, Entry
from robustrank.analysis.estimated import RenderedTable, TableRow
from robustrank.analysis.order import natural
from robustrank.printing import printable
from robustrank.report.chart import Chart, Point
from robustrank.tables import PLACE, Figure

SERIES = 7  # of a panel
PANELS = 9  # of a figure
FEWEST = 4  # marks; fewer are a table's job
MARKED = "threshold"
_LETTERS = {"k": "K", "radius": "R"}  # how papers call fields of facts
_AXES = ("collection", "task", "ranker", "defense", "attack")


def charts(figure: Figure, rendered: RenderedTable) -> list[Chart]:
    """Return the figure as charts, in which no panel has more series than can be told apart; none without points."""
    if figure.kind == "lines":
        return list(_lines(figure, rendered))
    panels: dict[str, list[Point]] = {}
    lines = [line for line in rendered.lines if all(v.estimate is not None for v in line.values[:2])]
    by_family = len(lines) > SERIES
    for line in lines:
        name = described(rendered, line)
        series = rendered.key(line, "family").label if by_family else name
        panels.setdefault(_panel(rendered, line, ()), []).extend(_marks(figure, line, name, series))
    panels = {title: points for title, points in panels.items() if len({p.name for p in points}) >= FEWEST}
    if not panels:
        return []
    names = list(dict.fromkeys(p.series for points in panels.values() for p in points))
    x, y = (_axis(rendered.columns[i]) for i in (0, 1)) if figure.kind == "scatter" else (figure.y_title, "")
    return [
        Chart(figure.name, rendered.caption, figure.kind, panels, {n: i for i, n in enumerate(names)}, x, y, names=True)
    ]


def described(rendered: RenderedTable, line: TableRow) -> str:
    """Return the label of a ranker with that of its defense."""
    ranker, defense = rendered.key(line, "ranker"), rendered.key(line, "defense")
    return ranker.label if defense.name in ("", NONE) else f"{ranker.label} + {defense.label}"


def _marks(figure: Figure, line: TableRow, name: str, series: str) -> Iterator[Point]:
    first, second = line.values[:2]
    scale = [100 if column.percent else 1 for column in figure.columns]
    is_open = len(line.values) > 2 and line.values[2].estimate == 0
    x, y = (float(v.estimate or 0) * scale[i] for i, v in enumerate((first, second)))
    across, up = (_scaled(v.interval, scale[i]) for i, v in enumerate((first, second)))
    yield Point(series, x, y, across, up, name, is_open=is_open)


def _lines(figure: Figure, rendered: RenderedTable) -> Iterator[Chart]:
    grouped: dict[str, dict[str, list[Point]]] = {}  # by unit of x, then panel
    sizes = _series(figure, rendered)
    for line in rendered.lines:
        unit, name = sizes.get(rendered.key(line, figure.series), ("", rendered.key(line, figure.series).label))
        for panel, point in _points(figure, rendered, line, name):
            grouped.setdefault(unit, {}).setdefault(panel, []).append(point)
    for unit, panels in grouped.items():
        kept = {title: joined for title, points in panels.items() if (joined := _joined(points))}
        names = sorted({p.series for points in kept.values() for p in points}, key=natural)
        looks = {name: number for number, name in enumerate(names)}
        most = SERIES // 2 if figure.dashed else SERIES
        pieces = [(titles, of_names) for of_names in _chunks(names, most) for titles in _chunks(list(kept), PANELS)]
        suffix = f"-{unit}" if unit and len(grouped) > 1 else ""
        for number, (titles, of_names) in enumerate(pieces, start=1):
            shown = {t: [p for p in kept[t] if p.series in of_names] for t in titles}
            shown = {title: points for title, points in shown.items() if points}
            part = f" Part {number} of {len(pieces)}." if len(pieces) > 1 else ""
            yield Chart(
                f"{figure.name}{suffix}{f'-{number}' if part else ''}",
                rendered.caption + part,
                "lines",
                shown,
                {name: looks[name] for name in of_names},
                figure.x_title or unit.replace("_", " "),
                figure.y_title,
            )


def _points(figure: Figure, rendered: RenderedTable, line: TableRow, name: str) -> Iterator[tuple[str, Point]]:
    """Yield the points of one row of the table, each with the title of its panel."""
    values = {column.title: value for column, value in zip(figure.columns, line.values, strict=True)}
    at = line.values[0].estimate if figure.x == "column" else None
    drawn = [c for c in figure.columns[1 if figure.x == "column" else 0 :] if c.title not in figure.marked]
    plain = [column for column in drawn if column.title not in figure.dashed]
    several = len(plain) > 1 and figure.x == "column"
    for column in drawn:
        value = values[column.title]
        about = column.facts[0]._asdict() if column.facts else {}
        x: Any = at if figure.x == "column" else column.title if figure.x == "value" else about[figure.x]
        if x is None or value.estimate is None:
            continue
        scale = 100 if column.percent else 1
        panel = _panel(rendered, line, (figure.series,))
        if figure.panels:
            named = f"{_LETTERS.get(figure.panels, figure.panels)} = {about[figure.panels]}"
            panel = ", ".join(filter(None, (panel, named)))
        series = f"{name}, {column.title}" if several else name
        x = x if isinstance(x, str) and figure.x != "value" else float(x)
        up = _scaled(value.interval, scale)
        yield panel, Point(series, x, scale * value.estimate, up=up, dashed=column.title in figure.dashed)
    marks = [values[title].estimate for title in figure.marked if title in values]
    if len(marks) == 2 and None not in marks:
        yield (
            _panel(rendered, line, (figure.series,)),
            Point(name, float(marks[0] or 0), float(marks[1] or 0), name=MARKED),
        )


def _joined(points: Sequence[Point]) -> list[Point]:
    """Return the points of the lines of two or more points; one of a single point is a figure of the table."""
    counts: dict[str, set[float | str]] = {}
    for point in points:
        counts.setdefault(point.series, set()).update([] if point.name else [point.x])
    return [point for point in points if len(counts[point.series]) > 1]


def _series(figure: Figure, rendered: RenderedTable) -> dict[Entry, tuple[str, str]]:
    """Return for each entry of the series' axis the parameter that differs within its line, and the line's name."""
    if not figure.merged:
        return {}
    sizes = {rendered.key(line, figure.series): line.values[0].estimate for line in rendered.lines}
    named: dict[Entry, tuple[str, str]] = {}
    for plug_in in dict.fromkeys(entry.name for entry in sizes):
        alike = [entry for entry in sizes if entry.name == plug_in]
        named_x = (key for key in alike[0].parameters if all(_has(e, key, sizes[e]) for e in alike))
        size = next(named_x, "") if figure.merged == "x" else figure.merged
        rest = {e: {k: v for k, v in e.parameters.items() if k != size} for e in alike}
        telling = sorted({k for e in alike for k in rest[e] if len({_text(rest[o].get(k)) for o in alike}) > 1})
        for entry in alike:
            shown = ",".join(f"{key}={_text(rest[entry].get(key))}" for key in telling)
            alone = sum(rest[other] == rest[entry] for other in alike) == 1
            named[entry] = size, entry.label if alone else printable(f"{plug_in}:{shown}" if shown else plug_in)
    return named


def _has(entry: Entry, key: str, size: float | None) -> bool:
    value = entry.parameters.get(key)
    return isinstance(value, int | float) and not isinstance(value, bool) and value == size


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _panel(rendered: RenderedTable, line: TableRow, without: Sequence[str]) -> str:
    """Return the title of a row's panel: what it is about, but for its series, where rows differ in it."""
    if not without:
        axes: list[str] = [axis for axis in PLACE if axis in rendered.keys]
    else:
        axes = [axis for axis in _AXES if axis in rendered.keys and axis not in without]
    keys = [rendered.key(line, axis) for axis in axes]
    return ", ".join(key.label for key in keys if key not in (NOTHING,) and key.name != NONE)


def _axis(column: Any) -> str:
    unit = " (%)" if column.percent else ""
    return f"{column.title}{unit} {'←' if column.higher_is_better is False else '→'}"


def _scaled(interval: tuple[float, float] | None, scale: float) -> tuple[float, float] | None:
    return None if interval is None else (scale * interval[0], scale * interval[1])


def _chunks(names: Sequence[str], most: int) -> list[Sequence[str]]:
    return [names[i : i + most] for i in range(0, len(names), most)]
