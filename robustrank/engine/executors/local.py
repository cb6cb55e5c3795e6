"""Runs cells in this process, for a debugger: a plug-in that ends the process ends the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from robustrank.engine.cell import Cell
from robustrank.engine.cell_result import CellResult
from robustrank.engine.dry_run import Forecast, forecasts
from robustrank.engine.executors.workers import Workers
from robustrank.engine.planning import Plan, make_plan
from robustrank.engine.resources import Resources
from robustrank.engine.worker import run_cell
from robustrank.experiment import Experiment
from robustrank.loaded import release
from robustrank.steps import Tell


@contextmanager
def opened(experiment: Experiment, cache: Path, workers: Workers) -> Iterator[InThisProcess]:  # noqa: ARG001
    """Open the executor; what was loaded is let go behind it."""
    try:
        yield InThisProcess(experiment, cache)
    finally:
        release()


class InThisProcess:
    """Runs cells here, one after the other."""

    def __init__(self, experiment: Experiment, cache: Path) -> None:
        self._experiment, self._resources = experiment, Resources(experiment, cache)

    def plan(self, allow_empty: bool) -> Plan:
        """Return the plan."""
        return make_plan(self._experiment, self._resources, allow_empty)

    def forecasts(self, allow_empty: bool) -> list[Forecast]:
        """Return what would become of each cell."""
        return forecasts(self._experiment, self._resources, allow_empty)

    def run(self, cells: Iterable[Cell], advance: Tell) -> Iterator[CellResult]:
        """Yield the result of each cell, or unit, one after the other."""
        for cell in cells:
            yield run_cell(cell, self._resources, advance)
