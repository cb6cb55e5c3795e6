"""The contract of executors, and the choice of one: the driver of a run sees this page alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Protocol

from robustrank.engine.cell import Cell
from robustrank.engine.cell_result import CellResult
from robustrank.engine.dry_run import Forecast
from robustrank.engine.executors.workers import Workers
from robustrank.engine.planning import Plan
from robustrank.experiment import Experiment
from robustrank.steps import Tell


class Executor(Protocol):
    """Runs the plug-in code of one experiment."""

    def plan(self, allow_empty: bool) -> Plan:
        """Return the plan, see :func:`robustrank.engine.planning.make_plan`."""

    def forecasts(self, allow_empty: bool) -> list[Forecast]:
        """Return what would become of each cell, see :func:`robustrank.engine.dry_run.forecasts`."""

    def run(self, cells: Iterable[Cell], advance: Tell) -> Iterator[CellResult]:
        """Yield the result of each cell, or unit, as they finish; a cell is taken when a worker is free for it."""


@contextmanager
def open_executor(experiment: Experiment, cache: Path, workers: Workers) -> Iterator[Executor]:
    """Open an executor, and end its workers behind it.

    Args:
        experiment: What is to be run.
        cache: The folder of scores and trained weights.
        workers: Who runs it.

    Raises:
        UsageError: The executor is not installed, or does not know an option.
    """
    name = "local" if workers.is_this_process else workers.executor
    with import_module(f"robustrank.engine.executors.{name}").opened(experiment, cache, workers) as executor:
        yield executor
