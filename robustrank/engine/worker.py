"""Does one cell: runs its task, checks what comes back, and turns any failure into one error row.

Nothing here writes: a result is plain data, which the driver of the run saves.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from robustrank.engine.applicability import skip_reason
from robustrank.engine.cell import Cell, refuse_change
from robustrank.engine.cell_result import CellResult, failed_cell, finished_cell
from robustrank.engine.context import Context
from robustrank.engine.forks import ForkWatch
from robustrank.engine.provenance import cell_provenance, minimal_provenance
from robustrank.engine.resources import Resources
from robustrank.errors import PluginError, RobustrankError
from robustrank.plugins import find
from robustrank.rankers.llm.backend import CallFailed
from robustrank.rankers.llm.calls import recording
from robustrank.rows import Row, checked_row
from robustrank.steps import Tell, following


def run_cell(cell: Cell, resources: Resources, advance: Tell | None = None) -> CellResult:
    """Run a cell. Whatever a plug-in raises ends this cell alone.

    Raises:
        KeyboardInterrupt: The user stopped it.
    """
    with recording() as calls:
        result = _result(cell, resources, advance)
    return replace(result, calls=_plain(calls))


def _result(cell: Cell, resources: Resources, advance: Tell | None) -> CellResult:
    context = Context(cell, resources)
    if advance is not None:
        context.advance = advance
    folder, started = os.getcwd(), time.monotonic()  # noqa: PTH109 - to be restored as it is
    try:
        with ForkWatch() as forks, following(advance) if advance else nullcontext():
            rows = _rows(cell, context)
            if forks.child_came_back():
                raise PluginError("a plug-in forked this process, and the child went on with the run")
        return _finished(context, rows, round(time.monotonic() - started, 2))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        result = failed_cell(cell, error, _provenance(cell, resources))
        return replace(result, facts={**result.facts, "seconds": round(time.monotonic() - started, 2)})
    finally:
        os.chdir(folder)  # the paths of the next cell are relative to it


def _rows(cell: Cell, context: Context) -> list[Row]:
    """Run the task and return its rows, each checked against the schema."""
    refuse_change(cell, context.resources)
    if reason := skip_reason(context):
        return [context.row("skipped", None, status="skipped", note=reason)]
    while True:
        try:
            rows = [_checked_row(row, cell) for row in context.task.run(context)]
            return rows + _failed_queries(context)
        except CallFailed as error:  # what was answered is in the cache of calls
            context.leave_out(error)


def _failed_queries(context: Context) -> list[Row]:
    """Return a row for each query that was left out, since a call of a language model failed."""
    measure, condition = context.task.headline
    return [
        context.row(measure or "error", None, query_id, condition=condition, status="error", note=note)  # type: ignore[arg-type]
        for query_id, note in context.failed.items()
    ]


def _checked_row(row: object, cell: Cell) -> Row:
    if not isinstance(row, Row):
        raise PluginError(f"task {cell.task.name!r} yielded a {type(row).__name__}", allowed="rows: context.row(…)")
    try:
        return checked_row(row.as_dict())
    except ValueError as error:
        raise PluginError(f"task {cell.task.name!r} yielded a row that is not valid: {error}") from error


def _finished(context: Context, rows: list[Row], seconds: float) -> CellResult:
    place = {query_id: number for number, query_id in enumerate(context.whole.queries)}
    return finished_cell(
        context.cell,
        sorted(rows, key=lambda row: place.get(row.query_id, -1)),
        {"seconds": seconds, **context.pairs},
        cell_provenance(context.cell, context.resources),
        find("task", context.cell.task.name).headline,
        adversarial=sorted(_plain(context.adversarial), key=lambda record: place.get(record["query_id"], -1)),
        certificates=_plain(context.certificates),
        evidence=_plain(context.evidence),
        runs=_plain(context.runs),
    )


def _plain(value: Any) -> Any:
    """Return what a task saves as JSON would give it back, so that no object of a plug-in leaves this process."""
    return json.loads(json.dumps(value, default=str)) if value else value


def _provenance(cell: Cell, resources: Resources) -> Mapping[str, Any]:
    try:
        return cell_provenance(cell, resources)
    except RobustrankError:  # the collection or a plug-in is what failed
        return minimal_provenance()
