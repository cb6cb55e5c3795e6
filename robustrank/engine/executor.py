"""Sends cells to work: in this process, or in several. Both write the same run folder."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

from robustrank.engine.cell import Cell
from robustrank.engine.resources import Resources
from robustrank.engine.run_folder import RunFolder
from robustrank.engine.worker import Outcome, run_cell
from robustrank.errors import PluginError
from robustrank.experiment import Experiment
from robustrank.notices import listening, notice

Advance = Callable[[int, int], None]


def in_this_process(
    cells: Sequence[Cell], resources: Resources, folder: RunFolder, advance: Advance | None = None
) -> Iterator[Outcome]:
    """Do the cells one after the other."""
    for cell in cells:
        yield run_cell(cell, resources, folder, advance)


def in_processes(
    cells: Sequence[Cell], experiment: Experiment, cache: Path, folder: RunFolder, workers: int
) -> Iterator[Outcome]:
    """Do the cells in ``workers`` processes; outcomes come as they finish.

    Raises:
        PluginError: A worker process died, as when memory runs out; finished cells are kept.
    """
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),  # torch does not survive a fork
        initializer=_begin,
        initargs=(experiment, cache, folder.path, os.getpid(), workers),
    )
    waiting: set[Future[Outcome]] = set()
    try:
        waiting = {pool.submit(_do, cell) for cell in cells}
        while waiting:
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                outcome = future.result()
                for text in outcome.notices:
                    notice(text)
                yield outcome
    except BrokenProcessPool as error:
        raise PluginError(
            "a worker process died", hint="run the same command again, with fewer --workers if memory ran out"
        ) from error
    finally:
        processes = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        if waiting:  # interrupted: cells in flight are dropped, which loses nothing finished
            for process in processes:
                process.terminate()
        for process in processes:
            process.join()


_worker: tuple[Resources, RunFolder] | None = None


def _begin(experiment: Experiment, cache: Path, folder: Path, parent: int, workers: int) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    # Threads beyond the cores only fight each other. Scores do not depend on their number.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))
    _worker = Resources(experiment, cache), RunFolder(folder)


def _die_with(parent: int) -> None:
    """End this process when its parent is gone, killed without a chance to say so."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _do(cell: Cell) -> Outcome:
    if _worker is None:
        raise RuntimeError("the worker process was not initialised")
    notices: list[str] = []
    with listening(notices.append):
        outcome = run_cell(cell, *_worker)
    return replace(outcome, notices=tuple(notices))
