"""Runs cells in workers that Slurm starts, by submitit.

Each worker is one job, as long as the run. Options are submitit's: ``timeout_min``, ``mem_gb``, ``cpus_per_task``,
``gpus_per_node``, and those of Slurm, as ``partition`` and ``account``. ``cluster=local`` starts the jobs on this
machine, to try it where there is no Slurm.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from robustrank.engine.executors.job import Call, serve
from robustrank.engine.executors.pool import Pool
from robustrank.engine.executors.remote import Job, RemoteWorker, merged_shards
from robustrank.engine.executors.workers import Workers
from robustrank.errors import UsageError
from robustrank.experiment import Experiment
from robustrank.notices import notice

_MINUTES = 24 * 60  # of a job, if nothing else is said; submitit would take five
_CLUSTERS = ("slurm", "local")


@contextmanager
def opened(experiment: Experiment, cache: Path, workers: Workers) -> Iterator[Pool]:
    """Open a pool of jobs. Their logs are kept, below the cache, if one ended that should not.

    Raises:
        UsageError: submitit is not installed, there is no Slurm, or an option is not known.
    """
    cache.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir=cache))  # of this user alone: it holds the workers' keys
    lost: list[str] = []
    try:
        executor, is_here = _submitter(folder, workers.options)

        with merged_shards(cache) as sharing:

            def start() -> RemoteWorker:
                count = workers.count if is_here else 1
                return RemoteWorker(experiment, cache, sharing, lambda call: _SlurmJob(executor, call, lost), count)

            with Pool(start, workers.count, workers.cell_seconds) as pool:
                yield pool
    finally:
        if lost:
            notice(f"{folder}: the logs of Slurm's jobs, of which {len(lost)} ended early")
        else:
            shutil.rmtree(folder, ignore_errors=True)


class _SlurmJob(Job):
    """A job of Slurm, as submitit holds it."""

    def __init__(self, executor: Any, call: Call, lost: list[str]) -> None:
        self._job, self._lost = executor.submit(serve, call), lost

    def is_over(self) -> bool:
        """Return whether the job has ended, as its files, or Slurm, tell."""
        return bool(self._job.done())

    def outcome(self) -> str:
        """Return what the job returned, or why it ended."""
        self._lost.append(self._job.job_id)
        try:
            return str(self._job.result())
        except Exception as error:  # whatever the job or submitit raised
            state = self._job.state
            return f"job {self._job.job_id} of Slurm ended ({state}): {str(error).strip().splitlines()[-1]}"

    def cancel(self) -> None:
        """Cancel the job."""
        with suppress(Exception):  # it has ended meanwhile
            self._job.cancel()


def _submitter(folder: Path, options: Mapping[str, str]) -> tuple[Any, bool]:
    """Return submitit's executor, and whether its jobs run on this machine.

    Raises:
        UsageError: See :func:`opened`.
    """
    try:
        import submitit
    except ImportError as error:
        raise UsageError("the executor 'slurm' needs submitit", hint='pip install "robustrank[slurm]"') from error
    cluster = options.get("cluster", "slurm")
    if cluster not in _CLUSTERS:
        raise UsageError(f"Slurm: cluster is {cluster!r}", allowed=" or ".join(_CLUSTERS))
    try:
        executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
    except RuntimeError as error:
        raise UsageError(
            f"there is no Slurm here: {error}", hint="--executor-option cluster=local starts the jobs on this machine"
        ) from error
    general = submitit.AutoExecutor._typed_parameters()
    settings = {"name": "robustrank", "timeout_min": _MINUTES}
    for name, text in options.items():
        if name != "cluster":
            settings[name if name in general else f"slurm_{name}"] = _value(text)
    try:
        executor.update_parameters(**settings)
    except (NameError, AssertionError, ValueError, TypeError) as error:
        raise UsageError(f"Slurm: {error}", hint="the options are those of submitit's AutoExecutor") from error
    return executor, cluster == "local"


def _value(text: str) -> str | int | float:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text
