"""Runs an experiment: plan, resume, execute, consolidate. Knows nothing of terminals; it tells an observer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import yaml

from robustrank.engine.cell import Cell, coordinates, plan
from robustrank.engine.context import Context
from robustrank.engine.executor import in_processes, in_this_process
from robustrank.engine.provenance import run_provenance
from robustrank.engine.resources import Resources
from robustrank.engine.run_folder import PLANNED, RunFolder
from robustrank.engine.worker import Outcome
from robustrank.experiment import Experiment
from robustrank.notices import listening
from robustrank.plugins import create
from robustrank.rows import Coordinates

Redo = Literal["errors", "none", "all"]


class Observer(Protocol):
    """Progress callback interface."""

    def planned(self, cells: Sequence[Cell], todo: Sequence[Cell], retired: int) -> None:
        """The plan is made; ``todo`` is left to do."""

    def advanced(self, done: int, total: int) -> None:
        """The cell in work has done so much."""

    def finished(self, outcome: Outcome) -> None:
        """A cell is finished."""

    def noticed(self, text: str) -> None:
        """Something is worth saying that is no error: a damaged cell is done again, a cache was set aside."""


@dataclass
class Summary:
    """How a run ended.

    Attributes:
        folder: The run folder.
        cells, done, rows: How many cells the plan has, how many were done now, how many rows there are.
        failed: The cells that ended in an error.
        notices: What was said while it ran: which damaged files were set aside, what was done again.
    """

    folder: Path
    cells: int = 0
    done: int = 0
    rows: int = 0
    failed: list[Outcome] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0, or the exit code of the first cell that failed."""
        return self.failed[0].exit_code if self.failed else 0


def run(
    experiment: Experiment,
    out: Path,
    *,
    cache: Path,
    observer: Observer,
    workers: int = 1,
    redo: Redo = "errors",
) -> Summary:
    """Run what is left to do of an experiment.

    Args:
        experiment: What to run.
        out: The run folder; made, or resumed.
        cache: The folder of scores and trained weights.
        observer: Is told how it goes.
        workers: Processes.
        redo: Which finished cells are done again: those that ended in an error, none, or all.

    Raises:
        RobustrankError: The plan cannot be made, or the folder cannot be written.
        KeyboardInterrupt: The user stopped it; finished cells are kept.
    """
    summary = Summary(out)

    def tell(text: str) -> None:
        summary.notices.append(text)
        observer.noticed(text)

    with listening(tell):
        resources = Resources(experiment, cache)
        cells = plan(experiment, resources)
        folder = RunFolder(out)
        with folder.open():
            retired = folder.retire_stale(cells)
            folder.set_damaged_aside(cells)
            todo = [cell for cell in cells if _left(folder.status(cell.key), redo)]
            observer.planned(cells, todo, retired)
            summary.cells = len(cells)
            folder.write("experiment.yaml", yaml.safe_dump(_asked(experiment), sort_keys=False, allow_unicode=True))
            lines = [coordinates(cell, resources) for cell in cells]
            if todo:  # what is there now, should the run be killed
                _consolidate(folder, cells, lines, resources)
            try:
                for outcome in _outcomes(todo, experiment, resources, folder, workers, observer):
                    observer.finished(outcome)
                    summary.done += 1
                    summary.failed += [outcome] if outcome.error else []
            finally:
                summary.rows = _consolidate(folder, cells, lines, resources)
    return summary


def upper_bound(experiment: Experiment, cache: Path) -> Iterator[tuple[Cell, int]]:
    """Yield the cells with an upper bound on the pairs each scores; no model is loaded to score."""
    resources = Resources(experiment, cache)
    for cell in plan(experiment, resources):
        yield cell, create("task", cell.task).calls(Context(cell, resources))


def _outcomes(
    todo: Sequence[Cell],
    experiment: Experiment,
    resources: Resources,
    folder: RunFolder,
    workers: int,
    observer: Observer,
) -> Iterator[Outcome]:
    if workers == 1:
        return in_this_process(todo, resources, folder, observer.advanced)
    return in_processes(todo, experiment, resources.cache, folder, workers)


def _consolidate(folder: RunFolder, cells: Sequence[Cell], lines: Sequence[Coordinates], resources: Resources) -> int:
    """Write what is put together from the finished cells, and its manifest; return the number of rows."""
    rows = folder.write_rows(lines)
    provenance = run_provenance(cells, resources, folder.provenances(cells))
    folder.write("provenance.json", json.dumps(provenance, indent=2) + "\n")
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
