"""Gates: limits that the figures of a run have to keep."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robustrank.analysis.catalogue import Catalogue
from robustrank.analysis.entries import NONE
from robustrank.analysis.load import LoadedRun
from robustrank.analysis.records import records
from robustrank.analysis.user_tables import columns_of, entry
from robustrank.errors import DataError
from robustrank.report_settings import ColumnChoice, Gate
from robustrank.tables import Table

_AXES = ("collection", "task", "ranker", "defense", "attack")
_STATUSES = {"failed": "error", "skipped": "skipped", "planned": "planned"}  # of gates -> of cells


@dataclass(frozen=True)
class Outcome:
    """What came of a gate.

    Attributes:
        gate: The gate in words.
        breaches: What broke it, a sentence each; none where it was kept.
    """

    gate: str
    breaches: tuple[str, ...]


def outcomes(gates: Sequence[Gate], catalogue: Catalogue, run: LoadedRun) -> list[Outcome]:
    """Return what came of each gate.

    Raises:
        UsageError: A gate is about a column or a label that the run does not have.
        DataError: The summary that a gate compares with cannot be read.
    """
    return [Outcome(words(gate), tuple(_breaches(gate, catalogue, run))) for gate in gates]


def words(gate: Gate) -> str:
    """Return a gate as people write it."""
    return ", ".join(f"{name}: {value}" for name, value in gate.model_dump(exclude_defaults=True).items())


def _breaches(gate: Gate, catalogue: Catalogue, run: LoadedRun) -> Iterator[str]:
    if gate.refuse:
        counts = run.statuses
        yield from (f"{counts[_STATUSES[s]]} cells are {s}" for s in gate.refuse if counts[_STATUSES[s]])
        return
    figures = _figures(gate, catalogue)
    if not figures:
        yield f"nothing was measured of {gate.measure}"
    for place, figure in figures.items():
        number = figure[gate.use]
        if number is None:
            yield f"{place}: {gate.measure} has no {gate.use}"
            continue
        between = f" [{figure['low']:.4g}, {figure['high']:.4g}]" if figure["low"] is not None else ""
        about = f"{place}: {gate.measure} {gate.use} {number:.4g}{between}"
        if gate.max is not None and number > gate.max:
            yield f"{about} is above {gate.max:g}"
        if gate.min is not None and number < gate.min:
            yield f"{about} is below {gate.min:g}"
        if gate.compare:
            yield from _changes(gate, number, about, _other(gate, figure, run.folder))


def _changes(gate: Gate, number: float, about: str, other: float | None) -> Iterator[str]:
    if other is None:
        yield f"{about}; {gate.compare} has no such figure"
        return
    change = number - other
    if gate.max_increase is not None and change > gate.max_increase:
        yield f"{about} is {change:.4g} above that of {gate.compare}; {gate.max_increase:g} is allowed"
    if gate.max_decrease is not None and -change > gate.max_decrease:
        yield f"{about} is {-change:.4g} below that of {gate.compare}; {gate.max_decrease:g} is allowed"


def _figures(gate: Gate, catalogue: Catalogue) -> dict[str, dict[str, Any]]:
    """Return by what it is about each figure that a gate limits."""
    where = f"gate on {gate.measure}"
    figures = {}
    for column in columns_of(ColumnChoice(column=gate.measure), catalogue.rowset, catalogue.columns, where):
        rowset = catalogue.rowset.of_task(column.task)
        chosen = {axis: (entry(rowset, axis, label, where),) for axis in _AXES if (label := getattr(gate, axis))}
        telling = [axis for axis in _AXES if len(rowset.present(axis)) > 1 or axis == "ranker"]
        axes = ("attack", "ranker", "defense") if rowset.has("attack") else ("ranker", "defense")
        table = Table("gate", where, (column,), axes, task=column.task)
        rendered = catalogue.estimates.table(table, where=chosen)
        for record in records(rendered):
            labels = [record[axis] for axis in rendered.keys if record[axis] not in ("", NONE) and axis in telling]
            figures[" · ".join(labels)] = record
    return figures


def _other(gate: Gate, figure: Mapping[str, Any], run_folder: Path) -> float | None:
    """Return the figure of another run's summary.json that is about the same; None where there is none, or several."""
    path = Path(gate.compare) if Path(gate.compare).is_absolute() else run_folder / gate.compare
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        named = [record for record in content["figures"] if figure["id"] == record["id"]]
        alike = {
            record[gate.use]
            for record in named
            if all(record.get(axis) == figure[axis] for axis in _AXES if axis in figure)
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"the summary of the other run cannot be read: {error}"
        raise DataError(what, where=str(path), hint="robustrank report RUN writes RUN/report/summary.json") from error
    return alike.pop() if len(alike) == 1 else None
