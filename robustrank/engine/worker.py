"""Does one cell: runs its task, turns a failure into an error row, and saves what came out."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from robustrank.engine.cell import Cell
from robustrank.engine.context import Context
from robustrank.engine.provenance import cell_provenance
from robustrank.engine.resources import Resources
from robustrank.engine.run_folder import RunFolder
from robustrank.errors import PluginError, RobustrankError
from robustrank.plugins import create
from robustrank.task import Task


@dataclass(frozen=True)
class Outcome:
    """What became of a cell.

    Attributes:
        cell: The cell.
        error: Empty, or what went wrong, for a person.
        exit_code: 0, or the exit code of the cause.
        notices: What a worker process had to say meanwhile.
    """

    cell: Cell
    error: str = ""
    exit_code: int = 0
    notices: tuple[str, ...] = ()


def run_cell(
    cell: Cell, resources: Resources, folder: RunFolder, advance: Callable[[int, int], None] | None = None
) -> Outcome:
    """Run a cell and save it. An error in a plug-in ends this cell alone.

    Raises:
        DataError: The result cannot be written: no further cell could be, either.
        KeyboardInterrupt: The user stopped it; nothing of this cell is saved.
    """
    context = Context(cell, resources)
    if advance is not None:
        context.advance = advance
    started = time.monotonic()
    try:
        task: Task = create("task", cell.task)
        rows = list(task.run(context))
    except Exception as error:
        return _failed(context, folder, error)
    facts = {
        "status": "done",
        "seconds": round(time.monotonic() - started, 2),
        "pairs_scored": context.served.scored,
        "pairs_cached": context.served.cached,
    }
    folder.save(
        cell, rows, facts, cell_provenance(cell, resources), context.adversarial, context.certificates, context.runs
    )
    return Outcome(cell)


def _failed(context: Context, folder: RunFolder, error: Exception) -> Outcome:
    known = isinstance(error, RobustrankError)
    message = str(error) if known else f"{type(error).__name__}: {error}"
    row = context.row("error", None, status="error", note=message)
    facts = {"status": "error", "error": message, "traceback": traceback.format_exc()}
    folder.save(context.cell, [row], facts, cell_provenance(context.cell, context.resources))
    return Outcome(
        context.cell,
        message,
        error.exit_code if isinstance(error, RobustrankError) else PluginError.exit_code,
    )
