"""A worker process as the driver of a run holds it: started, asked, and ended with all that it started itself."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from robustrank.engine.process import in_words, start_process, thread_variables
from robustrank.engine.worker_process import Setup
from robustrank.experiment import Experiment
from robustrank.rankers.cache import Sharing
from robustrank.rankers.runtime import Device, cuda_devices

_workers: Counter[str] = Counter()  # on each accelerator
_PATIENCE = 5.0  # seconds that a process has to end by itself


class Worker:
    """One worker process.

    Args:
        experiment: What it runs cells of.
        cache: The folder of scores and trained weights.
        count: How many of them there are, to share the cores.
    """

    def __init__(self, experiment: Experiment, cache: Path, count: int) -> None:
        self._accelerator = _take_accelerator(experiment.device) if count > 1 else None
        own, theirs = socket.socketpair()
        with theirs:
            self._process = start_process(theirs.fileno(), sys.path, thread_variables(count), self._accelerator)
        self.connection, self._is_closed = Connection(own.detach()), False
        self._send(Setup(experiment, cache, tuple(sys.argv), Sharing(is_shared=count > 1)))

    def send(self, request: str, content: Any = None) -> None:
        """Ask for something; a process that died meanwhile is noticed by :meth:`is_alive`."""
        self._send((request, content))

    def messages(self, timeout: float = 0.0) -> Iterator[tuple[str, Any]]:
        """Yield the messages (kind, content) that have come; wait for the first as long as ``timeout`` seconds."""
        if (yield from received(self.connection, timeout)):
            self._is_closed = True

    def is_alive(self) -> bool:
        """Return whether the process runs and can be asked."""
        return not self._is_closed and self._process.poll() is None

    @property
    def fate(self) -> str:
        """How the process ended, in words."""
        try:
            status = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            return "a plug-in closed its connection to the run"
        return in_words(status)

    @property
    def advice(self) -> str | None:
        """What may help where the process was killed."""
        killed = self._process.poll() == -signal.SIGKILL
        return "memory may have run out: take fewer --workers" if killed else None

    def close(self) -> None:
        """Wait some seconds until the process has ended by itself, as it was asked to; then end it."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        self.end()

    def end(self) -> None:
        """End the process and all that it started."""
        with suppress(ProcessLookupError, PermissionError):  # nothing of it is left
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.connection.close()
        if self._accelerator is not None:
            _workers[self._accelerator] -= 1
            self._accelerator = None

    def _send(self, message: Any) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(message)


def received(connection: Connection, timeout: float) -> Generator[tuple[str, Any], None, bool]:
    """Yield the messages that have come, the first within ``timeout`` seconds; return whether the worker hung up."""
    try:
        while connection.poll(timeout):
            yield connection.recv()
            timeout = 0.0
    except (EOFError, OSError):
        return True
    return False


def _take_accelerator(device: Device) -> str | None:
    """Take the accelerator that fewest workers have; None where there are not several."""
    names = cuda_devices() if device in ("auto", "cuda") else []
    if len(names) < 2:
        return None
    name = min(names, key=lambda name: _workers[name])
    _workers[name] += 1
    return name
