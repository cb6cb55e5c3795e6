"""``robustrank compare``: differences between two runs."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("compare")
@click.argument("first", type=click.Path(path_type=Path, file_okay=False))
@click.argument("second", type=click.Path(path_type=Path, file_okay=False))
@click.option("--all", "everything", is_flag=True, help="Show measures without a difference as well.")
def command(first: Path, second: Path, everything: bool) -> None:
    """Compare run folder FIRST with SECOND: means, paired difference, interval, Holm-corrected p."""
    from rich.console import Console

    from robustrank.cli.report_command import note_planned
    from robustrank.report.compare import compare_runs, comparison_table
    from robustrank.report.load import load_rows

    compared = compare_runs(load_rows(first), load_rows(second))
    console = Console()
    if not console.is_terminal:  # a file or a pipe has no width
        console = Console(width=180)
    console.print(comparison_table(compared, everything))
    for run in (first, second):
        note_planned(run, console)
