"""What a run would do with each cell, told by the code that the run itself plans with; no model scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from robustrank.engine.applicability import calls_at_most, check_parts, skip_reason
from robustrank.engine.cell import Cell, grid, keyed, refuse_duplicates
from robustrank.engine.context import Context
from robustrank.engine.planning import refuse_nothing
from robustrank.engine.resources import Resources
from robustrank.errors import RobustrankError
from robustrank.experiment import Experiment
from robustrank.plugins.identity import refresh

Fate = Literal["done", "run", "skip", "fail"]


@dataclass(frozen=True)
class Forecast:
    """What a run would do with a cell.

    Attributes:
        cell: The cell; without a key if it fails.
        fate: "done" before, to "run", to "skip" since it does not apply, or bound to "fail".
        reason: Why it is skipped or fails.
        exit_code: That of the failure.
        refuses_run: Whether the run would not start at all.
        calls: Upper bound on the pairs it scores; None where none is known.
        stops_early: When its attack may spend far less.
    """

    cell: Cell
    fate: Fate
    reason: str = ""
    exit_code: int = 0
    refuses_run: bool = False
    calls: int | None = 0
    stops_early: str = ""


def forecasts(experiment: Experiment, resources: Resources, allow_empty: bool) -> list[Forecast]:
    """Return what a run would do with each cell of an experiment, in the order of the file.

    Raises:
        NothingMeasured: There are no cells.
        ExperimentError: An attack, a defense or a ranker is in no cell, or a cell is there twice.
    """
    refresh()
    planned = grid(experiment)
    refuse_nothing(experiment, planned, allow_empty)
    found = [_forecast(cell, resources) for cell in planned]
    refuse_duplicates(forecast.cell for forecast in found if forecast.cell.key)
    return found


def _forecast(cell: Cell, resources: Resources) -> Forecast:
    try:
        cell = keyed(cell, resources)
        context = Context(cell, resources)
        if reason := skip_reason(context):
            return Forecast(cell, "skip", reason)
        check_parts(context)
    except RobustrankError as error:
        return Forecast(cell, "fail", str(error), error.exit_code, refuses_run=True)
    try:
        calls = calls_at_most(context)
    except RobustrankError as error:
        return Forecast(cell, "fail", str(error), error.exit_code)
    return Forecast(cell, "run", calls=calls, stops_early=context.attack.stops_early if cell.attack else "")
