"""Runs an experiment: plan, resume, execute, consolidate. Knows nothing of terminals; it tells an observer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

import yaml

from robustrank.engine.cell import Cell
from robustrank.engine.cell_result import CellResult, failed_cell
from robustrank.engine.dry_run import Forecast
from robustrank.engine.executors.executor import open_executor
from robustrank.engine.executors.workers import ONE_PROCESS, Workers
from robustrank.engine.planning import Plan
from robustrank.engine.provenance import run_provenance
from robustrank.engine.run_folder import PLANNED, RunFolder
from robustrank.engine.selection import Selection
from robustrank.engine.units import Units, tell_ties
from robustrank.errors import DataError, NothingMeasured
from robustrank.experiment import Experiment
from robustrank.notices import listening

Redo = Literal["errors", "none", "all"]


class Observer(Protocol):
    """Progress callback interface."""

    def planned(
        self, cells: Sequence[Cell], todo: Sequence[Cell], retired: int, calls: Mapping[str, int | None]
    ) -> None:
        """The plan is made: its selected cells, those of them that are left to do, and bounds on calls by key."""

    def advanced(self, done: int, total: int, unit: str) -> None:
        """The cell in work has done so many of so many queries, targets, or what the unit is."""

    def finished(self, result: CellResult) -> None:
        """A cell is finished."""

    def noticed(self, text: str) -> None:
        """Something is worth saying that is no error: a damaged cell is done again, a cache was set aside."""


@dataclass(frozen=True)
class CellOutcome:
    """What became of a cell of the plan.

    Attributes:
        key, title: The cell.
        status: "done", "skipped", "error", or "planned" where it has no result.
        seconds: How long it took; None where that is not known.
        reason: Why it was skipped or failed.
        is_selected: Whether this run was to run it.
    """

    key: str
    title: str
    status: str
    seconds: float | None
    reason: str
    is_selected: bool


@dataclass
class Summary:
    """How a run ended.

    Attributes:
        folder: The run folder.
        outcomes: What became of each cell of the plan, now or before.
        done, rows: How many cells were done now, how many rows there are.
        failed: The cells that ended in an error now.
        allow_empty: Whether nothing may be measured.
        notices: What was said while it ran: of collections and rankers, which damaged files were set aside.
    """

    folder: Path
    outcomes: list[CellOutcome] = field(default_factory=list)
    done: int = 0
    rows: int = 0
    failed: list[CellResult] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    allow_empty: bool = False

    def add(self, result: CellResult) -> None:
        """Count a cell that is done."""
        self.done += 1
        self.failed += [result] if result.status == "error" else []

    @property
    def cells(self) -> int:
        """How many cells the plan has."""
        return len(self.outcomes)

    @property
    def left(self) -> int:
        """How many cells of the plan have no result, as those that were not selected."""
        return sum(outcome.status == PLANNED for outcome in self.outcomes)

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """Title and reason of each selected cell that was skipped."""
        return [(o.title, o.reason) for o in self.outcomes if o.status == "skipped" and o.is_selected]

    @property
    def is_empty(self) -> bool:
        """Whether no selected cell has measured anything."""
        return all(outcome.status == "skipped" for outcome in self.outcomes if outcome.is_selected)

    @property
    def exit_code(self) -> int:
        """0, the exit code of the first cell that failed, or that of a run in which every cell was skipped."""
        if self.failed:
            return self.failed[0].exit_code
        return NothingMeasured.exit_code if self.is_empty and not self.allow_empty else 0


def run(
    experiment: Experiment,
    out: Path,
    *,
    cache: Path,
    observer: Observer,
    workers: Workers = ONE_PROCESS,
    redo: Redo = "errors",
    allow_empty: bool = False,
    selection: Selection | None = None,
    notes: Sequence[str] = (),
) -> Summary:
    """Run what is left to do of an experiment.

    Args:
        experiment: What to run.
        out: The run folder; made, or resumed.
        cache: The folder of scores and trained weights.
        observer: Is told how it goes.
        workers: Who runs the cells.
        redo: Which finished cells are done again: those that ended in an error, none, or all.
        allow_empty: Whether nothing may be measured: no cells, an attack that is in none, or every cell skipped.
        selection: Which cells of the plan are run; None is all. The others stay in the plan, and keep their results.
        notes: What is said and kept beside what the run has to say itself.

    Raises:
        NothingMeasured: The plan has no cells.
        UsageError: No cell is selected.
        RobustrankError: The plan cannot be made, or the folder cannot be written.
        KeyboardInterrupt: The user stopped it; finished cells are kept.
    """
    summary = Summary(out, allow_empty=allow_empty)

    def tell(text: str) -> None:
        if text in summary.notices:  # of another cell
            return
        summary.notices.append(text)
        observer.noticed(text)

    with listening(tell), open_executor(experiment, cache, workers) as executor:
        plan = executor.plan(allow_empty)
        selected = selection.of(plan.cells) if selection else plan.cells
        folder = RunFolder(out)
        with folder.open():
            retired = folder.retire_stale(plan.cells)
            folder.set_damaged_aside(plan.cells)
            todo = [cell for cell in selected if _left(folder.status(cell.key), redo)]
            observer.planned(selected, todo, retired, plan.calls)
            said = _unselected(selection, len(selected), len(plan.cells))
            for text in (*notes, *said, *(plan.header if todo else ())):
                tell(text)
            folder.write("experiment.yaml", yaml.safe_dump(_asked(experiment), sort_keys=False, allow_unicode=True))
            if todo:  # what is there now, should the run be killed
                _consolidate(folder, plan, summary.notices)
            units = Units(out / "units", plan.units)
            units.forget(todo if redo == "all" else [])
            try:
                for part in executor.run(units.left(todo), observer.advanced):
                    result = units.add(part)
                    if result is None:
                        continue
                    result = replace(result, facts={**result.facts, "calls_at_most": plan.calls[result.cell.key]})
                    tell_ties(result)
                    summary.add(_save(folder, result))
                    units.saved(result)
                    observer.finished(result)
            finally:
                summary.rows = _consolidate(folder, plan, summary.notices)
                keys = {cell.key for cell in selected}
                summary.outcomes = [_outcome(cell, folder, cell.key in keys) for cell in plan.cells]
    return summary


def dry_run(
    experiment: Experiment,
    out: Path,
    *,
    cache: Path,
    redo: Redo = "errors",
    allow_empty: bool = False,
    selection: Selection | None = None,
    workers: Workers = ONE_PROCESS,
) -> list[Forecast]:
    """Return what :func:`run` would do with each cell; no model scores.

    Nothing is written, but what the cache keeps of large collections.

    Raises:
        NothingMeasured: The plan has no cells.
        RobustrankError: The plan cannot be made.
    """
    folder = RunFolder(out)
    with open_executor(experiment, cache, workers.for_planning) as executor:
        forecasts = executor.forecasts(allow_empty)
    if selection:
        selection.of([forecast.cell for forecast in forecasts])  # refuses what is in no cell
        forecasts = [forecast for forecast in forecasts if selection.has(forecast.cell)]
    return [_resumed(forecast, folder.kept_status(forecast.cell.key), redo) for forecast in forecasts]


def _resumed(forecast: Forecast, status: str, redo: Redo) -> Forecast:
    """Return a forecast that knows what became of the cell before."""
    if _left(status, redo):
        return forecast
    return replace(forecast, fate="skip" if status == "skipped" else "done")


def _unselected(selection: Selection | None, selected: int, cells: int) -> list[str]:
    if selection is None:
        return []
    others = cells - selected
    return [f"--only {selection.text}: {selected} of {cells} cells of the plan are run, the other {others} not"]


def _outcome(cell: Cell, folder: RunFolder, is_selected: bool) -> CellOutcome:
    record = folder.record(cell.key)
    reason = str(record.get("error") or record.get("reason") or "")
    return CellOutcome(cell.key, cell.title, folder.status(cell.key), record.get("seconds"), reason, is_selected)


def _save(folder: RunFolder, result: CellResult) -> CellResult:
    """Save a result; return it, or, where no file can hold it, the error that was saved in its place."""
    try:
        folder.save(result)
    except DataError as error:
        if isinstance(error.__cause__, OSError):  # the disk's fault: no further cell could be written, either
            raise
        result = failed_cell(result.cell, error, result.provenance)
        folder.save(result)
    return result


def _consolidate(folder: RunFolder, plan: Plan, notices: Sequence[str]) -> int:
    """Write what is put together from the finished cells, and its manifest; return the number of rows."""
    rows = folder.write_rows(plan.coordinates)
    provenance = run_provenance(plan.provenance, folder.provenances(plan.cells))
    folder.write("provenance.json", json.dumps(provenance, indent=2) + "\n")
    folder.write_notes(notices)
    folder.seal()
    return rows


def _left(status: str, redo: Redo) -> bool:
    return status == PLANNED or redo == "all" or (redo == "errors" and status == "error")


def _asked(experiment: Experiment) -> dict[str, object]:
    """Return the experiment as its file would say it, defaults left out."""
    return {key: _plain(value) for key, value in experiment.model_dump(exclude_defaults=True).items()}


def _plain(value: object) -> object:
    """Fold an entry's parameters back beside its name."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict) and "name" in value:
        rest = {key: item for key, item in value.items() if key not in {"name", "parameters"}}
        return {"name": value["name"], **value.get("parameters", {}), **rest}
    return value
