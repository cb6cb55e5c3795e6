"""``robustrank run``: one experiment file, one command, a paper's tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from robustrank.cli.options import cache_option
from robustrank.errors import Interrupted
from robustrank.printing import counted, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from robustrank.engine.cell import Cell
    from robustrank.engine.cell_result import CellResult, CellStatus
    from robustrank.engine.run import Summary


MARKS: dict[CellStatus, tuple[str, str]] = {  # what is printed, in which colour
    "done": ("done", "green"),
    "skipped": ("skipped", "yellow"),
    "error": ("failed", "red"),
}


@click.command("run")
@click.argument("experiment", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Run folder [default: runs/NAME].")
@click.option(
    "--workers",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Processes that run cells; 0: none but this, for a debugger.",
)
@click.option(
    "--cell-seconds",
    type=click.FloatRange(0, min_open=True),
    help="End a cell that takes longer, as failed [default: no limit].",
)
@click.option(
    "--redo",
    type=click.Choice(["errors", "none", "all"]),
    default="errors",
    show_default=True,
    help="Which finished cells to do again.",
)
@click.option("--dry-run", is_flag=True, help="Show what becomes of each cell, and its bound on calls; run nothing.")
@click.option("--allow-empty", is_flag=True, help="Exit with 0 even if nothing is measured: no cells, or all skipped.")
@click.option("--no-report", is_flag=True, help="Leave tables and figures for `robustrank report`.")
@cache_option
def command(
    experiment: Path,
    out: Path | None,
    workers: int,
    cell_seconds: float | None,
    redo: Literal["errors", "none", "all"],
    dry_run: bool,
    allow_empty: bool,
    no_report: bool,
    cache: Path | None,
) -> int:
    """Run the experiment file EXPERIMENT; run it again to resume.

    Finished cells are never lost and never repeated. The run folder ends with rows.csv and report/.
    """
    from rich.console import Console

    from robustrank.engine.run import run
    from robustrank.experiment import load
    from robustrank.paths import default_cache, give_libraries_a_home

    console = Console()
    asked = load(experiment)
    out, cache = out or Path("runs") / asked.name, cache or default_cache()
    give_libraries_a_home(cache)
    if dry_run:
        from robustrank.cli.dry_run import show_forecasts

        return show_forecasts(asked, out, cache, redo, allow_empty, console)
    with _Progress(console) as observer:
        try:
            summary = run(
                asked,
                out,
                cache=cache,
                observer=observer,
                workers=workers,
                redo=redo,
                cell_seconds=cell_seconds,
                allow_empty=allow_empty,
            )
        except KeyboardInterrupt as error:
            raise Interrupted(
                "stopped; finished cells are kept",
                where=str(out),
                hint=f"resume with: robustrank run {experiment} --out {out}",
            ) from error
    _show_notices(summary, console)
    _show_failures(summary, console)
    if not no_report and summary.rows:
        from robustrank.cli.report_command import show_report

        show_report(out, asked.report.baseline, console)
    console.print(
        f"{counted(summary.rows, 'row')} of {counted(summary.cells, 'cell')} in {out} ({summary.done} done now)",
        markup=False,
    )
    return summary.exit_code


def _show_notices(summary: Summary, console: Console) -> None:
    """Say again at the end what may have scrolled away."""
    if summary.done:
        for text in summary.notices:
            console.print(f"note: {printable(text)}", markup=False, highlight=False)


def _show_failures(summary: Summary, console: Console) -> None:
    for title, reason in summary.skipped:
        console.print(printable(f"skipped {title}: {reason}"), markup=False, highlight=False)
    for result in summary.failed:
        console.print(_marked("error", result.cell))
        console.print(printable(result.reason, keep="\n"), markup=False, highlight=False)
    if summary.failed:
        console.print(
            f"{counted(len(summary.failed), 'cell')} failed; the traceback is in cells/*/cell.json; run again to retry"
        )
    elif summary.cells == len(summary.skipped):
        console.print("nothing was measured: every cell was skipped")


class _Progress:
    """Shows cells done, rate and time left; below it, how far the cell in work is."""

    def __init__(self, console: Console) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self.console = console
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )
        self._cells = self.bars.add_task("cells", total=None)
        self._inner = self.bars.add_task("in work", total=None, visible=False)

    def __enter__(self) -> _Progress:
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def planned(self, cells: Sequence[Cell], todo: Sequence[Cell], retired: int) -> None:
        """Say what there is to do."""
        self.bars.update(self._cells, total=len(todo))
        done = len(cells) - len(todo)
        self.console.print(
            f"{counted(len(cells), 'cell')}: {len(todo)} to do"
            + (f", {done} done before" if done else "")
            + (f", {counted(retired, 'stale cell')} moved to retired/" if retired else "")
        )

    def advanced(self, done: int, total: int) -> None:
        """Move the inner bar."""
        self.bars.update(self._inner, completed=done, total=total, visible=True)

    def noticed(self, text: str) -> None:
        """Say it above the bars."""
        self.console.print(f"note: {printable(text)}", markup=False, highlight=False)

    def finished(self, result: CellResult) -> None:
        """Move the outer bar."""
        self.bars.update(self._inner, visible=False)
        self.bars.advance(self._cells)
        self.console.print(_marked(result.status, result.cell))


def _marked(status: CellStatus, cell: Cell) -> Text:
    """Return a line about a cell, its labels as they stand: no markup, no control character."""
    from rich.text import Text

    return Text.assemble(MARKS[status], f" {printable(cell.title)}")
