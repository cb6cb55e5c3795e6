"""What became of a cell, as plain data that crosses a process boundary and is written by the driver of the run."""

from __future__ import annotations

import traceback
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from robustrank.engine.cell import Cell
from robustrank.engine.provenance import minimal_provenance
from robustrank.errors import PluginError, RobustrankError
from robustrank.plugins.failure import describe_failure, storable
from robustrank.rows import FACT, Fact, Row

CellStatus = Literal["done", "skipped", "error"]
SAVED_LINES = ("adversarial", "certificates", "evidence", "calls")  # saved beside the rows, a record a line
_REASONS = 3  # told of a cell whose rows have several


@dataclass(frozen=True)
class CellResult:
    """What became of a cell, as plain data.

    Attributes:
        cell: The cell.
        status: "skipped" when no row was measured, and every row says that it does not apply.
        reason: Why it was skipped or failed, for a person.
        exit_code: 0, or the exit code of the cause.
        rows: Its rows; a single one of status "error" where it failed.
        facts: What cell.json tells of it.
        provenance: When and with what it was done.
        headline: One measured fact with its mean over the rows, for people who wait; None where nothing was measured.
        told: The measure and condition that the task would have for a headline.
        adversarial, certificates, evidence, calls, runs: What is saved beside the rows.
    """

    cell: Cell
    status: CellStatus
    rows: Sequence[Row]
    facts: Mapping[str, Any]
    provenance: Mapping[str, Any]
    reason: str = ""
    exit_code: int = 0
    headline: tuple[Fact, float] | None = None
    told: tuple[str, str] = ("", "")
    adversarial: Sequence[Mapping[str, Any]] = ()
    certificates: Sequence[Mapping[str, Any]] = ()
    evidence: Sequence[Mapping[str, Any]] = ()
    calls: Sequence[Mapping[str, Any]] = ()  # of language models
    runs: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)


def finished_cell(
    cell: Cell,
    rows: Sequence[Row],
    facts: Mapping[str, Any],
    provenance: Mapping[str, Any],
    told: tuple[str, str],
    **saved: Any,
) -> CellResult:
    """Return the result of a cell, or of its unit, whose task came to its end; the rows tell what became of it.

    ``saved`` is what is saved beside the rows: adversarial, certificates, evidence, calls, runs.
    """
    broken = dict.fromkeys(row.note for row in rows if row.status == "error")
    skipped = dict.fromkeys(row.note for row in rows if row.status == "skipped")
    is_skipped = bool(rows) and all(row.status == "skipped" for row in rows)
    status: CellStatus = "error" if broken else "skipped" if is_skipped else "done"
    reason = _some(broken) if broken else _some(skipped) if is_skipped else ""
    return CellResult(
        cell,
        status,
        rows,
        {"status": status, **facts, **({"error" if broken else "reason": reason} if reason else {})},
        provenance,
        reason,
        PluginError.exit_code if broken else 0,
        _headline(rows, told),
        told,
        **saved,
    )


def _headline(rows: Sequence[Row], told: tuple[str, str]) -> tuple[Fact, float] | None:
    """Return the fact that the task tells of itself first, or the first measured, and its mean."""
    measured = [row for row in rows if row.value is not None]
    facts = [_fact(row) for row in measured if not row.group] or [_fact(row) for row in measured]
    fact = next((fact for fact in facts if (fact.measure, fact.condition) == told), facts[0] if facts else None)
    values = [row.value for row in measured if row.value is not None and _fact(row) == fact]
    return (fact, sum(values) / len(values)) if fact else None


def _fact(row: Row) -> Fact:
    return Fact(*(getattr(row, name) for name in FACT))


def _some(reasons: Collection[str]) -> str:
    """Return the first reasons, and how many more there are."""
    more = len(reasons) - _REASONS
    return "\n".join([*list(reasons)[:_REASONS], *([f"and {more} more"] if more > 0 else [])])


def failed_cell(cell: Cell, error: BaseException, provenance: Mapping[str, Any]) -> CellResult:
    """Return the result of a cell that ended in an error: one row that says why."""
    is_known = isinstance(error, RobustrankError)
    reason = storable(str(error)) if is_known else describe_failure(error)
    return CellResult(
        cell,
        "error",
        [Row("", "", "error", status="error", note=reason)],
        {"status": "error", "error": reason, "traceback": _traceback(error)},
        provenance,
        reason,
        error.exit_code if isinstance(error, RobustrankError) else PluginError.exit_code,
    )


def lost_cell(cell: Cell, reason: str, hint: str | None = None) -> CellResult:
    """Return the result of a cell whose process is gone."""
    return failed_cell(cell, PluginError(reason, hint=hint), minimal_provenance())


def _traceback(error: BaseException) -> str:
    try:
        return storable_lines(traceback.format_exception(error))
    except BaseException:  # an error whose parts raise when they are shown
        return ""


def storable_lines(lines: Iterable[str]) -> str:
    """Return a traceback as text that any file can hold."""
    return "".join(lines).encode("utf-8", "backslashreplace").decode("utf-8")
