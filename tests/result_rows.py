"""Reads rows.csv of a run folder or of published results for tests, without the report's own loader."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any


def read_rows(run_folder: Path) -> list[dict[str, Any]]:
    """Return the rows as dicts: values as floats or None, empty text where a column says nothing."""
    with (run_folder / "rows.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{**row, "value": float(row["value"]) if row["value"] else None} for row in rows]


def published_rows(name: str) -> list[dict[str, str]]:
    """Return the rows of published results as they are written."""
    path = Path(__file__).parents[1] / "results" / name / "rows.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def report_table(results: str, name: str) -> list[dict[str, str]]:
    """Return the rows of a table in the report of published results as they are written."""
    path = Path(__file__).parents[1] / "results" / results / "report" / "tables" / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
