"""``robustrank run --dry-run``: what becomes of each cell, what it may cost, and the exit code of the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from robustrank.errors import NothingMeasured
from robustrank.notices import listening
from robustrank.printing import counted, printable

if TYPE_CHECKING:
    from rich.console import Console

    from robustrank.engine.dry_run import Fate, Forecast
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
) -> int:
    """Print what a run would do with each cell; return the exit code that it would have, as far as it is known."""
    from robustrank.engine.run import dry_run

    with listening(lambda text: console.print(f"note: {printable(text)}", markup=False, highlight=False)):
        forecasts = dry_run(experiment, out, cache=cache, redo=redo, allow_empty=allow_empty, selection=selection)
    _print_table(experiment.name, forecasts, console)
    for line in [*_reasons(forecasts), *_attacks(forecasts), _summary(forecasts)]:
        console.print(printable(line, keep="\n"), markup=False, highlight=False)
    return exit_code(forecasts, allow_empty)


def exit_code(forecasts: Sequence[Forecast], allow_empty: bool) -> int:
    """Return that of the first cell that fails, that of a run in which every cell is skipped, or 0."""
    failures = [forecast.exit_code for forecast in forecasts if forecast.fate == "fail"]
    if failures:
        return failures[0]
    is_empty = all(forecast.fate == "skip" for forecast in forecasts)
    return NothingMeasured.exit_code if is_empty and not allow_empty else 0


def _print_table(name: str, forecasts: Sequence[Forecast], console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("status", "calls at most", "cell", title=Text(f"{printable(name)}: plan"))
    table.columns[1].justify = "right"
    for forecast in forecasts:
        calls = _number(forecast.calls) if forecast.fate == "run" else ""
        table.add_row(Text(forecast.fate, COLOURS[forecast.fate]), calls, Text(printable(forecast.cell.title)))
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
