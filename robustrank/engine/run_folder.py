"""The run folder: finished cells as folders that appear in one atomic rename, so that a kill loses the cell in flight.

experiment.yaml      what was asked
provenance.json      versions, hardware, data hashes: what it was answered with
cells/<key>/         rows.jsonl, cell.json; adversarial.jsonl, certificates.jsonl, runs/*.trec if any
retired/<key>/       cells of an earlier form of the experiment; they come back when it names them again
cells.jsonl          what each cell is: names, parameters, labels, identities
rows.csv             all rows in the order of the plan, written when the run ends
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from robustrank.collections.trec import write_run
from robustrank.engine.cell import Cell
from robustrank.errors import DataError, UsageError
from robustrank.rows import COLUMNS, Coordinates, Row


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
            with writing(self.path):
                for leftover in self.cells.glob(".*"):
                    shutil.rmtree(leftover)
            yield
        finally:
            lock.release()

    def status(self, key: str) -> str | None:
        """Return "done", "error", or None for a cell that was never finished."""
        path = self.cells / key / "cell.json"
        if not path.exists():
            return None
        return str(json.loads(path.read_text(encoding="utf-8"))["status"])

    def retire_stale(self, plan: Iterable[Cell]) -> int:
        """Retire cells the plan does not name, bring back retired ones it names; return how many were retired."""
        keys = {cell.key for cell in plan}
        retired = self.path / "retired"
        with writing(self.path):
            for key in keys:
                if (retired / key).exists() and not (self.cells / key).exists():
                    os.replace(retired / key, self.cells / key)
            stale = [path for path in self.cells.iterdir() if path.name not in keys]
            for path in stale:
                retired.mkdir(exist_ok=True)
                shutil.rmtree(retired / path.name, ignore_errors=True)
                os.replace(path, retired / path.name)
        return len(stale)

    def save(
        self,
        cell: Cell,
        rows: Sequence[Row],
        facts: Mapping[str, Any],
        adversarial: Sequence[Mapping[str, Any]] = (),
        certificates: Sequence[Mapping[str, Any]] = (),
        runs: Mapping[str, Mapping[str, Mapping[str, float]]] | None = None,
    ) -> None:
        """Write a cell; it is there whole or not at all.

        Raises:
            DataError: The folder cannot be written, or the disk is full; finished cells are untouched.
        """
        final = self.cells / cell.key
        with writing(self.path):
            folder = Path(tempfile.mkdtemp(prefix=".", dir=self.cells))
            _write_lines(folder / "rows.jsonl", (row.as_dict() for row in rows))
            for name, records in (("adversarial", adversarial), ("certificates", certificates)):
                if records:
                    _write_lines(folder / f"{name}.jsonl", records)
            for tag, run in (runs or {}).items():
                (folder / "runs").mkdir(exist_ok=True)
                write_run(folder / "runs" / f"{tag}.trec", run, tag)
            _write_lines(folder / "cell.json", [{"key": cell.key, "title": cell.title, **facts}])
            folder.chmod(0o755)
            shutil.rmtree(final, ignore_errors=True)
            os.replace(folder, final)

    def write_rows(self, plan: Sequence[Coordinates]) -> int:
        """Write cells.jsonl and rows.csv: every finished cell of the plan, in its order; return the number of rows."""
        count = 0
        finished = [replace(c, status=status) for c in plan if (status := self.status(c.key))]
        with writing(self.path):
            _write_lines(self.path / ".cells.jsonl", (coordinates.as_dict() for coordinates in finished))
            os.replace(self.path / ".cells.jsonl", self.path / "cells.jsonl")
            temporary = self.path / ".rows.csv"
            with temporary.open("w", encoding="utf-8", newline="") as file:
                # Text is quoted always: before Python 3.13 a bare carriage return in it would not be.
                writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
                writer.writerow(COLUMNS)
                for coordinates in finished:
                    for row in self._rows(coordinates.key):
                        # repr keeps every bit of a float; None becomes an empty field.
                        record = {**coordinates.columns, **row}
                        writer.writerow([record[column] for column in COLUMNS])
                        count += 1
            os.replace(temporary, self.path / "rows.csv")
        return count

    def write(self, name: str, text: str) -> None:
        """Write a file of the run, whole or not at all."""
        with writing(self.path):
            temporary = self.path / f".{name}"
            temporary.write_text(text, encoding="utf-8")
            os.replace(temporary, self.path / name)

    def _rows(self, key: str) -> Iterator[dict[str, Any]]:
        path = self.cells / key / "rows.jsonl"
        if path.exists():
            with path.open(encoding="utf-8") as file:
                yield from (json.loads(line) for line in file)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write into an error that says where and what is safe."""
    try:
        yield
    except Timeout:
        raise
    except OSError as error:
        raise DataError(
            f"cannot write: {error.strerror or error}",
            where=str(error.filename or path),
            hint="finished cells are kept; make room or choose another --out, and run the same command again",
        ) from error


def _write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")
        file.flush()
        os.fsync(file.fileno())
