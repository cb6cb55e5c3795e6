"""The plan of a run, as whoever runs plug-in code hands it to the driver: plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from robustrank.engine.applicability import calls_at_most, check_parts, skip_reason
from robustrank.engine.cell import Cell, coordinates, plan
from robustrank.engine.context import Context
from robustrank.engine.header import header
from robustrank.engine.provenance import planned_provenance
from robustrank.engine.resources import Resources
from robustrank.errors import DataError, ExperimentError, NothingMeasured, RobustrankError
from robustrank.experiment import Experiment
from robustrank.notices import notice
from robustrank.plugins.failure import plugin_code
from robustrank.rows import Coordinates, checked_coordinates

PAIRS, PAIRS_OF_TRADITIONAL = 2_000, 100_000  # of a unit, by the bound of its cell
QUERIES = 5  # of a unit where no bound is known
MOST_UNITS = 64  # of a cell


@dataclass(frozen=True)
class Plan:
    """What a run is to do.

    Attributes:
        cells: The cells with their keys, in the order of the experiment file.
        coordinates: What each of them is.
        provenance: What the run's record tells before any cell is done.
        calls: Upper bound on the pairs that each cell scores, by its key; None where none is known.
        units: How many units each cell is done in, by its key.
        header: What collections and rankers have to say of themselves, a line each, for the terminal.
    """

    cells: Sequence[Cell]
    coordinates: Sequence[Coordinates]
    provenance: dict[str, Any]
    calls: Mapping[str, int | None]
    units: Mapping[str, int]
    header: Sequence[str]


def make_plan(experiment: Experiment, resources: Resources, allow_empty: bool = False) -> Plan:
    """Return the plan of an experiment.

    Args:
        experiment: The experiment.
        resources: Its collections and rankers.
        allow_empty: Whether it may have no cells, and plug-ins that are in none.

    Raises:
        RobustrankError: The plan cannot be made; nothing has been run yet.
        NothingMeasured: It has no cells.
        ExperimentError: An attack, a defense or a ranker is in no cell.
    """
    cells = plan(experiment, resources)
    refuse_nothing(experiment, cells, allow_empty)
    _refuse_other_content(experiment, cells)
    calls: dict[str, int | None] = {}
    units = {cell.key: 1 for cell in cells}
    for context in (Context(cell, resources) for cell in cells):
        calls[context.cell.key] = 0
        if not skip_reason(context):
            check_parts(context)
            calls[context.cell.key] = _calls(context)
            units[context.cell.key] = _units(context, calls[context.cell.key])
    points = [checked_coordinates(_plain(coordinates(cell, resources).as_dict())) for cell in cells]
    return Plan(cells, points, _plain(planned_provenance(cells, resources)), calls, units, header(cells, resources))


def _calls(context: Context) -> int | None:
    """Return the bound on the pairs a cell scores; a task that cannot tell it says so when it is run."""
    try:
        return calls_at_most(context)
    except RobustrankError:
        return None


def _units(context: Context, calls: int | None) -> int:
    """Return the number of units of a cell: of about so many pairs each, whatever the number of workers."""
    try:
        with plugin_code(f"task {context.cell.task.name!r}", "divisible()"):
            queries = len(context.task.divisible(context))
    except RobustrankError:
        return 1
    pairs = PAIRS_OF_TRADITIONAL if context.plain_ranker.family == "traditional" else PAIRS
    wanted = queries // QUERIES if calls is None else -(-calls // pairs)
    return max(1, min(queries, wanted, MOST_UNITS))


def refuse_nothing(experiment: Experiment, cells: Sequence[Cell], allow_empty: bool) -> None:
    """Refuse an experiment without a cell, or with an attack, a defense or a ranker that is in none.

    Args:
        experiment: The experiment.
        cells: Its cells.
        allow_empty: Say so instead.

    Raises:
        NothingMeasured: There are no cells.
        ExperimentError: An attack, a defense or a ranker is in no cell.
    """
    try:
        _refuse_empty(experiment, cells)
        _refuse_unused(experiment, cells)
    except (NothingMeasured, ExperimentError) as error:
        if not allow_empty:
            raise
        notice(f"{error.what}")


def _refuse_empty(experiment: Experiment, cells: Sequence[Cell]) -> None:
    if cells:
        return
    reasons = [
        f"{axis}: none"
        for axis in ("collections", "rankers", "defenses", "attacks")
        if not experiment.specs(axis) and (axis != "attacks" or not experiment.attacks)
    ]
    raise NothingMeasured(
        "the experiment has no cells: no task is left with a collection, a ranker and what else it needs",
        where="; ".join(reasons) or "tasks: only, or sweep",
        hint="a task that attacks needs attacks; an empty `only` or `sweep` leaves nothing",
    )


def _refuse_unused(experiment: Experiment, cells: Sequence[Cell]) -> None:
    for axis, name in (("attacks", "attack"), ("defenses", "defense"), ("rankers", "ranker")):
        used = {spec.label for cell in cells if (spec := getattr(cell, name)) is not None}
        unused = [spec.label for spec in experiment.specs(axis) if spec.label not in used]
        if unused:
            raise ExperimentError(
                f"{axis}: no task takes {', '.join(map(repr, unused))}",
                allowed=f"{axis} that a task is crossed with, and that no `only` leaves out of every task",
                hint=f"leave {'it' if len(unused) == 1 else 'them'} out; robustrank describe task NAME says what a "
                "task is crossed with",
            )


def _refuse_other_content(experiment: Experiment, cells: Sequence[Cell]) -> None:
    """Refuse collections of a suite that are not, to the last character, those that its figures are of."""
    if experiment.suite is None:
        return
    for cell in cells:
        expected = experiment.suite.collections.get(cell.collection.label)
        if (fingerprint := cell.identities["collection"]) != expected:
            raise DataError(
                f"collection {cell.collection.label!r} has the fingerprint {fingerprint}, not {expected}: its content "
                "is not that of the suite",
                where=cell.title,
                hint="get the collection anew: robustrank prepare; other versions of its files give other figures",
            )


def _plain(value: Any) -> Any:
    """Return data as JSON would give it back, so that no object of a plug-in leaves this process."""
    return json.loads(json.dumps(value, default=str))
