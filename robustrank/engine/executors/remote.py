"""Workers that a cluster starts, on this machine or another: worker processes, which connect to the driver.

A job of the cluster connects to the driver, and hands its socket to a worker process that it starts and waits for. So
limits, notices and progress are the same as here, whatever started the job. Both sides prove that they know a key,
which goes to the job with its arguments; what they say is not encrypted.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any, Protocol

from robustrank.engine.driver import received
from robustrank.engine.executors.job import Call
from robustrank.engine.resources import SCORES
from robustrank.engine.worker_process import Setup
from robustrank.experiment import Experiment
from robustrank.rankers.cache import DATABASE, Sharing
from robustrank.rankers.claims import this_process
from robustrank.rankers.shard_store import merge_shards

_PATIENCE = 10.0  # seconds that a job has to end by itself
_POLL_SECONDS = 0.1
_KEY_BYTES = 32


class Job(Protocol):
    """What a cluster runs: :func:`robustrank.engine.executors.job.serve`, once."""

    def is_over(self) -> bool:
        """Return whether it has ended, by itself or not."""

    def outcome(self) -> str:
        """Return how it ended, in words."""

    def cancel(self) -> None:
        """End it."""


class RemoteWorker:
    """A worker of a cluster, as the pool holds it.

    Args:
        experiment: What it runs cells of.
        cache: The folder of scores and trained weights, which its machine has to see.
        sharing: Who else computes scores meanwhile.
        submit: Starts the job.
        count: How many workers share the cores of the job's machine.
    """

    def __init__(
        self, experiment: Experiment, cache: Path, sharing: Sharing, submit: Callable[[Call], Job], count: int = 1
    ) -> None:
        self.connection: Connection | None = None
        self._unsent: list[Any] = [Setup(experiment, cache.absolute(), tuple(sys.argv), sharing)]
        self._lock, self._is_closed = threading.Lock(), False
        key, machine = os.urandom(_KEY_BYTES), socket.gethostname()
        self._listener = Listener(("", 0), authkey=key)
        self._port: int = self._listener.address[1]
        threading.Thread(target=self._accept, daemon=True).start()
        call = Call(machine, _addresses(), self._port, key, tuple(sys.path), count)
        self._job = submit(call)

    def send(self, request: str, content: Any = None) -> None:
        """Ask for something, now or when the worker is there."""
        with self._lock:
            self._unsent.append((request, content))
            self._flush()

    def messages(self, timeout: float = 0.0) -> Iterator[tuple[str, Any]]:
        """Yield the messages that have come."""
        if self.connection is None:
            time.sleep(timeout)
            return
        if (yield from received(self.connection, timeout)):
            self._is_closed = True

    def is_alive(self) -> bool:
        """Return whether the worker takes requests; one whose job waits for a machine can."""
        return not self._is_closed and not self._job.is_over()

    @property
    def fate(self) -> str:
        """How the job ended, in words."""
        return self._job.outcome() if self._is_over_soon() else "a plug-in closed its connection to the run"

    @property
    def advice(self) -> str | None:
        """What may help where the process was killed."""
        killed = self._job.is_over() and f"signal {signal.SIGKILL.value} " in self._job.outcome()
        return "memory may have run out: ask the cluster for more" if killed else None

    def close(self) -> None:
        """Wait some seconds until the worker has ended by itself; one that is not there yet is given up."""
        if self.connection is not None:
            self._is_over_soon()
        self.end()

    def end(self) -> None:
        """End the job; the worker process ends all that it started when its connection is closed."""
        self._is_closed = True
        if self.connection is None:
            with suppress(OSError):  # wakes the thread that waits for the worker
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        self._listener.close()
        if self.connection is not None:
            self.connection.close()
            self._is_over_soon()
        if not self._job.is_over():
            self._job.cancel()

    def _is_over_soon(self) -> bool:
        deadline = time.monotonic() + _PATIENCE
        while not self._job.is_over() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        return self._job.is_over()

    def _accept(self) -> None:
        """Wait for the worker; whoever else connects is sent away."""
        while not self._is_closed and self.connection is None:
            with suppress(AuthenticationError, EOFError, OSError):
                connection: Any = self._listener.accept()
                with socket.socket(fileno=os.dup(connection.fileno())) as control:  # a machine that is gone is noticed
                    control.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                with self._lock:
                    self.connection = connection
                    self._flush()

    def _flush(self) -> None:
        if self.connection is not None:
            with suppress(BrokenPipeError, ConnectionResetError):
                for message in self._unsent:
                    self.connection.send(message)
            self._unsent = []


@contextmanager
def merged_shards(cache: Path) -> Iterator[Sharing]:
    """Enter with the sharing of workers on several machines.

    Their shards are merged behind it, and those of a run that was killed before it.
    """
    database = cache / SCORES / DATABASE
    merge_shards(database)
    try:
        yield Sharing(run=this_process())
    finally:
        merge_shards(database)


def _addresses() -> tuple[str, ...]:
    """Return the addresses of this machine, its name first, since a cluster's names are known in it."""
    name = socket.gethostname()
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing
        return name, probe.getsockname()[0]
    return (name,)
