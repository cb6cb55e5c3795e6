"""What a job of a cluster does: it connects to the driver of a run, and lets a worker process serve it.

It imports little, so that the worker starts at once.
"""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection

from robustrank.engine.process import in_words, start_process, thread_variables


@dataclass(frozen=True)
class Call:
    """Where a driver waits for its worker, as the job is told.

    Attributes:
        machine, addresses: Its host name, and the addresses by which others may reach it.
        port, key: Where it listens, and what it wants to be told.
        path: The module search path of the worker.
        count: How many workers share the cores of the job's machine; 1 where the cluster parts them.
    """

    machine: str
    addresses: tuple[str, ...]
    port: int
    key: bytes
    path: tuple[str, ...]
    count: int


def serve(call: Call) -> str:
    """Run a worker process that is connected to the driver until it ends; return how it did, in words.

    Raises:
        ConnectionError: The driver cannot be reached.
    """
    with _connected(call) as connection:
        process = start_process(connection.fileno(), call.path, thread_variables(call.count))
    previous = signal.signal(signal.SIGTERM, lambda *_: os.killpg(process.pid, signal.SIGKILL))
    try:
        return in_words(process.wait())
    finally:
        signal.signal(signal.SIGTERM, previous)


def _connected(call: Call) -> Connection:
    addresses = ("127.0.0.1",) if socket.gethostname() == call.machine else call.addresses
    for address in addresses:
        with suppress(OSError):
            return Client((address, call.port), authkey=call.key)
    raise ConnectionError(
        f"{socket.gethostname()} cannot reach the driver of the run on {call.machine} at {', '.join(addresses)}, port "
        f"{call.port}: it has to run where the cluster's machines can connect to"
    )
