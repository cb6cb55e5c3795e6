"""Runs cells in processes of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from robustrank.engine.driver import Worker
from robustrank.engine.executors.pool import Pool
from robustrank.engine.executors.workers import Workers
from robustrank.experiment import Experiment


@contextmanager
def opened(experiment: Experiment, cache: Path, workers: Workers) -> Iterator[Pool]:
    """Open a pool of processes."""
    with Pool(lambda: Worker(experiment, cache, workers.count), workers.count, workers.cell_seconds) as pool:
        yield pool
