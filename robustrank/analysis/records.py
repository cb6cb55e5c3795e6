"""Every number of a table as a record: for CSV files, for JSON, and for gates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from robustrank.analysis.estimated import BASELINE, PAIR, UNDEFENDED, RenderedTable
from robustrank.rows import fact_text

TESTS = {"p_baseline": BASELINE, "p_undefended": UNDEFENDED, "p_control": PAIR}
_DIGITS = 12


def records(rendered: RenderedTable) -> Iterator[dict[str, Any]]:
    """Yield a record for each cell of a table: its labels, the column, and the figure with twelve digits.

    Shares are between 0 and 1, whatever the table shows; what is undefined is None.
    """
    for line in rendered.lines:
        labels = dict(zip(rendered.keys, line.labels, strict=True))
        for column, value in zip(rendered.columns, line.values, strict=True):
            low, high = value.interval or (None, None)
            yield {
                "table": rendered.name,
                **labels,
                "column": column.title,
                "id": column.key,
                "facts": "; ".join(map(fact_text, column.facts)),
                "estimate": _rounded(value.estimate),
                "low": _rounded(low),
                "high": _rounded(high),
                "method": value.method,
                "n": value.units,
                "unit": (column.units or rendered.units or "units") if column.units != "" else "",
                "seeds": value.seeds,
                **{name: _rounded(value.p_values.get(mark)) for name, mark in TESTS.items()},
            }


def _rounded(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.{_DIGITS}g}")
