"""``robustrank report``: rebuilds tables and figures from rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from robustrank.cli.options import fail_if_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from robustrank.analysis.gates import Outcome
    from robustrank.analysis.load import LoadedRun
    from robustrank.report_settings import Gate


_BREACHES = 3  # of a gate that are shown


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--baseline", help="Baseline ranker of comparisons [default: that of the experiment, or the first ranker]."
)
@click.option("--full", is_flag=True, help="Show every table, not the headline figures alone.")
@click.option("--quiet", is_flag=True, help="Show errors and the last line alone.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json, and nothing else.")
@click.option("--table", "name", help="Print one table, and nothing else.")
@click.option(
    "--format", "kind", type=click.Choice(["md", "tex", "csv"]), default="md", show_default=True, help="Of --table."
)
@fail_if_option
def command(
    run: Path,
    baseline: str | None,
    full: bool,
    quiet: bool,
    as_json: bool,
    name: str | None,
    kind: str,
    conditions: tuple[str, ...],
) -> int:
    """Rebuild the report of the run folder RUN; no model is needed.

    The exit code is 1 if a gate is broken, of --fail-if or of the experiment.
    """
    from robustrank.cli.screen import say, screen
    from robustrank.errors import UsageError
    from robustrank.report_settings import Gate

    if sum((full, quiet, as_json, name is not None)) > 1:
        raise UsageError("--full, --quiet, --json and --table exclude each other", allowed="one of them")
    gates = tuple(map(Gate.of, conditions))
    if as_json or name is not None:
        return print_part(run, baseline, name, kind, gates)
    console = screen()
    kept = show_report(run, baseline, console, full=full, quiet=quiet, gates=gates)
    say(console, place(run))
    return int(any(outcome.breaches for outcome in kept))


def print_part(run: Path, baseline: str | None, name: str | None, kind: str, gates: Sequence[Gate]) -> int:
    """Print summary.json, or the table of a name, and return the exit code."""
    from robustrank.errors import UsageError, nearest
    from robustrank.report.write import write_report

    written = write_report(run, baseline=baseline, gates=gates)
    folder = run / "report"
    path = folder / "summary.json" if name is None else folder / "tables" / f"{name}.{kind}"
    if not path.exists():
        names = sorted(p.stem for p in (folder / "tables").glob(f"*.{kind}"))
        raise UsageError(f"there is no table {name!r}", allowed=", ".join(names), hint=nearest(name or "", names))
    click.echo(path.read_text(encoding="utf-8"), nl=False)
    broken = [outcome for outcome in written.gates if outcome.breaches]
    for outcome in broken:
        click.echo(f"gate broken: {outcome.gate}: {'; '.join(outcome.breaches)}", err=True)
    return int(bool(broken))


def show_report(
    run: Path,
    baseline: str | None,
    console: Console,
    *,
    full: bool = False,
    quiet: bool = False,
    others: int = 0,
    gates: Sequence[Gate] = (),
) -> Sequence[Outcome]:
    """Write the report of a run, show its headline figures, and return what came of the gates.

    Args:
        run: The run folder.
        baseline: The label of the baseline ranker, or None.
        console: Where it is shown.
        full: Whether every table is shown.
        quiet: Whether only broken gates are shown.
        others: How many lines the summary has beside these.
        gates: Limits beside those of the experiment.
    """
    from robustrank.cli.screen import say
    from robustrank.report.terminal import LINES, headline, show
    from robustrank.report.write import write_report

    written = write_report(run, baseline=baseline, gates=gates)
    others += len(written.gates) + (not quiet and note_planned(written.run, console))
    if full:
        show(written.catalogue, console)
    elif not quiet:
        for line in headline(written.catalogue, console.width, LINES - others - 2):
            say(console, line)
        say(console, f"all tables: robustrank report {run} --full")
    for outcome in written.gates:
        if quiet and not outcome.breaches:
            continue
        say(console, f"gate {'broken' if outcome.breaches else 'kept'}: {outcome.gate}")
        for breach in outcome.breaches[:_BREACHES]:
            say(console, f"  {breach}")
        if len(outcome.breaches) > _BREACHES:
            say(console, f"  and {len(outcome.breaches) - _BREACHES} more, in summary.json")
    return written.gates


def place(run: Path) -> str:
    """Return the line that says where the report of a run is."""
    return f"report: {run / 'report' / 'report.html'}"


def note_planned(run: LoadedRun, console: Console) -> bool:
    """Say which share of a run's cells is missing, and return whether any is."""
    from robustrank.cli.screen import say

    planned = run.statuses["planned"]
    if planned:
        what = f"{planned} of {len(run.cells)} cells of {run.folder} have not been run"
        say(console, f"note: {what}; the same command, without --only, runs them")
    return bool(planned)
