"""Workers that run cells, as the driver of a run leads them: what they are told and say, and what becomes of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from robustrank.engine.cell import Cell
from robustrank.engine.cell_result import CellResult, lost_cell
from robustrank.engine.dry_run import Forecast
from robustrank.engine.planning import Plan
from robustrank.errors import PluginError, UsageError
from robustrank.notices import notice
from robustrank.steps import Tell

_POLL_SECONDS = 0.2  # how often workers are looked after that say nothing


@dataclass
class _Job:
    """A cell in work."""

    cell: Cell
    deadline: float | None = None  # by the monotonic clock; set when the process has begun with the cell
    due: float | None = None  # when it has to have said something, since a target has a time limit
    leaves: bool = False  # whether its process ends behind it
    steps: dict[str, tuple[int, int]] = field(default_factory=dict)  # done and total by unit


class Worker(Protocol):
    """A worker as its pool holds it: a process that plans and runs cells on request, wherever it is."""

    @property
    def connection(self) -> Connection | None:
        """Where it speaks; None while it is not there yet."""

    def send(self, request: str, content: Any = None) -> None:
        """Ask for something; one that died meanwhile is noticed by :meth:`is_alive`."""

    def messages(self, timeout: float = 0.0) -> Iterator[tuple[str, Any]]:
        """Yield the messages (kind, content) that have come; wait for the first as long as ``timeout`` seconds."""

    def is_alive(self) -> bool:
        """Return whether it runs, or is still to start, and takes requests."""

    @property
    def fate(self) -> str:
        """How it ended, in words."""

    @property
    def advice(self) -> str | None:
        """What may help where it was killed."""

    def close(self) -> None:
        """Wait some seconds until it has ended by itself, as it was asked to; then end it."""

    def end(self) -> None:
        """End it at once, with all that it started."""


class Pool:
    """Runs cells in workers; one of them also makes the plan, while the others start and get ready.

    A worker that dies, or is ended because its cell took too long, costs that cell alone: the others go on in a
    new one. A pool is a context manager: its workers end with it.

    Args:
        start: Starts a worker.
        count: How many run at once.
        cell_seconds: How long a cell may take; None is no limit.
    """

    def __init__(self, start: Callable[[], Worker], count: int, cell_seconds: float | None) -> None:
        self._start_worker, self._count, self._cell_seconds = start, count, cell_seconds
        self._idle: list[Worker] = []
        self._fresh: list[Worker] = []  # of the idle ones, those without a request so far
        self._busy: dict[Worker, _Job] = {}

    def __enter__(self) -> Pool:
        """Begin; workers start with the plan."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the workers: at once after an error."""
        if kind is None:
            self.close()
        else:
            self.end()

    def plan(self, allow_empty: bool) -> Plan:
        """Return the plan."""
        self._fresh = [self._start_worker() for _ in range(self._count)]
        plan: Plan = self._call("plan", allow_empty)
        return plan

    def forecasts(self, allow_empty: bool) -> list[Forecast]:
        """Return what would become of each cell."""
        found: list[Forecast] = self._call("forecasts", allow_empty)
        return found

    def run(self, cells: Iterable[Cell], advance: Tell) -> Iterator[CellResult]:
        """Yield the result of each cell, as they finish; steps are told as sums over the cells in work."""
        waiting = iter(cells)
        cell = next(waiting, None)
        while cell is not None or self._busy:
            while cell is not None and (worker := self._ready()):
                self._start(worker, cell)
                cell = next(waiting, None)
            wait([worker.connection for worker in self._busy if worker.connection], timeout=_POLL_SECONDS)
            for worker in list(self._busy):
                result = self._result(worker, advance)
                if result is not None:
                    yield result

    def close(self) -> None:
        """Let the idle workers end."""
        late = sum(worker.connection is None for worker in self._fresh)
        if late:
            notice(f"{late} of {self._count} workers were not started before the run's end: the cluster had no room")
        for worker in self._idle:
            worker.send("end")
        for worker in self._idle:
            worker.close()
        self.end()

    def end(self) -> None:
        """End all workers at once."""
        for worker in [*self._idle, *self._fresh, *self._busy]:
            worker.end()
        self._idle, self._fresh, self._busy = [], [], {}

    def _call(self, request: str, content: Any) -> Any:
        while not (worker := self._ready()):
            time.sleep(_POLL_SECONDS)
        for other in self._fresh:
            other.send("warm")
        leaves = False
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

    def _ready(self) -> Worker | None:
        """Return a worker that can begin at once; None while all are busy, or wait for a cluster to start them.

        Raises:
            UsageError: The cluster has ended a worker before it was there.
        """
        for workers in (self._idle, self._fresh):
            for worker in list(workers):
                if not worker.is_alive():
                    workers.remove(worker)
                    worker.end()
                    if worker.connection is None:
                        raise UsageError(f"a worker ended before it got a request: {worker.fate}")
                elif worker.connection is not None:
                    workers.remove(worker)
                    return worker
        if len(self._fresh) + len(self._busy) < self._count:
            self._fresh.append(self._start_worker())
            return self._ready()
        return None

    def _keep(self, worker: Worker, leaves: bool) -> None:
        """Keep a worker for what comes next, unless it has said that it leaves."""
        if leaves:
            worker.close()
        else:
            self._idle.append(worker)

    def _start(self, worker: Worker, cell: Cell) -> None:
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
