"""The process in which plug-in code runs: it plans and runs cells on request, and never writes to the run folder.

Requests and answers go through one pair of sockets. Standard input is empty, and what plug-ins print goes to standard
error. Ctrl-C is the driver's business; when the driver is gone, this process ends.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from robustrank import time_limit
from robustrank.engine.cell import Cell
from robustrank.engine.cell_result import CellResult, failed_cell, storable_lines
from robustrank.engine.dry_run import forecasts
from robustrank.engine.planning import make_plan
from robustrank.engine.preparation import warm
from robustrank.engine.process import CONNECTION_LOST
from robustrank.engine.provenance import minimal_provenance
from robustrank.engine.resources import Resources
from robustrank.engine.worker import run_cell
from robustrank.errors import RobustrankError
from robustrank.experiment import Experiment
from robustrank.notices import listening
from robustrank.rankers.cache import Sharing

Request = Literal["warm", "plan", "forecasts", "cell", "end"]
_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)
_PROGRESS_SECONDS = 0.1  # least time between two messages of progress


@dataclass(frozen=True)
class Setup:
    """What a worker process is told first."""

    experiment: Experiment
    cache: Path
    arguments: tuple[str, ...]  # the driver's command line, for provenance
    sharing: Sharing  # who else computes scores meanwhile


class _Channel:
    """Sends messages to the driver: (kind, content). A forked child of this process cannot."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock, self._last_progress = connection, threading.Lock(), 0.0
        self._descriptor = connection.fileno()
        os.register_at_fork(after_in_child=connection.close)

    @property
    def is_hung_up(self) -> bool:
        """Whether the driver is gone."""
        watched, gone = select.poll(), select.POLLHUP | getattr(select, "POLLRDHUP", 0)
        watched.register(self._descriptor, gone)
        return any(event & gone for _, event in watched.poll(0))

    def receive(self) -> Any:
        return self._connection.recv()

    def send(self, kind: str, content: Any) -> None:
        with self._lock:
            self._connection.send((kind, content))

    def advance(self, done: int, total: int, unit: str) -> None:
        now = time.monotonic()
        if done >= total or now - self._last_progress >= _PROGRESS_SECONDS:
            self._last_progress = now
            self.send("advanced", (int(done), int(total), str(unit)))


def main(descriptor: int) -> None:
    """Serve the driver at the other end of a socket until it says that this is the end."""
    _serve(descriptor)
    gc.freeze()  # else the interpreter looks through all of torch for garbage, three times, before it ends


def _serve(descriptor: int) -> None:
    parent = os.getppid()
    channel = _Channel(Connection(descriptor))
    setup: Setup = channel.receive()
    _prepare_process(setup)
    threading.Thread(target=_end_with, args=(parent, channel), daemon=True).start()
    time_limit.announce = lambda seconds: channel.send("due", seconds)
    resources = Resources(setup.experiment, setup.cache, setup.sharing)
    answers: dict[Request, Callable[[Any], Any]] = {
        "plan": lambda allow_empty: make_plan(setup.experiment, resources, allow_empty),
        "forecasts": lambda allow_empty: forecasts(setup.experiment, resources, allow_empty),
        "cell": lambda cell: _run(cell, resources, channel),
    }
    while True:
        try:
            request, content = channel.receive()
        except EOFError:
            return
        if request == "end":
            return
        if request == "warm":
            warm(setup.experiment, resources)
            continue
        with listening(lambda text: channel.send("noticed", text)):
            _answer(channel, answers[request], content)


def _answer(channel: _Channel, answer: Callable[[Any], Any], content: Any) -> None:
    reply: tuple[str, Any]
    try:
        reply = "answer", answer(content)
    except RobustrankError as error:
        reply = "refused", _framework_error(error)
    except BaseException as error:
        reply = "defect", storable_lines(traceback.format_exception(error))
    leaves = any(thread.is_alive() for thread in time_limit.given_up)  # the next cell runs in a process without it
    try:
        if leaves:
            channel.send("leaving", None)  # before the answer, after which the driver would send the next cell
        channel.send(*reply)
    except OSError:  # the driver is gone, or a plug-in closed the connection
        raise SystemExit(CONNECTION_LOST) from None
    if leaves:
        os._exit(0)


def _run(cell: Cell, resources: Resources, channel: _Channel) -> CellResult:
    channel.send("started", None)
    try:
        return run_cell(cell, resources, channel.advance)
    except KeyboardInterrupt as error:  # not the user's: raised by a plug-in
        return failed_cell(cell, error, minimal_provenance())


def _framework_error(error: RobustrankError) -> RobustrankError:
    """Return an error as one of this package's classes, which the driver can read without the plug-in's code."""
    kind = next(cls for cls in type(error).__mro__ if cls.__module__ == RobustrankError.__module__)
    copied: RobustrankError = kind(str(error.what), where=error.where, allowed=error.allowed, hint=error.hint)
    return copied


def _prepare_process(setup: Setup) -> None:
    sys.argv[:] = setup.arguments
    gc.set_threshold(20_000)  # else an eighth of the time of importing torch and transformers goes into garbage
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)
    if sys.stderr is not None:
        faulthandler.enable()
    if sys.platform == "linux":  # also ends a process that a plug-in keeps from running Python code
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def _end_with(parent: int, channel: _Channel) -> None:
    """End this process and all that it started when the driver is gone, killed without a chance to say so."""
    while os.getppid() == parent and not channel.is_hung_up:
        time.sleep(0.5)
    os.killpg(0, signal.SIGKILL)
