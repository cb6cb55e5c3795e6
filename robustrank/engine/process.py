"""Starts worker processes, on the driver's machine or on one of a cluster, and tells how they have ended.

It imports little: on a cluster the job that starts a worker has nothing else to do.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from robustrank.python_process import python_command

CONNECTION_LOST = 71  # exit status of a process that cannot answer
_THREADS = (
    "OMP_NUM_THREADS",  # torch, and libraries without a variable
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",  # tokenizers
)


def start_process(
    descriptor: int, path: Sequence[str], variables: Mapping[str, str], accelerator: str | None = None
) -> subprocess.Popen[bytes]:
    """Start a worker process.

    Args:
        descriptor: The socket on which it serves the driver.
        path: Its module search path.
        variables: Variables of its environment, where the user has not set them.
        accelerator: The one that it sees, as CUDA names it; None: those that the driver sees.
    """
    alone = {} if accelerator is None else {"CUDA_VISIBLE_DEVICES": accelerator}
    return subprocess.Popen(
        python_command("robustrank.engine.worker_process", path, descriptor),
        stdin=subprocess.DEVNULL,
        pass_fds=[descriptor],
        process_group=0,  # Ctrl-C does not reach it, and all that it starts can be ended with it
        env={**variables, **os.environ, **alone},
    )


def thread_variables(count: int) -> dict[str, str]:
    """Return the variables by which torch, NumPy's libraries, numba and tokenizers share the cores of this machine.

    Threads beyond the cores only fight each other. Scores do not depend on their number. A number that the user or Ray
    has set for OpenMP, or Slurm for the job, holds for all; without one, a process that has the machine for itself has
    no limit. Threads of OpenMP sleep while they wait: by default they spin, which doubles the time of a model where
    anything else runs on the machine.

    Args:
        count: How many processes share the cores.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = str(max(1, cores // count)) if count > 1 else ""
    threads = os.environ.get(_THREADS[0]) or os.environ.get("SLURM_CPUS_PER_TASK") or share
    return {"OMP_WAIT_POLICY": "PASSIVE", **(dict.fromkeys(_THREADS, threads) if threads else {})}


def in_words(status: int) -> str:
    """Return how a process ended, by its exit status as :mod:`subprocess` gives it."""
    if status == CONNECTION_LOST:
        return "a plug-in closed its connection to the run"
    return f"exit status {status}" if status >= 0 else f"signal {_signal_name(-status)}"


def _signal_name(number: int) -> str:
    try:
        return f"{number} ({signal.Signals(number).name})"
    except ValueError:
        return str(number)
