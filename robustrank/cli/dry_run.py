"""``robustrank run --dry-run``: what becomes of each cell, what it may cost, and the exit code of the run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from robustrank.cli.progress import clock
from robustrank.engine.executors.workers import ONE_PROCESS, Workers
from robustrank.errors import DataError, NothingMeasured
from robustrank.notices import listening
from robustrank.printing import counted, printable

if TYPE_CHECKING:
    from rich.console import Console

    from robustrank.engine.dry_run import Fate, Forecast
    from robustrank.engine.estimate import Timings
    from robustrank.engine.run import Redo
    from robustrank.engine.selection import Selection
    from robustrank.experiment import Experiment

COLOURS: dict[Fate, str] = {"done": "dim", "run": "green", "skip": "yellow", "fail": "red"}


def show_forecasts(
    experiment: Experiment,
    out: Path,
    cache: Path,
    redo: Redo,
    allow_empty: bool,
    console: Console,
    selection: Selection | None = None,
    timings: Path | None = None,
    as_json: bool = False,
    workers: Workers = ONE_PROCESS,
) -> int:
    """Print what a run would do with each cell; return the exit code that it would have, as far as it is known."""
    from robustrank.engine.estimate import timings_of
    from robustrank.engine.run import dry_run

    with listening(lambda text: console.print(f"note: {printable(text)}", markup=False, highlight=False)):
        forecasts = dry_run(
            experiment, out, cache=cache, redo=redo, allow_empty=allow_empty, selection=selection, workers=workers
        )
    known = timings_of(timings or out)
    if timings is not None and not known.cells:
        raise DataError("there is no finished cell to take times from", where=str(timings), allowed="a run folder")
    code = exit_code(forecasts, allow_empty)
    if as_json:
        click.echo(json.dumps(_as_dict(experiment.name, forecasts, known, code), indent=1))
        return code
    _print_table(experiment.name, forecasts, known, console)
    for line in [*_reasons(forecasts), *_attacks(forecasts), _summary(forecasts), *_time(forecasts, known)]:
        console.print(printable(line, keep="\n"), markup=False, highlight=False)
    return code


def exit_code(forecasts: Sequence[Forecast], allow_empty: bool) -> int:
    """Return that of the first cell that fails, that of a run in which every cell is skipped, or 0."""
    failures = [forecast.exit_code for forecast in forecasts if forecast.fate == "fail"]
    if failures:
        return failures[0]
    is_empty = all(forecast.fate == "skip" for forecast in forecasts)
    return NothingMeasured.exit_code if is_empty and not allow_empty else 0


def _print_table(name: str, forecasts: Sequence[Forecast], known: Timings, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    timed = ["about"] if known.cells else []
    table = Table("status", "calls at most", *timed, "cell", title=Text(f"{printable(name)}: plan"))
    for column in table.columns[1:-1]:
        column.justify = "right"
    for forecast in forecasts:
        is_to_run = forecast.fate == "run"
        calls = _number(forecast.calls) if is_to_run else ""
        about = [_seconds(known, forecast) if is_to_run else ""] if timed else []
        table.add_row(Text(forecast.fate, COLOURS[forecast.fate]), calls, *about, Text(printable(forecast.cell.title)))
    console.print(table)


def _reasons(forecasts: Sequence[Forecast]) -> list[str]:
    """Return each reason once, with how many cells have it."""
    counts = Counter((f.fate, f.reason) for f in forecasts if f.fate in ("skip", "fail"))
    return [
        f"{fate}, {counted(count, 'cell')}: {reason or 'skipped before'}" for (fate, reason), count in counts.items()
    ]


def _attacks(forecasts: Sequence[Forecast]) -> list[str]:
    """Return a line for each attack: what its cells may cost."""
    by_attack: dict[str, list[Forecast]] = {}
    for forecast in forecasts:
        if forecast.fate == "run" and forecast.cell.attack:
            by_attack.setdefault(forecast.cell.attack.label, []).append(forecast)
    return [
        f"{label}: {_total(of_attack)} in {counted(len(of_attack), 'cell')}"
        + (f"; far fewer {of_attack[0].stops_early}" if of_attack[0].stops_early else "")
        for label, of_attack in by_attack.items()
    ]


def _summary(forecasts: Sequence[Forecast]) -> str:
    counts = Counter(forecast.fate for forecast in forecasts)
    named: dict[Fate, str] = {"done": "done", "run": "to run", "skip": "to skip", "fail": "would fail"}
    parts = [f"{counts[fate]} {text}" for fate, text in named.items() if counts[fate]]
    line = f"{counted(len(forecasts), 'cell')}: {', '.join(parts) or 'none'}; {_total(forecasts)}"
    if any(forecast.refuses_run for forecast in forecasts):
        line += "\nthe run would not start before the failures are mended, or their plug-ins left out"
    return line


def _time(forecasts: Sequence[Forecast], known: Timings) -> list[str]:
    """Return how long the cells to run may take in one process, and how this was estimated."""
    to_run = [(forecast.cell, forecast.calls) for forecast in forecasts if forecast.fate == "run"]
    total, unlike = known.total(to_run), sum(not known.is_known(cell) for cell, _ in to_run)
    if not to_run:
        return []
    if total is None:
        return ["time: not known; --timings RUN estimates it from a run of a few queries (--limit)"]
    return [
        f"time: about {clock(total)} with one worker, by the seconds a call of the most alike of "
        f"{counted(known.cells, 'finished cell')}; bounds that are not reached make it shorter",
        *([f"time of {counted(unlike, 'cell')} (?): a guess, no finished cell is of their kind"] if unlike else []),
    ]


def _seconds(known: Timings, forecast: Forecast) -> str:
    """Return how long a cell may take; with a question mark where no finished cell has its ranker and attack."""
    seconds = known.seconds(forecast.cell, forecast.calls) or 0.0
    doubt = "" if known.is_known(forecast.cell) else " ?"
    return (clock(seconds) if seconds >= 60 else f"{seconds:,.1f} s") + doubt


def _as_dict(name: str, forecasts: Sequence[Forecast], known: Timings, code: int) -> dict[str, Any]:
    return {
        "experiment": name,
        "exit_code": code,
        "timed_cells": known.cells,
        "cells": [
            {
                "key": forecast.cell.key,
                "title": forecast.cell.title,
                "status": forecast.fate,
                "reason": forecast.reason,
                "calls_at_most": forecast.calls,
                "seconds": known.seconds(forecast.cell, forecast.calls) if forecast.fate == "run" else None,
            }
            for forecast in forecasts
        ],
    }


def _total(forecasts: Sequence[Forecast]) -> str:
    """Return the sum of the bounds of the cells to run, in words."""
    calls = [forecast.calls for forecast in forecasts if forecast.fate == "run"]
    total = sum(number for number in calls if number is not None)
    unknown = calls.count(None)
    if not unknown:
        return f"at most {total:,} model calls"
    return f"at most {total:,} model calls beside {counted(unknown, 'cell')} without a bound: give a budget_queries"


def _number(calls: int | None) -> str:
    return "not known" if calls is None else f"{calls:,}"
