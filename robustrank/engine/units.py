"""Units of cells, as the driver hands them out, keeps their results, and puts these together.

A unit is a share of a cell's queries. Its result is kept in the run folder until the cell is whole, so that a kill
loses the units in work only:

units/<key>/<unit>-of-<units>.json      a digest, and the result of a unit

The result of a cell does not depend on the number of its units.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from robustrank.engine.cell import Cell
from robustrank.engine.cell_result import SAVED_LINES, CellResult, failed_cell, finished_cell
from robustrank.errors import PluginError
from robustrank.measures.ties import DEGENERATE
from robustrank.notices import notice
from robustrank.printing import counted
from robustrank.rows import FACT, checked_row
from robustrank.storage import write_file

_SUMS = ("seconds", "pairs_scored", "pairs_cached")


class Units:
    """The units of a run's cells.

    Args:
        folder: Where results of units are kept.
        counts: The number of units of each cell, by its key.
    """

    def __init__(self, folder: Path, counts: Mapping[str, int]) -> None:
        self._folder, self._counts = folder, counts
        self._done: dict[str, dict[int, CellResult]] = {}
        self._failed: set[str] = set()

    def forget(self, cells: Iterable[Cell]) -> None:
        """Forget the units of cells that are to be done again as a whole."""
        for cell in cells:
            shutil.rmtree(self._folder / cell.key, ignore_errors=True)

    def left(self, cells: Sequence[Cell]) -> Iterator[Cell]:
        """Yield the units that are left to do, one at a time; none of a cell of which one has failed.

        Of a cell whose units are all there the last is done again, and the cell ends with it.
        """
        for cell in cells:
            count = self._counts[cell.key]
            units = [replace(cell, unit=unit, units=count) for unit in range(count)]
            kept = self._done.setdefault(cell.key, {})
            kept.update({unit.unit: result for unit in units[:-1] if (result := self._kept(unit))})
            yield from (unit for unit in units if unit.unit not in kept and cell.key not in self._failed)

    def add(self, result: CellResult) -> CellResult | None:
        """Take the result of a unit; return that of the cell if this was the last one, or the first that failed."""
        cell = result.cell
        whole, key = replace(cell, unit=0, units=1), cell.key
        if cell.units == 1:
            return result
        if result.status != "error":
            self._keep(result)
        if key in self._failed:
            return None
        if "traceback" in result.facts:
            self._failed.add(key)
            return replace(result, cell=whole)
        done = self._done[key]
        done[cell.unit] = result
        if len(done) < cell.units:
            return None
        del self._done[key]
        return merged(whole, [done[unit] for unit in range(cell.units)])

    def saved(self, result: CellResult) -> None:
        """Let the units of a cell go that is whole and saved."""
        if result.cell.key not in self._failed:
            self.forget([result.cell])

    def _path(self, cell: Cell) -> Path:
        return self._folder / cell.key / f"{cell.unit + 1}-of-{cell.units}.json"

    def _keep(self, result: CellResult) -> None:
        record = {
            "rows": [row.as_dict() for row in result.rows],
            **{name: getattr(result, name) for name in ("facts", "provenance", "told", *SAVED_LINES, "runs")},
        }
        text = json.dumps(record)
        write_file(self._path(result.cell), f"{_digest(text)}\n{text}\n")

    def _kept(self, cell: Cell) -> CellResult | None:
        path = self._path(cell)
        if not path.is_file():
            return None
        digest, _, text = path.read_text(encoding="utf-8", errors="replace").partition("\n")
        if digest != _digest(text.removesuffix("\n")):
            notice(f"{path}: damaged; these queries are measured again: {cell.title}")
            return None
        record: dict[str, Any] = json.loads(text)
        rows = [checked_row(row) for row in record.pop("rows")]
        return finished_cell(cell, rows, told=tuple(record.pop("told")), **record)


def merged(cell: Cell, units: Sequence[CellResult]) -> CellResult:
    """Return the result of a cell from those of its units, in their order: rows about no query first, and once."""
    about_none = list(dict.fromkeys(row for unit in units for row in unit.rows if not row.query_id))
    facts = [(row.doc_id, *(getattr(row, name) for name in FACT), row.status == "skipped") for row in about_none]
    if len(set(facts)) < len(facts):
        fact = next(fact for fact in facts if facts.count(fact) > 1)
        reason = f"task {cell.task.name!r} measures {fact[1]!r} of the whole cell, and its units differ in it"
        error = PluginError(reason, hint="say in `undivided` of the task why its cells are not divided")
        return failed_cell(cell, error, units[0].provenance)
    return finished_cell(
        cell,
        [*about_none, *(row for unit in units for row in unit.rows if row.query_id)],
        {name: sum(unit.facts.get(name, 0) for unit in units) for name in _SUMS} | {"units": len(units)},
        units[-1].provenance,
        units[0].told,
        **{name: [record for unit in units for record in getattr(unit, name)] for name in SAVED_LINES},
        runs={tag: {q: run for unit in units for q, run in unit.runs.get(tag, {}).items()} for tag in units[0].runs},
    )


def tell_ties(result: CellResult) -> None:
    """Say of how many queries of a cell the scores were degenerate."""
    cell, queries = result.cell, {row.query_id for row in result.rows if row.note.startswith(DEGENERATE)}
    if queries:
        served = cell.ranker.label if cell.defense.name == "none" else f"{cell.ranker.label} under {cell.defense.label}"
        notice(
            f"{served} on {cell.collection.label}: {DEGENERATE} for {counted(len(queries), 'query')}: "
            f"over 20 % of a list's scores are equal to another"
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
