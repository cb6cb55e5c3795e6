"""What became of a cell, as plain data that crosses a process boundary and is written by the driver of the run."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from robustrank.engine.cell import Cell
from robustrank.engine.provenance import minimal_provenance
from robustrank.errors import PluginError, RobustrankError
from robustrank.plugins.failure import describe_failure, storable
from robustrank.rows import Fact, Row

CellStatus = Literal["done", "skipped", "error"]


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
        adversarial, certificates, calls, runs: What is saved beside the rows.
    """

    cell: Cell
    status: CellStatus
    rows: Sequence[Row]
    facts: Mapping[str, Any]
    provenance: Mapping[str, Any]
    reason: str = ""
    exit_code: int = 0
    headline: tuple[Fact, float] | None = None
    adversarial: Sequence[Mapping[str, Any]] = ()
    certificates: Sequence[Mapping[str, Any]] = ()
    calls: Sequence[Mapping[str, Any]] = ()  # of language models
    runs: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)


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
