"""How a figure is written, the same in every format: fixed decimals, no zero before the point, – for undefined."""

from __future__ import annotations

import re

from robustrank.report.tables import Column, Value

UNDEFINED = "–"


def number(value: float | None, column: Column) -> str:
    """Return a figure as the column shows it, with "-" for minus; – for None."""
    if value is None:
        return UNDEFINED
    text = f"{100 * value if column.percent else value:.{column.digits}f}"
    if not text.strip("-0."):
        text = text.lstrip("-")  # -0.000 is no loss
    # A share of one has no use for its zero; "1.5 … .5" would be hard to read.
    return re.sub(r"^(-?)0\.(?=\d\d)", r"\1.", text)


def interval(value: Value, column: Column) -> str:
    """Return the interval as [low, high]; "" where there is none."""
    if value.interval is None:
        return ""
    low, high = (number(end, column) for end in value.interval)
    return f"[{low}, {high}]"


def heading(column: Column) -> str:
    """Return the column's title with its unit and the direction that is better."""
    arrow = {True: " ↑", False: " ↓", None: ""}[column.higher_is_better]
    return f"{column.title}{' %' if column.percent else ''}{arrow}"
