"""Runs cells in workers that Ray starts, on the machines of its cluster; without a cluster, on this machine.

Each worker is one task of Ray, as long as the run: what Ray retries or moves would be a cell run twice. Options are
those of a task: ``num_cpus`` (1), ``num_gpus``, ``memory``; and ``address``, of the cluster.
"""

from __future__ import annotations

import logging
import math
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

from robustrank.engine.executors.job import Call, serve
from robustrank.engine.executors.pool import Pool
from robustrank.engine.executors.remote import Job, RemoteWorker, merged_shards
from robustrank.engine.executors.workers import Workers
from robustrank.errors import UsageError
from robustrank.experiment import Experiment
from robustrank.rankers.cache import Sharing

_NUMBERS = {"num_cpus": float, "num_gpus": float, "memory": int}


@contextmanager
def opened(experiment: Experiment, cache: Path, workers: Workers) -> Iterator[Pool]:
    """Join a cluster, or start one on this machine, and open a pool of workers in it.

    Raises:
        UsageError: Ray is not installed, or an option is not known.
    """
    try:
        ray: Any = import_module("ray")
    except ImportError as error:
        raise UsageError("the executor 'ray' needs Ray", hint='pip install "robustrank[ray]"') from error
    settings = _settings(workers.options)
    address = workers.options.get("address") or os.environ.get("RAY_ADDRESS")
    room = {} if address else {"num_cpus": max(os.cpu_count() or 1, math.ceil(workers.count * settings["num_cpus"]))}
    is_ours = not ray.is_initialized()  # a program may have joined a cluster
    if is_ours:
        os.environ.setdefault("RAY_worker_niceness", "0")  # Ray would let whatever else runs here go first
        dashboard = None if address else False
        ray.init(address=address, include_dashboard=dashboard, logging_level=logging.ERROR, **room)
    try:
        task = ray.remote(serve).options(max_retries=0, **settings)

        is_here = len(ray.nodes()) == 1 and ray.nodes()[0]["NodeManagerHostname"] == socket.gethostname()
        with nullcontext(Sharing(is_shared=workers.count > 1)) if is_here else merged_shards(cache) as sharing:

            def start() -> RemoteWorker:
                return RemoteWorker(experiment, cache, sharing, lambda call: _Task(ray, task, call))

            with Pool(start, workers.count, workers.cell_seconds) as pool:
                yield pool
    finally:
        if is_ours:
            ray.shutdown()


class _Task(Job):
    """A task of Ray."""

    def __init__(self, ray: Any, task: Any, call: Call) -> None:
        self._ray, self._reference = ray, task.remote(call)

    def is_over(self) -> bool:
        """Return whether the task has ended."""
        return bool(self._ray.wait([self._reference], timeout=0)[0])

    def outcome(self) -> str:
        """Return what the task returned, or why it ended."""
        try:
            return str(self._ray.get(self._reference))
        except Exception as error:  # Ray has a class for each way to end
            return f"the task of Ray ended: {str(error).strip().splitlines()[-1]}"

    def cancel(self) -> None:
        """End the task, and the process that runs it."""
        self._ray.cancel(self._reference, force=True)


def _settings(options: Mapping[str, str]) -> dict[str, float]:
    """Return the options of a task.

    Raises:
        UsageError: One is not known, or no number.
    """
    settings: dict[str, float] = {"num_cpus": 1}
    for name, text in options.items():
        if name == "address":
            continue
        if name not in _NUMBERS:
            raise UsageError(f"Ray: there is no option {name!r}", allowed=f"address, {', '.join(_NUMBERS)}")
        try:
            settings[name] = _NUMBERS[name](text)
        except ValueError:
            raise UsageError(f"Ray: {name} is {text!r}", allowed="a number") from None
    return settings
