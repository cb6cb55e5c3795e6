"""How a figure is written, the same in every format: fixed decimals, no zero before the point, – for undefined."""

from __future__ import annotations

import re

from robustrank.analysis.estimated import Value
from robustrank.tables import Column

UNDEFINED = "–"
_FEW = 50  # units; a share of fewer has no use for decimals


def number(figure: float | None, column: Column, units: int = 0) -> str:
    """Return a figure as the column shows it, with "-" for minus; – for None.

    Args:
        figure: The figure.
        column: Says digits, percent and whether a sign is shown.
        units: How many units it is a share of; 0 where that does not matter.
    """
    if figure is None:
        return UNDEFINED
    digits = 0 if column.share and 0 < units < _FEW else column.digits
    text = f"{100 * figure if column.percent else figure:{'+' if column.signed else ''}.{digits}f}"
    if not text.strip("+-0."):
        text = text.lstrip("+-")  # -0.000 is no loss
    # A share of one has no use for its zero; "1.5 … .5" would be hard to read.
    return re.sub(r"^([+-]?)0\.(?=\d\d)", r"\1.", text)


def estimate(value: Value, column: Column) -> str:
    """Return a cell's figure."""
    return number(value.estimate, column, value.units)


def interval(value: Value, column: Column) -> str:
    """Return a cell's interval as [low, high]; "" where there is none."""
    if value.interval is None:
        return ""
    low, high = (number(end, column, value.units) for end in value.interval)
    return f"[{low}, {high}]"


def heading(column: Column) -> str:
    """Return the column's title with its unit, what it counts, and the direction of the more robust ranker."""
    direction = {True: " ↑", False: " ↓", None: ""}[None if column.signed else column.higher_is_better]
    count = f", {column.count}" if column.count else ""
    return f"{column.title}{' (%)' if column.percent else ''}{count}{direction}"
