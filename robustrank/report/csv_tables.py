"""Tables as CSV, one record per cell with twelve digits: for other programs, and for checking what was rounded."""

from __future__ import annotations

import csv
import io

from robustrank.report.entries import fact_text
from robustrank.report.tables import BASELINE, PAIR, UNDEFENDED, RenderedTable

_TESTS = {"p_baseline": BASELINE, "p_undefended": UNDEFENDED, "p_control": PAIR}


def table(rendered: RenderedTable) -> str:
    """Return the table's cells; an empty field is undefined, or was not tested."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        [*rendered.keys, "column", "measures", "estimate", "low", "high", "units", "unit", "seeds", *_TESTS, "best"]
    )
    for line in rendered.lines:
        for value, column in zip(line.values, rendered.columns, strict=True):
            ends = value.interval or (None, None)
            p_values = [value.p_values.get(mark) for mark in _TESTS.values()]
            measures = "; ".join(map(fact_text, column.facts))
            unit = rendered.units if column.units is None else column.units
            figures = [value.estimate, *ends, value.units, unit, value.seeds, *p_values, int(value.best)]
            writer.writerow([*line.labels, column.title, measures, *map(_rounded, figures)])
    return file.getvalue()


def _rounded(value: object) -> object:
    """Return a number without the digits in which processors differ."""
    return float(f"{value:.12g}") if isinstance(value, float) else value
