"""Reads the rows of a run folder back."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pandas as pd

from robustrank.errors import DataError

COLUMNS = (
    "task", "collection", "ranker", "family", "defense", "attack", "seed", "query_id", "doc_id", "measure", "value",
    "status", "note",
)  # fmt: skip
_OLD = {
    ("anomaly_score", "clean"): "suspicion/before",
    ("anomaly_score", "attacked"): "suspicion",
    ("flagged", "clean"): "flagged/before",
    ("score", "attacked"): "score/after",
    ("rank", "attacked"): "rank/after",
}


def load_rows(run_folder: Path) -> pd.DataFrame:
    """Return the rows of a run, under the names that the report's tables have until they select by columns."""
    try:
        with (run_folder / "rows.csv").open(encoding="utf-8", newline="") as file:
            records = [_record(row) for row in csv.DictReader(file)]
        cells = [json.loads(line) for line in (run_folder / "cells.jsonl").read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise DataError(f"rows cannot be read: {error.strerror or error}", where=str(run_folder)) from error
    if not records or not cells:
        raise DataError("the run has no rows", where=str(run_folder), hint="has a cell finished? see `robustrank run`")
    return pd.DataFrame.from_records(records, columns=list(COLUMNS)).astype({"value": "float64", "seed": "int64"})


def _record(row: dict[str, str]) -> dict[str, Any]:
    value = float(row["value"]) if row["value"] else math.nan
    return {**{column: row[column] for column in COLUMNS}, "measure": _measure(row), "value": value}


def _measure(row: dict[str, str]) -> str:
    name, condition, group = row["measure"], row["condition"], row["group"]
    radius = f"/R={row['radius']}" if row["radius"] else ""
    if (name, condition) in _OLD:
        return _OLD[name, condition]
    if name == "certified":
        return f"certified@{row['k']}{radius}" + (f"/{group}" if group else "")
    if name == "certificate_check":
        return f"held@{row['k']}"
    if name == "success" and row["cutoff"]:
        name = f"top{row['cutoff']}"
    if condition == "control":
        return f"control/{name}"
    if condition == "published_script":
        return f"legacy/{name}"
    if group == "prepare":
        return f"prepare/{name}"
    if condition == "clean" and name in ("score", "rank", "spamicity", "perplexity"):
        return f"{name}/before"
    if condition == "attacked" and not name.startswith(("nDCG", "AP", "RR")):
        return name
    return name + radius + (f"/{condition}" if condition else "") + (f"/{group}" if group else "")
