"""Reads rows.csv of a run folder for tests, without the report's own loader."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any


def read_rows(run_folder: Path) -> list[dict[str, Any]]:
    """Return the rows as dicts: values as floats or None, empty text where a column says nothing."""
    with (run_folder / "rows.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{**row, "value": float(row["value"]) if row["value"] else None} for row in rows]
