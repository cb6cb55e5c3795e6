"""The run folder: finished cells as folders that appear in one atomic rename, so that a kill loses the cell in flight.

experiment.yaml      what is to be run
provenance.json      versions, hardware and commands that made the cells, and which cells each of them made
cells/<key>/         rows.jsonl, cell.json, provenance.json; adversarial.jsonl, certificates.jsonl, evidence.jsonl,
                     calls.jsonl, runs/*.trec and runs/*.ir-metadata.yml if any;
                     manifest.json, the sizes and digests of these files
retired/<key>/       cells of an earlier form of the experiment; they come back when it names them again
damaged/<key>/       cells that were not as their manifest says; they are run again
cells.jsonl          what each cell of the plan is: names, parameters, labels, identities, status
rows.csv             all rows in the order of the plan, written when the run ends
manifest.json        sizes and digests of the files beside it
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from robustrank.collections.trec import write_run
from robustrank.engine.cell import Cell
from robustrank.engine.cell_result import SAVED_LINES, CellResult
from robustrank.engine.ir_metadata import ir_metadata
from robustrank.errors import UsageError
from robustrank.json_lines import line, read_lines, write_lines
from robustrank.notices import notice
from robustrank.printing import printable
from robustrank.rows import COLUMNS, Coordinates
from robustrank.run_files import KEY
from robustrank.storage import (
    find_damage,
    new_file,
    remove_unfinished,
    seal,
    set_aside,
    write_file,
    write_folder,
    writing,
)

PLANNED = "planned"
RUN_FILES = ("experiment.yaml", "provenance.json", "cells.jsonl", "rows.csv")


class RunFolder:
    """One run on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cells = path / "cells"

    @contextmanager
    def open(self) -> Iterator[None]:
        """Make the folder and hold it against a second run.

        Raises:
            DataError: It cannot be written.
            UsageError: Another run holds it.
        """
        with writing(self.path):
            self.cells.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / ".lock")
        try:
            with writing(self.path):
                lock.acquire(timeout=0)
        except Timeout as error:
            raise UsageError(
                "another run is writing to this folder",
                where=str(self.path),
                hint="wait for it, or choose another --out",
            ) from error
        try:
            for folder in (self.path, self.cells):
                remove_unfinished(folder)
            yield
        finally:
            lock.release()

    def status(self, key: str) -> str:
        """Return "done", "skipped", "error", or "planned" for a cell that was never finished."""
        return _status(self.cells / key)

    def kept_status(self, key: str) -> str:
        """Return the status that a cell would have in a resumed run: retired cells count, damaged ones do not."""
        for folder in (self.cells / key, self.path / "retired" / key):
            if key and os.path.lexists(folder):
                return PLANNED if find_damage(folder) else _status(folder)
        return PLANNED

    def retire_stale(self, plan: Iterable[Cell]) -> int:
        """Retire cells the plan does not name, bring back retired ones it names; return how many were retired."""
        keys = {cell.key for cell in plan}
        retired = self.path / "retired"
        with writing(self.path):
            for key in keys:
                if (retired / key).exists() and not (self.cells / key).exists():
                    os.replace(retired / key, self.cells / key)
            stale = [path for path in self.cells.iterdir() if KEY.fullmatch(path.name) and path.name not in keys]
            for path in stale:
                retired.mkdir(exist_ok=True)
                shutil.rmtree(retired / path.name, ignore_errors=True)
                os.replace(path, retired / path.name)
        return len(stale)

    def set_damaged_aside(self, plan: Iterable[Cell]) -> None:
        """Move finished cells of the plan that are not as their manifest says to damaged/: they count as not done."""
        for cell in plan:
            folder = self.cells / cell.key
            if os.path.lexists(folder) and (damage := find_damage(folder)):
                aside = set_aside(folder, self.path / "damaged")
                notice(f"{damage}; moved to {aside.parent.name}/, and run again: {cell.title}")

    def save(self, result: CellResult) -> None:
        """Write a cell; it is there whole or not at all.

        Raises:
            DataError: The folder cannot be written, or the disk is full, or no run file can hold the rankings;
                finished cells are untouched.
        """
        cell = result.cell

        def fill(folder: Path) -> None:
            write_lines(folder / "rows.jsonl", (row.as_dict() for row in result.rows))
            for name in SAVED_LINES:
                if records := getattr(result, name):
                    write_lines(folder / f"{name}.jsonl", records)
            for tag, run in result.runs.items():
                (folder / "runs").mkdir(exist_ok=True)
                write_run(folder / "runs" / f"{tag}.trec", run, tag)
                metadata = ir_metadata(tag, cell, result.provenance)
                (folder / "runs" / f"{tag}.ir-metadata.yml").write_text(metadata, encoding="utf-8")
            (folder / "provenance.json").write_text(json.dumps(result.provenance, indent=1) + "\n", encoding="utf-8")
            write_lines(folder / "cell.json", [{"key": cell.key, "title": cell.title, **result.facts}])

        write_folder(self.cells / cell.key, fill)

    def write_rows(self, plan: Sequence[Coordinates]) -> int:
        """Write cells.jsonl, a line for each cell, and rows.csv, all rows of finished cells; return their number."""
        count = 0
        cells = [
            replace(cell, status=self.status(cell.key), seconds=self.record(cell.key).get("seconds")) for cell in plan
        ]
        self.write("cells.jsonl", "".join(line(cell.as_dict(), default=str) for cell in cells))
        with new_file(self.path / "rows.csv") as file:
            # Text is quoted always: before Python 3.13 a bare carriage return in it would not be.
            writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
            writer.writerow(COLUMNS)
            for cell in cells:
                for row in self._rows(cell.key):
                    # repr keeps every bit of a float; None becomes an empty field.
                    record = {**cell.columns, **row}
                    writer.writerow([record[column] for column in COLUMNS])
                    count += 1
        return count

    def write(self, name: str, text: str) -> None:
        """Write a file of the run, whole or not at all."""
        write_file(self.path / name, text)

    def provenances(self, plan: Iterable[Cell]) -> Iterator[tuple[Cell, dict[str, Any]]]:
        """Yield the finished cells of the plan with the provenance of each."""
        for cell in plan:
            path = self.cells / cell.key / "provenance.json"
            if path.exists():
                yield cell, json.loads(path.read_text(encoding="utf-8"))

    def write_notes(self, notes: Iterable[str]) -> None:
        """Add notes to notes.txt, a line each, each once."""
        path = self.path / "notes.txt"
        with writing(path):
            before = path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1] if path.is_file() else []
        lines = dict.fromkeys([*before, *map(printable, notes)])
        self.write(path.name, "".join(f"{line}\n" for line in lines))

    def seal(self) -> None:
        """Write the manifest of the files beside the cells."""
        seal(self.path, [name for name in RUN_FILES if (self.path / name).exists()])

    def _rows(self, key: str) -> Iterator[dict[str, Any]]:
        path = self.cells / key / "rows.jsonl"
        if path.exists():
            yield from (record for _, record in read_lines(path))

    def record(self, key: str) -> dict[str, Any]:
        """Return what cell.json says; nothing for a cell that was never finished."""
        return _record(self.cells / key)


def _record(folder: Path) -> dict[str, Any]:
    path = folder / "cell.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _status(folder: Path) -> str:
    return str(_record(folder).get("status", PLANNED))
