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
def command(run: Path, baseline: str | None) -> None:
    """Rebuild the report of the run folder RUN; no model is needed."""
    from rich.console import Console

    from robustrank.report.load import declared_baseline

    show_report(run, declared_baseline(run) if baseline is None else baseline, Console())


def show_report(run: Path, baseline: str | None, console: Console) -> None:
    """Write the report of a run and show its tables."""
    from robustrank.report.terminal import show
    from robustrank.report.write import write_report

    paths = write_report(run, baseline=baseline)
    show(run, baseline, console)
    note_planned(run, console)
    console.print(f"report: {run / 'report'} ({len(paths)} files)", markup=False, highlight=False)


def note_planned(run: Path, console: Console) -> None:
    """Say which share of a run is missing."""
    from robustrank.report.load import planned_cells

    planned, cells = planned_cells(run)
    if planned:
        text = f"note: {planned} of {cells} cells of {run} have not been run; run the same command again to resume"
        console.print(text, markup=False, highlight=False)
