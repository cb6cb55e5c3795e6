"""Runs cells and gives back what they return: in processes of their own, or in this one. The driver alone writes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Protocol

from robustrank.engine.cell import Cell
from robustrank.engine.cell_result import CellResult, lost_cell
from robustrank.engine.driver import Worker
from robustrank.engine.dry_run import Forecast, forecasts
from robustrank.engine.planning import Plan, make_plan
from robustrank.engine.resources import Resources
from robustrank.engine.worker import run_cell
from robustrank.errors import PluginError, UsageError
from robustrank.experiment import Experiment
from robustrank.loaded import release
from robustrank.notices import notice
from robustrank.steps import Tell

_POLL_SECONDS = 0.2  # how often processes are looked after that say nothing


class Executor(Protocol):
    """Runs the plug-in code of one experiment."""

    def plan(self, allow_empty: bool) -> Plan:
        """Return the plan, see :func:`robustrank.engine.planning.make_plan`."""

    def forecasts(self, allow_empty: bool) -> list[Forecast]:
        """Return what would become of each cell, see :func:`robustrank.engine.dry_run.forecasts`."""

    def run(self, cells: Sequence[Cell], advance: Tell) -> Iterator[CellResult]:
        """Yield the result of each cell, as they finish."""


@contextmanager
def open_executor(
    experiment: Experiment, cache: Path, workers: int = 1, cell_seconds: float | None = None
) -> Iterator[Executor]:
    """Open an executor, and end its processes behind it.

    Args:
        experiment: What is to be run.
        cache: The folder of scores and trained weights.
        workers: How many processes; 0 is this one, which a plug-in can end.
        cell_seconds: How long a cell may take.

    Raises:
        UsageError: A time limit without a process that could be ended.
    """
    if workers == 0:
        if cell_seconds is not None:
            raise UsageError(
                "a limit on a cell's time needs a process that can be ended", allowed="--workers 1 or more"
            )
        try:
            yield InThisProcess(experiment, cache)
        finally:
            release()
        return
    executor = InProcesses(experiment, cache, workers, cell_seconds)
    try:
        yield executor
    except BaseException:
        executor.end()
        raise
    executor.close()


class InThisProcess:
    """Runs cells in this process, for a debugger: a plug-in that ends the process ends the run."""

    def __init__(self, experiment: Experiment, cache: Path) -> None:
        self._experiment, self._resources = experiment, Resources(experiment, cache)

    def plan(self, allow_empty: bool) -> Plan:
        """Return the plan."""
        return make_plan(self._experiment, self._resources, allow_empty)

    def forecasts(self, allow_empty: bool) -> list[Forecast]:
        """Return what would become of each cell."""
        return forecasts(self._experiment, self._resources, allow_empty)

    def run(self, cells: Sequence[Cell], advance: Tell) -> Iterator[CellResult]:
        """Yield the result of each cell, one after the other."""
        for cell in cells:
            yield run_cell(cell, self._resources, advance)


@dataclass
class _Job:
    """A cell in work."""

    cell: Cell
    deadline: float | None = None  # by the monotonic clock; set when the process has begun with the cell
    due: float | None = None  # when it has to have said something, since a target has a time limit
    leaves: bool = False  # whether its process ends behind it
    steps: dict[str, tuple[int, int]] = field(default_factory=dict)  # done and total by unit


class InProcesses:
    """Runs cells in worker processes; the first also makes the plan.

    A process that dies, or is ended because its cell took too long, costs that cell alone: the others go on in a
    new process.
    """

    def __init__(self, experiment: Experiment, cache: Path, workers: int, cell_seconds: float | None) -> None:
        self._experiment, self._cache = experiment, cache
        self._count, self._cell_seconds = workers, cell_seconds
        self._idle: list[Worker] = []
        self._busy: dict[Worker, _Job] = {}

    def plan(self, allow_empty: bool) -> Plan:
        """Return the plan."""
        plan: Plan = self._call("plan", allow_empty)
        return plan

    def forecasts(self, allow_empty: bool) -> list[Forecast]:
        """Return what would become of each cell."""
        found: list[Forecast] = self._call("forecasts", allow_empty)
        return found

    def run(self, cells: Sequence[Cell], advance: Tell) -> Iterator[CellResult]:
        """Yield the result of each cell, as they finish; steps are told as sums over the cells in work."""
        waiting = deque(cells)
        while waiting or self._busy:
            while waiting and len(self._busy) < self._count:
                self._start(waiting.popleft())
            wait([worker.connection for worker in self._busy], timeout=_POLL_SECONDS)
            for worker in list(self._busy):
                result = self._result(worker, advance)
                if result is not None:
                    yield result

    def close(self) -> None:
        """Let the idle processes end."""
        for worker in self._idle:
            worker.close()
        self.end()

    def end(self) -> None:
        """End all processes at once."""
        for worker in [*self._idle, *self._busy]:
            worker.end()
        self._idle, self._busy = [], {}

    def _call(self, request: str, content: Any) -> Any:
        worker, leaves = self._worker(), False
        worker.send(request, content)
        while True:
            alive = worker.is_alive()  # before the messages are read: what it said last still counts
            for kind, content in worker.messages(_POLL_SECONDS):
                if kind == "noticed":
                    notice(content)
                elif kind == "leaving":
                    leaves = True
                else:
                    self._keep(worker, leaves)
                    return _opened(kind, content)
            if not alive:
                worker.end()
                raise PluginError(
                    f"a plug-in ended the process that plans the run: {worker.fate}",
                    hint="a plug-in must not call os._exit; robustrank run --workers 0 runs all in one process, for a "
                    "debugger",
                )

    def _worker(self) -> Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive():
                return worker
            worker.end()
        return Worker(self._experiment, self._cache, self._count)

    def _keep(self, worker: Worker, leaves: bool) -> None:
        """Keep a worker for what comes next, unless it has said that it leaves."""
        if leaves:
            worker.close()
        else:
            self._idle.append(worker)

    def _start(self, cell: Cell) -> None:
        worker = self._worker()
        worker.send("cell", cell)
        self._busy[worker] = _Job(cell)

    def _result(self, worker: Worker, advance: Tell) -> CellResult | None:
        """Return the result of a worker's cell, or None while it works."""
        job, alive = self._busy[worker], worker.is_alive()
        for kind, content in worker.messages():
            if kind == "started":
                job.deadline = None if self._cell_seconds is None else time.monotonic() + self._cell_seconds
            elif kind == "due":
                job.due = None if content is None else time.monotonic() + content
            elif kind == "advanced":
                done, total, unit = content
                job.steps[unit] = (done, total)
                in_work = [other.steps[unit] for other in self._busy.values() if unit in other.steps]
                advance(sum(done for done, _ in in_work), sum(total for _, total in in_work), unit)
            elif kind == "noticed":
                notice(content)
            elif kind == "leaving":
                job.leaves = True
            else:
                del self._busy[worker]
                self._keep(worker, job.leaves)
                result: CellResult = _opened(kind, content)
                return result
        if not alive:
            return self._lost(worker, f"the process died while it ran this cell: {worker.fate}", worker.advice)
        if job.deadline is not None and time.monotonic() > job.deadline:
            reason = f"the limit of {self._cell_seconds:g} s a cell is over; the process that ran it was ended"
            return self._lost(worker, reason, "raise --cell-seconds, or run the cell again alone")
        if job.due is not None and time.monotonic() > job.due:
            reason = "the time limit of a target is over, and a plug-in does not let go of the interpreter"
            return self._lost(worker, reason, "the process that ran the cell was ended")
        return None

    def _lost(self, worker: Worker, reason: str, hint: str | None) -> CellResult:
        job = self._busy.pop(worker)
        worker.end()
        return lost_cell(job.cell, reason, hint)


def _opened(kind: str, content: Any) -> Any:
    """Return an answer, or raise what it tells."""
    if kind == "refused":
        raise content
    if kind == "defect":
        raise RuntimeError(f"in a worker process:\n{content}")
    return content
