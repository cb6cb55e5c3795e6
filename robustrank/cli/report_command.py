"""``robustrank report``: rebuilds tables and figures from rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--baseline", help="Baseline ranker of comparisons [default: that of the experiment, or the first ranker]."
)
@click.option("--full", is_flag=True, help="Show every table, not the headline figures alone.")
@click.option("--quiet", is_flag=True, help="Show errors and the last line alone.")
def command(run: Path, baseline: str | None, full: bool, quiet: bool) -> None:
    """Rebuild the report of the run folder RUN; no model is needed."""
    from robustrank.cli.screen import screen
    from robustrank.errors import UsageError
    from robustrank.report.load import declared_baseline

    if full and quiet:
        raise UsageError("--full and --quiet exclude each other", allowed="one of them")
    baseline = declared_baseline(run) if baseline is None else baseline
    show_report(run, baseline, screen(), full=full, quiet=quiet)


def show_report(
    run: Path, baseline: str | None, console: Console, *, full: bool = False, quiet: bool = False, others: int = 0
) -> None:
    """Write the report of a run, and show its headline figures and where it is.

    Args:
        run: The run folder.
        baseline: The label of the baseline ranker, or None.
        console: Where it is shown.
        full: Whether every table is shown.
        quiet: Whether only the place of the report is shown.
        others: How many lines the summary has beside these.
    """
    from robustrank.cli.screen import say
    from robustrank.report.headline import LINES, headline
    from robustrank.report.terminal import show
    from robustrank.report.write import write_report

    paths = write_report(run, baseline=baseline)
    others += note_planned(run, console)
    if full:
        show(run, baseline, console)
    elif not quiet:
        for line in headline(run, baseline, console.width, LINES - others - 2):
            say(console, line)
        say(console, f"all tables: robustrank report {run} --full")
    say(console, f"report: {run / 'report' / 'report.html'} ({len(paths)} files)")


def note_planned(run: Path, console: Console) -> bool:
    """Say which share of a run is missing, and return whether any is."""
    from robustrank.cli.screen import say
    from robustrank.report.load import planned_cells

    planned, cells = planned_cells(run)
    if planned:
        say(
            console,
            f"note: {planned} of {cells} cells of {run} have not been run; the same command, without --only, runs them",
        )
    return bool(planned)
