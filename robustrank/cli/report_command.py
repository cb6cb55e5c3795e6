"""``robustrank report``: tables and figures, remade from rows alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.option("--baseline", help="The ranker others are compared with [default: the experiment's, or the first].")
def command(run: Path, baseline: str | None) -> None:
    """Remake the report of the run folder RUN; no model is needed."""
    from rich.console import Console

    from robustrank.experiment import load

    asked = run / "experiment.yaml"
    if baseline is None and asked.exists():
        baseline = load(asked).report.baseline
    show_report(run, baseline, Console())


def show_report(run: Path, baseline: str | None, console: Console) -> None:
    """Write the report of a run and show its tables."""
    from robustrank.report.terminal import show
    from robustrank.report.write import write_report

    paths = write_report(run, baseline=baseline)
    show(run, baseline, console)
    console.print(f"report: {run / 'report'} ({len(paths)} files)", markup=False, highlight=False)
