"""Reads the rows of a run folder back, every bit of every number, or says which line of which file is broken."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd

from robustrank.errors import DataError
from robustrank.experiment import load
from robustrank.report_settings import Report
from robustrank.rows import (
    AXES,
    FACT,
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
_CELL = ("cell", *POINT_COLUMNS, "family", "seed", "fold")
FRAME_COLUMNS = (*_CELL, *ROW_COLUMNS, "group_label")
_LATER = ("pool",)  # columns that rows of an earlier schema lack: they are empty
_RERUN = "run the experiment again into this folder: robustrank run EXPERIMENT --out RUN keeps finished cells"
_NO_RUN = "is this a run folder? see `robustrank run`"


@dataclass(frozen=True)
class LoadedRun:
    """What a report reads, once.

    Attributes:
        folder: The run folder.
        cells: Its cells, in the order of the plan.
        rows: Its rows, see :func:`load_rows`.
    """

    folder: Path
    cells: tuple[Coordinates, ...]
    rows: pd.DataFrame

    @property
    def statuses(self) -> Counter[str]:
        """How many cells have each status."""
        return Counter(cell.status for cell in self.cells)


def load_run(run_folder: Path) -> LoadedRun:
    """Return the cells and the rows of a run.

    Raises:
        DataError: As :func:`load_rows` raises it.
    """
    path = next((p for p in (run_folder / "rows.csv", run_folder / "rows.csv.gz") if p.exists()), None)
    if path is None:
        raise DataError("the run has no rows.csv", where=str(run_folder), hint=_NO_RUN)
    cells = tuple(load_cells(run_folder))
    rows = _frame(path, cells)
    _refuse_duplicates(rows, run_folder)
    return LoadedRun(run_folder, cells, rows)


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
    return load_run(run_folder).rows


def load_cells(run_folder: Path) -> list[Coordinates]:
    """Return the cells of a run, in the order of the plan.

    Raises:
        DataError: ``cells.jsonl`` is missing, torn or of an older schema.
    """
    return list(_cells(run_folder / "cells.jsonl"))


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


def _cells(path: Path) -> Iterator[Coordinates]:
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
            yield coordinates


def _frame(path: Path, cells: Sequence[Coordinates]) -> pd.DataFrame:
    """Return the rows with the columns of their cells, each of which is computed once."""
    records = list(_records(path, {cell.key: number for number, cell in enumerate(cells)}))
    if not records:
        raise DataError("the run has no rows", where=str(path.parent), hint="has a cell finished? see `robustrank run`")
    numbers, *values = (list(column) for column in zip(*records, strict=True))
    rows = pd.DataFrame(dict(zip(ROW_COLUMNS, values, strict=True)))
    rows["radius"] = pd.Series(values[ROW_COLUMNS.index("radius")], dtype=object)  # or whole numbers become floats
    groups = values[ROW_COLUMNS.index("group")]
    rows["group_label"] = [cells[n].groups.get(group, group) for n, group in zip(numbers, groups, strict=True)]
    of_cells = pd.DataFrame.from_records(list(map(_cell_columns, cells)), columns=list(_CELL))
    whole = pd.concat([of_cells.take(numbers).reset_index(drop=True), rows], axis=1)
    kinds = {"value": "float64", "seed": "int64", "fold": "int64", "cutoff": "Int64", "k": "Int64"}
    return whole.astype(kinds)


def _records(path: Path, cells: Mapping[str, int]) -> Iterator[tuple[Any, ...]]:
    """Yield of each row the number of its cell, and its own columns as they are typed in :class:`Row`."""
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    known: dict[tuple[str, ...], tuple[Any, ...]] = {}  # most rows differ in their units and values alone
    try:
        header = next(reader, [])
        added = [column for column in _LATER if column not in header]
        positions = {column: number for number, column in enumerate(header + added)}
        if lacking := [column for column in ("cell", *ROW_COLUMNS) if column not in positions]:
            raise ValueError(f"there is no column {lacking[0]!r}")
        of_fact = itemgetter(*(positions[column] for column in (*FACT, "status", "pool")))
        of_unit = itemgetter(*(positions[column] for column in ("cell", "query_id", "doc_id", "value", "note")))
        lacked = [""] * len(added)
        for fields in filter(None, reader):
            if len(fields) != len(header):
                raise ValueError(f"it is torn, with {len(fields)} fields in place of {len(header)}")
            about = *_, status, pool = of_fact(fields + lacked)
            key, query_id, doc_id, value, note = of_unit(fields)
            if key not in cells:
                raise ValueError(f"its cell {key!r} is not in cells.jsonl")
            if (fact := known.get(about)) is None:
                fact = known[about] = _fact(*about)
            yield cells[key], query_id, doc_id, *fact, _value(value), status, note, pool
    except (csv.Error, ValueError) as error:
        raise DataError(f"the row cannot be read: {error}", where=f"{path}:{reader.line_num}", hint=_RERUN) from error


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


def _fact(*texts: str) -> tuple[Any, ...]:
    """Return what a row is about, typed; ValueError, where that, the status or the pool is not allowed."""
    *of_fact, status, pool = texts
    about: dict[str, Any] = dict(zip(FACT, of_fact, strict=True))
    for name in ("cutoff", "k", "radius"):
        if (name, about[name]) != ("radius", "all"):
            about[name] = int(about[name]) if about[name] else None
    rest = {"query_id": "", "doc_id": "", "value": None, "note": ""}
    row = checked_row({**rest, **about, "status": status, "pool": pool})
    return tuple(getattr(row, name) for name in FACT)


def _value(text: str) -> float | None:
    if not text:
        return None
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"value is {value!r}, not a finite number or None")
    return value


def _text(path: Path) -> str:
    if path.suffix != ".gz":
        return read_run_file(path.parent, path.name)
    try:
        return gzip.decompress(path.read_bytes()).decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read: {error}", where=str(path), hint=_NO_RUN) from error


def _refuse_duplicates(rows: pd.DataFrame, run_folder: Path) -> None:
    fact = ["cell", *(column for column in ROW_COLUMNS if column not in ("value", "status", "note"))]
    with_value = rows.loc[rows["value"].notna(), fact]
    duplicates = with_value[with_value.duplicated()]
    if len(duplicates):
        first = ", ".join(f"{column} {duplicates.iloc[0][column]!r}" for column in fact)
        raise DataError(f"{len(duplicates)} duplicate rows, as {first}", where=str(run_folder), hint=_RERUN)
