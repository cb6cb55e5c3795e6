"""Does one cell: runs its task, checks what comes back, and turns any failure into one error row.

Nothing here writes: a result is plain data, which the driver of the run saves.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from robustrank.engine.applicability import skip_reason
from robustrank.engine.cell import Cell, refuse_change
from robustrank.engine.cell_result import CellResult, CellStatus, failed_cell
from robustrank.engine.context import Context
from robustrank.engine.forks import ForkWatch
from robustrank.engine.provenance import cell_provenance, minimal_provenance
from robustrank.engine.resources import Resources
from robustrank.errors import PluginError, RobustrankError
from robustrank.measures.ties import DEGENERATE
from robustrank.notices import notice
from robustrank.plugins import create, find
from robustrank.printing import counted
from robustrank.rankers.llm.calls import recording
from robustrank.rows import FACT, Fact, Row, checked_row
from robustrank.steps import Tell, following
from robustrank.task import Task

_REASONS = 3  # told of a cell whose rows have several


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
    task: Task = create("task", cell.task)
    return [_checked_row(row, cell) for row in task.run(context)]


def _checked_row(row: object, cell: Cell) -> Row:
    if not isinstance(row, Row):
        raise PluginError(f"task {cell.task.name!r} yielded a {type(row).__name__}", allowed="rows: context.row(…)")
    try:
        return checked_row(row.as_dict())
    except ValueError as error:
        raise PluginError(f"task {cell.task.name!r} yielded a row that is not valid: {error}") from error


def _finished(context: Context, rows: list[Row], seconds: float) -> CellResult:
    _notice_ties(context.cell, rows)
    broken = dict.fromkeys(row.note for row in rows if row.status == "error")
    skipped = dict.fromkeys(row.note for row in rows if row.status == "skipped")
    is_skipped = bool(rows) and all(row.status == "skipped" for row in rows)
    status: CellStatus = "error" if broken else "skipped" if is_skipped else "done"
    reason = _some(broken) if broken else _some(skipped) if is_skipped else ""
    facts: dict[str, Any] = {"status": status, "seconds": seconds}
    if "served" in vars(context):  # made when it was first asked for
        facts |= {"pairs_scored": context.served.scored, "pairs_cached": context.served.cached}
    if reason:
        facts["error" if broken else "reason"] = reason
    return CellResult(
        context.cell,
        status,
        rows,
        facts,
        cell_provenance(context.cell, context.resources),
        reason,
        PluginError.exit_code if broken else 0,
        _headline(context.cell, rows),
        adversarial=_plain(context.adversarial),
        certificates=_plain(context.certificates),
        runs=_plain(context.runs),
    )


def _headline(cell: Cell, rows: Sequence[Row]) -> tuple[Fact, float] | None:
    """Return the fact that the task tells of itself first, or the first measured, and its mean."""
    measured = [row for row in rows if row.value is not None]
    told = find("task", cell.task.name).headline
    facts = [_fact(row) for row in measured if not row.group] or [_fact(row) for row in measured]
    fact = next((fact for fact in facts if (fact.measure, fact.condition) == told), facts[0] if facts else None)
    values = [row.value for row in measured if row.value is not None and _fact(row) == fact]
    return (fact, sum(values) / len(values)) if fact else None


def _fact(row: Row) -> Fact:
    return Fact(*(getattr(row, name) for name in FACT))


def _notice_ties(cell: Cell, rows: list[Row]) -> None:
    queries = {row.query_id for row in rows if row.note.startswith(DEGENERATE)}
    if queries:
        served = cell.ranker.label if cell.defense.name == "none" else f"{cell.ranker.label} under {cell.defense.label}"
        notice(
            f"{served} on {cell.collection.label}: {DEGENERATE} for {counted(len(queries), 'query')}: "
            f"over 20 % of a list's scores are equal to another"
        )


def _some(reasons: Collection[str]) -> str:
    """Return the first reasons, and how many more there are."""
    more = len(reasons) - _REASONS
    return "\n".join([*list(reasons)[:_REASONS], *([f"and {more} more"] if more > 0 else [])])


def _plain(value: Any) -> Any:
    """Return what a task saves as JSON would give it back, so that no object of a plug-in leaves this process."""
    return json.loads(json.dumps(value, default=str)) if value else value


def _provenance(cell: Cell, resources: Resources) -> Mapping[str, Any]:
    try:
        return cell_provenance(cell, resources)
    except RobustrankError:  # the collection or a plug-in is what failed
        return minimal_provenance()
