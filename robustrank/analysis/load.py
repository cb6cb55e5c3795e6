"""Reads the rows of a run folder back, every bit of every number, or says which line of which file is broken."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from robustrank.errors import DataError
from robustrank.experiment import load
from robustrank.report_settings import Report
from robustrank.rows import (
    AXES,
    ROW_COLUMNS,
    SCHEMA_VERSION,
    Coordinates,
    PlugInPoint,
    checked_coordinates,
    checked_row,
)
from robustrank.run_files import read_run_file
from robustrank.storage import MANIFEST

POINT_COLUMNS = tuple(f"{axis}{part}" for axis in AXES for part in ("", "_name", "_parameters", "_identity"))
FRAME_COLUMNS = ("cell", *POINT_COLUMNS, "family", "seed", "fold", *ROW_COLUMNS, "group_label")
_NUMBERS = ("cutoff", "k", "radius", "value")
_RERUN = "run the experiment again into this folder: robustrank run EXPERIMENT --out RUN keeps finished cells"
_NO_RUN = "is this a run folder? see `robustrank run`"


def load_rows(run_folder: Path) -> pd.DataFrame:
    """Return the rows of a run: ``rows.csv`` (or ``rows.csv.gz``), with what ``cells.jsonl`` tells of each cell.

    Args:
        run_folder: The run folder.

    Returns:
        A frame with the columns ``FRAME_COLUMNS``. Of each axis (task, collection, ranker, defense, attack): the label
        (``ranker``), the plug-in's name (``ranker_name``), all its parameters as JSON (``ranker_parameters``) and its
        identity; empty text where there is no attack. ``value`` is float64, nan where nothing was measured; ``cutoff``
        and ``k`` are Int64; ``radius`` is a whole number, "all" or None. ``group_label`` is ``group`` for people.

    Raises:
        DataError: A file is missing, torn or of an older schema, a value is not allowed, or rows are duplicates.
    """
    path = next((p for p in (run_folder / "rows.csv", run_folder / "rows.csv.gz") if p.exists()), None)
    if path is None:
        raise DataError("the run has no rows.csv", where=str(run_folder), hint=_NO_RUN)
    cells = dict(_cells(run_folder / "cells.jsonl"))
    records = list(_records(path, cells))
    if not records:
        raise DataError("the run has no rows", where=str(run_folder), hint="has a cell finished? see `robustrank run`")
    kinds = {"value": "float64", "seed": "int64", "fold": "int64", "cutoff": "Int64", "k": "Int64"}
    rows = pd.DataFrame.from_records(records, columns=list(FRAME_COLUMNS)).astype(kinds)
    radius = FRAME_COLUMNS.index("radius")
    rows["radius"] = pd.Series([record[radius] for record in records], dtype=object)  # or whole numbers become floats
    _refuse_duplicates(rows, run_folder)
    return rows


def planned_cells(run_folder: Path) -> tuple[int, int]:
    """Return how many cells of a run were not finished when ``rows.csv`` was written, and how many there are.

    Raises:
        DataError: ``cells.jsonl`` is missing, torn or of an older schema.
    """
    statuses = [cell.status for cell in load_cells(run_folder)]
    return statuses.count("planned"), len(statuses)


def load_cells(run_folder: Path) -> list[Coordinates]:
    """Return the cells of a run, in the order of the plan.

    Raises:
        DataError: ``cells.jsonl`` is missing, torn or of an older schema.
    """
    return [coordinates for _, coordinates in _cells(run_folder / "cells.jsonl")]


def declared_report(run_folder: Path) -> Report:
    """Return what the run's experiment says of its report; nothing, where the folder has no experiment.

    Raises:
        DataError: The run's experiment is missing or damaged.
        ExperimentError: It is not valid.
    """
    path = run_folder / "experiment.yaml"
    if not path.exists() and not (run_folder / MANIFEST).exists():
        return Report()  # what somebody took from a run
    read_run_file(run_folder, path.name)
    return load(path).report


def _cells(path: Path) -> Iterator[tuple[str, Coordinates]]:
    if not path.exists():
        text = f"its rows are of an older schema, without cells.jsonl; this version reads schema {SCHEMA_VERSION}"
        raise DataError(text, where=str(path.parent), hint=_RERUN)
    # Not splitlines: labels may hold other line separators, which JSON leaves as they are.
    for number, line in enumerate(_text(path).removesuffix("\n").split("\n"), start=1):
        try:
            coordinates = checked_coordinates(json.loads(line)) if line else None
        except ValueError as error:
            raise DataError(f"the cell cannot be read: {error}", where=f"{path}:{number}", hint=_RERUN) from error
        if coordinates:
            yield coordinates.key, coordinates


def _records(path: Path, cells: Mapping[str, Coordinates]) -> Iterator[tuple[Any, ...]]:
    of_cell = {key: _cell_columns(coordinates) for key, coordinates in cells.items()}
    reader = csv.DictReader(io.StringIO(_text(path), newline=""), restkey="", strict=True)
    try:
        for record in reader:
            where = f"{path}:{reader.line_num}"
            if None in record.values():
                raise DataError("the row is torn: it has too few fields", where=where, hint=_RERUN)
            if record.get("cell") not in cells:
                text = f"the row's cell {record.get('cell')!r} is not in cells.jsonl"
                raise DataError(text, where=where, hint=_RERUN)
            values = _row_values(record, where)
            group = values[ROW_COLUMNS.index("group")]
            label = cells[record["cell"]].groups.get(group, group)
            yield (*of_cell[record["cell"]], *values, label)
    except csv.Error as error:
        raise DataError(f"the row is torn: {error}", where=f"{path}:{reader.reader.line_num}", hint=_RERUN) from error


def _cell_columns(coordinates: Coordinates) -> tuple[Any, ...]:
    points = [_point_columns(getattr(coordinates, axis)) for axis in AXES]
    columns = [value for columns in points for value in columns]
    return (coordinates.key, *columns, coordinates.ranker.family, coordinates.seed, coordinates.fold)


def _point_columns(point: PlugInPoint | None) -> tuple[str, str, str, str]:
    """Return label, name, parameters (with what the plug-in is trained on) as JSON, and identity."""
    if point is None:
        return "", "", "", ""
    decides = {**point.parameters, **({} if point.training is None else {"train": dict(point.training)})}
    text = json.dumps(decides, sort_keys=True, ensure_ascii=False, default=str)
    return point.label, point.name, text, point.identity


def _row_values(record: Mapping[str, str], where: str) -> tuple[Any, ...]:
    """Return the row's own columns as they are typed in :class:`robustrank.rows.Row`."""
    columns: dict[str, Any] = {column: record[column] for column in ROW_COLUMNS if column in record}
    try:
        numbers = {name: _number(name, columns[name]) for name in _NUMBERS if name in columns}
        row = checked_row({**columns, **numbers})
    except ValueError as error:
        raise DataError(f"the row cannot be read: {error}", where=where, hint=_RERUN) from error
    return tuple(getattr(row, column) for column in ROW_COLUMNS)


def _number(name: str, text: str) -> float | int | str | None:
    if not text or (name, text) == ("radius", "all"):
        return text or None
    return float(text) if name == "value" else int(text)


def _text(path: Path) -> str:
    if path.suffix != ".gz":
        return read_run_file(path.parent, path.name)
    try:
        return gzip.decompress(path.read_bytes()).decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read: {error}", where=str(path), hint=_NO_RUN) from error


def _refuse_duplicates(rows: pd.DataFrame, run_folder: Path) -> None:
    fact = ["cell", *(column for column in ROW_COLUMNS if column not in ("value", "status", "note"))]
    with_value = rows[rows["value"].notna()]
    duplicates = with_value[with_value.duplicated(subset=fact)]
    if len(duplicates):
        first = ", ".join(f"{column} {duplicates.iloc[0][column]!r}" for column in fact)
        raise DataError(f"{len(duplicates)} duplicate rows, as {first}", where=str(run_folder), hint=_RERUN)
