"""Reads the rows of a run folder back, every bit of every number, or says which line of which file is broken."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from robustrank.errors import DataError
from robustrank.rows import COLUMNS, STATUSES

REQUIRED = COLUMNS
_FACT = [column for column in COLUMNS if column not in ("value", "status", "note")]
_RERUN = "run the experiment again: finished cells are kept, and rows are written anew"


def load_rows(run_folder: Path) -> pd.DataFrame:
    """Return the rows of a run: ``cells/*/rows.jsonl``, or ``rows.csv`` where there is no folder of cells.

    Args:
        run_folder: The run folder.

    Returns:
        A frame with the columns of :data:`robustrank.rows.COLUMNS`: ``value`` float64, nan where nothing was
        measured; ``seed`` int64; text in the others.

    Raises:
        DataError: Nothing is there, a file is torn, a column is missing, a value is no number, or one fact
            stands twice.
    """
    cells = run_folder / "cells"
    records = list(_cell_records(cells) if cells.is_dir() else _csv_records(run_folder / "rows.csv"))
    if not records:
        raise DataError("the run has no rows", where=str(run_folder), hint="has a cell finished? see `robustrank run`")
    rows = pd.DataFrame.from_records(records, columns=list(COLUMNS)).astype({"value": "float64", "seed": "int64"})
    _refuse_repeated(rows, run_folder)
    return rows


def _cell_records(cells: Path) -> Iterator[tuple[Any, ...]]:
    # A name that starts with a dot is a cell in the making.
    for folder in sorted(path for path in cells.iterdir() if path.is_dir() and not path.name.startswith(".")):
        path = folder / "rows.jsonl"
        # Not splitlines: notes may hold other line separators, which JSON leaves as they are.
        for number, line in enumerate(_text(path).removesuffix("\n").split("\n"), start=1):
            where = f"{path}:{number}"
            if not line:
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                raise DataError(f"the row is torn: {error}", where=where, hint=_RERUN) from error
            if not isinstance(record, dict):
                raise DataError(f"the row is a {type(record).__name__}", where=where, allowed="one JSON object a line")
            yield _checked(record, record.get("value"), where)


def _csv_records(path: Path) -> Iterator[tuple[Any, ...]]:
    reader = csv.DictReader(io.StringIO(_text(path), newline=""), restkey="", strict=True)
    try:
        for record in reader:
            where = f"{path}:{reader.line_num}"
            if None in record.values():
                raise DataError("the row is torn: it has too few fields", where=where, hint=_RERUN)
            yield _checked(record, _parsed(record.get("value", ""), where), where)
    except csv.Error as error:
        raise DataError(f"the row is torn: {error}", where=f"{path}:{reader.line_num}", hint=_RERUN) from error


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except OSError as error:
        hint = "is this a run folder? see `robustrank run`"
        raise DataError(f"rows cannot be read: {error.strerror or error}", where=str(path), hint=hint) from error
    except UnicodeDecodeError as error:
        raise DataError(f"rows cannot be read: {error}", where=str(path), allowed="UTF-8", hint=_RERUN) from error


def _parsed(text: str, where: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError as error:
        raise DataError(f"the value {text!r} is no number", where=where) from error


def _checked(record: Mapping[str, Any], value: object, where: str) -> tuple[Any, ...]:
    """Return the row's fields in the schema's order; what was not measured is nan."""
    missing = [column for column in REQUIRED if column not in record]
    if missing:
        raise DataError(
            f"the row lacks {', '.join(missing)}", where=where, allowed=f"the columns {', '.join(REQUIRED)}"
        )
    if record["status"] not in STATUSES:
        raise DataError(f"the status is {record['status']!r}", where=where, allowed=", ".join(STATUSES), hint=_RERUN)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or math.isinf(value)):
        raise DataError(f"the value is {value!r}", where=where, allowed="a finite number, or nothing")
    try:
        fields = {**record, "value": math.nan if value is None else float(value), "seed": int(record["seed"])}
    except (TypeError, ValueError) as error:
        raise DataError(f"the seed is {record['seed']!r}", where=where, allowed="a whole number") from error
    return tuple(fields[column] for column in COLUMNS)


def _refuse_repeated(rows: pd.DataFrame, run_folder: Path) -> None:
    measured = rows[rows["value"].notna()]
    repeated = measured[measured.duplicated(subset=_FACT)]
    if len(repeated):
        fact = ", ".join(f"{column} {repeated.iloc[0][column]!r}" for column in _FACT)
        raise DataError(f"{len(repeated)} facts stand twice, as {fact}", where=str(run_folder), hint=_RERUN)
