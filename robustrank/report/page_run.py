"""Gathers what the page tells of a run beside its tables: status, notes, provenance, attacked texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from robustrank.errors import DataError
from robustrank.json_lines import parse_object
from robustrank.report.attacked_texts import attacked_texts
from robustrank.report.load import load_cells
from robustrank.report.page import BYTES, Cell, Head, Page, Section, TableView, render
from robustrank.rows import AXES, SCHEMA_VERSION, Coordinates
from robustrank.run_files import read_run_file
from robustrank.yaml_text import YamlError, read_yaml

_LEAST_TEXTS = 300_000  # bytes that attacked texts have room for however large the rest is
_LABELS = 12  # labels of an axis below the title
_NOT_RUN = "not run: the same command again resumes"


def run_page(run: Path, rows: pd.DataFrame, sections: Sequence[Section]) -> bytes:
    """Return the page of a run as HTML.

    Args:
        run: The run folder. What is not in it, as in a folder that was taken from a run, is said to be lacking.
        rows: Its rows, see :func:`robustrank.report.load.load_rows`.
        sections: Its tables and figures, the headline first.

    Raises:
        DataError: A file of the run is damaged.
    """
    cells = load_cells(run)
    experiment, provenance = _optional(run, "experiment.yaml"), _optional(run, "provenance.json")
    record = parse_object(provenance, str(run / "provenance.json")) if provenance else {}
    declared = _declared(experiment, run / "experiment.yaml")
    environments = record.get("environments", [])
    page = Page(
        title=str(declared.get("name") or run.resolve().name),
        description=str(declared.get("description") or ""),
        facts=tuple(_facts(cells, rows, environments)),
        undone=tuple(_undone(cells, rows)),
        notes=_notes(run / "notes.txt"),
        sections=tuple(sections),
        provenance=tuple(_provenance(cells, record)),
        sources=tuple((f"command {n}", str(e.get("command"))) for n, e in enumerate(environments, start=1))
        + ((("experiment.yaml", experiment),) if experiment else ()),
    )
    room = max(_LEAST_TEXTS, BYTES - len(render(page)))
    return render(replace(page, attacked=attacked_texts(run, cells, rows, room)))


def _optional(run: Path, name: str) -> str:
    return read_run_file(run, name) if (run / name).exists() else ""


def _notes(path: Path) -> tuple[str, ...]:
    """Return the notes of the runs into the folder; the manifest leaves them out, since every run adds to them."""
    return tuple(path.read_text(encoding="utf-8", errors="replace").strip("\n").split("\n")) if path.exists() else ()


def _declared(experiment: str, path: Path) -> Mapping[str, Any]:
    try:
        declared = read_yaml(experiment)
    except YamlError as error:
        raise DataError(f"the experiment cannot be read: {error}", where=str(path)) from error
    return declared if isinstance(declared, dict) else {}


def _facts(
    cells: Sequence[Coordinates], rows: pd.DataFrame, environments: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    times = sorted(str(environment[end]) for environment in environments for end in ("first", "last"))
    if times:
        first, last = (time.replace("T", " ")[:16] for time in (times[0], times[-1]))
        yield "date", f"{first} to {last[11:] if first[:10] == last[:10] else last} UTC"
    yield "duration", f"{_duration(sum(cell.seconds or 0 for cell in cells))}, summed over cells"
    counts = pd.Series([_STATUS.get(cell.status, cell.status) for cell in cells]).value_counts(sort=False)
    yield "cells", f"{', '.join(f'{count:,} {status}' for status, count in counts.items())} of {len(cells):,}"
    yield "measured values", f"{int(rows['value'].notna().sum()):,} of {len(rows):,} rows"
    for axis in AXES[1:]:
        labels = list(dict.fromkeys(point.label for cell in cells if (point := getattr(cell, axis))))
        more = f", and {len(labels) - _LABELS} more" if len(labels) > _LABELS else ""
        if labels:
            yield f"{axis}s", ", ".join(labels[:_LABELS]) + more
    yield "seeds", ", ".join(map(str, sorted({cell.seed for cell in cells})))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return " ".join(f"{n} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (rest, "s")) if n) or "under 1 s"


_STATUS = {"error": "failed", "planned": "not run"}


def _undone(cells: Sequence[Coordinates], rows: pd.DataFrame) -> Iterator[tuple[str, str, int, tuple[str, ...]]]:
    """Yield the status and the reason of cells without results, how many there are, and what they are."""
    lacking = {cell.key: cell for cell in cells if cell.status != "done"}
    told = rows[rows["cell"].isin(lacking) & (rows["note"] != "")].groupby("cell", sort=False)["note"].first()
    groups: dict[tuple[str, str], list[str]] = {}
    for key, cell in lacking.items():
        reason = _NOT_RUN if cell.status == "planned" else str(told.get(key, "no reason was given"))
        labels = [point.label for axis in AXES if (point := getattr(cell, axis))]
        groups.setdefault((_STATUS.get(cell.status, cell.status), reason), []).append(" · ".join(labels))
    for (status, reason), titles in groups.items():
        yield status, reason, len(titles), tuple(titles)


def _provenance(cells: Sequence[Coordinates], record: Mapping[str, Any]) -> Iterator[TableView]:
    for number, environment in enumerate(record.get("environments", []), start=1):
        facts = {name: value for name, value in environment.items() if name not in ("packages", "hardware", "command")}
        facts |= environment.get("hardware", {}) | {
            "cells": len(environment.get("cells", [])),
            "schema": SCHEMA_VERSION,
        }
        yield _records(f"environment {number}", ("what", "value"), facts.items())
        yield _records(f"packages {number}", ("package", "version"), environment.get("packages", {}).items())
    for name in ("collections", "rankers"):
        entries: Mapping[str, Mapping[str, Any]] = record.get(name, {})
        heads = tuple(dict.fromkeys(key for entry in entries.values() for key in entry if key != "notes"))
        lines = ((label, *(entry.get(head) for head in heads)) for label, entry in entries.items())
        yield _records(name, (name[:-1], *heads), lines)
    points = {(axis, point.label, point.name, _text(point.parameters), point.identity): None
              for axis in AXES for cell in cells if (point := getattr(cell, axis))}  # fmt: skip
    yield _records("plug-ins and their parameters", ("kind", "label", "plug-in", "parameters", "identity"), points)


def _records(title: str, heads: Sequence[str], lines: Iterable[Sequence[Any]]) -> TableView:
    rows = tuple(tuple(Cell(_text(value), _text(value) or None) for value in line) for line in lines)
    name = "provenance-" + title.replace(" ", "-")
    return TableView(name, title, "", tuple(Head(head, is_number=False) for head in heads), rows)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(map(_text, value))
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)
