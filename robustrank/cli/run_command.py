"""``robustrank run``: one experiment file, one command, a paper's tables."""

from __future__ import annotations

import json
import shlex
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from robustrank.cli.options import (
    cache_option,
    fail_if_option,
    json_option,
    junit_option,
    set_option,
    workers_given,
    workers_options,
)
from robustrank.engine.executors.workers import ONE_PROCESS, Name, Workers
from robustrank.errors import Interrupted, UsageError
from robustrank.printing import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from robustrank.analysis.gates import Outcome
    from robustrank.engine.run import Summary
    from robustrank.engine.selection import Selection
    from robustrank.experiment import Experiment
    from robustrank.report_settings import Gate

_REASONS, _LENGTH = 3, 240  # reasons to skip cells that are shown, and characters of each


@click.command("run")
@click.argument("experiment", type=click.Path(path_type=Path, dir_okay=False))
@set_option
@click.option("--ranker", help="The ranker that a suite is run for: a name, or name:key=value,…, or a mapping in YAML.")
@click.option("--defense", help="The defense around the ranker that a suite is run for [default: none].")
@click.option("--self-test", is_flag=True, help="Compare this machine's figures with those of the suite's references.")
@click.option(
    "--only",
    multiple=True,
    metavar="AXIS=NAME,…",
    help="Run these cells of the plan alone, as attack=hotflip,ranker=bm25; axes: task, collection, ranker, defense, "
    "attack, seed.",
)
@click.option("--limit", type=click.IntRange(1), help="At most so many queries of each collection, its first.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Run folder [default: runs/NAME].")
@workers_options
@click.option(
    "--cell-seconds",
    type=click.FloatRange(0, min_open=True),
    help="End a cell, or a unit of a large one, that takes longer, as failed [default: no limit].",
)
@click.option(
    "--redo",
    type=click.Choice(["errors", "none", "all"]),
    default="errors",
    show_default=True,
    help="Which finished cells to do again.",
)
@click.option("--dry-run", is_flag=True, help="Show what becomes of each cell, and its bound on calls; run nothing.")
@click.option(
    "--timings",
    type=click.Path(path_type=Path, file_okay=False),
    help="With --dry-run: estimate times from this run's cells [default: those finished in --out].",
)
@click.option("--allow-empty", is_flag=True, help="Exit with 0 even if nothing is measured: no cells, or all skipped.")
@click.option("--no-report", is_flag=True, help="Leave tables and figures for `robustrank report`.")
@click.option("--quiet", is_flag=True, help="Show errors and the last line alone.")
@json_option("what the run has come to: cells, reasons, notes, files")
@junit_option
@fail_if_option
@cache_option
def command(
    experiment: Path,
    settings: tuple[str, ...],
    ranker: str | None,
    defense: str | None,
    self_test: bool,
    only: tuple[str, ...],
    limit: int | None,
    out: Path | None,
    executor: Name,
    workers: int,
    executor_options: tuple[str, ...],
    cell_seconds: float | None,
    redo: Literal["errors", "none", "all"],
    dry_run: bool,
    timings: Path | None,
    allow_empty: bool,
    no_report: bool,
    quiet: bool,
    as_json: bool,
    junit: Path | None,
    conditions: tuple[str, ...],
    cache: Path | None,
) -> int:
    """Run the experiment file EXPERIMENT; run it again to resume.

    Finished cells are never lost and never repeated. The run folder ends with rows.csv and report/. A suite, as
    suite:quick-v1, is run for the --ranker that is given, perhaps with a --defense; of its keys --set sets the device
    alone.
    """
    from robustrank.cli.screen import screen
    from robustrank.cli.suite_run import compare_references, refuse_system, show_figures, suite_experiment
    from robustrank.engine.selection import Selection
    from robustrank.experiment import load
    from robustrank.overrides import limited, overridden
    from robustrank.paths import default_cache, give_libraries_a_home
    from robustrank.report_settings import Gate
    from robustrank.suites.suite import PREFIX, load_suite

    who = workers_given(executor, workers, executor_options, cell_seconds)
    selection, gates = Selection.parse(only), tuple(map(Gate.of, conditions))

    def change(raw: Any) -> Any:
        raw = overridden(raw, settings)
        return raw if limit is None else limited(raw, limit, selection.has_task if selection else lambda _: True)

    cache = cache or default_cache()
    give_libraries_a_home(cache)
    suite = load_suite(str(experiment)) if str(experiment).startswith(PREFIX) else None
    notes = (*(f"--set {setting}" for setting in settings), *limit_notes(limit))
    shown = (no_report, quiet, as_json, junit)
    how = How(cache, who, redo, allow_empty, *shown, selection, notes, gates)
    again = shlex.join(["robustrank", *sys.argv[1:]])
    if suite and self_test:
        quietly = replace(how, quiet=True, no_report=True)
        return compare_references(suite, out or Path("runs"), lambda e, folder: execute(e, folder, quietly, again))
    if suite:
        loaded = suite_experiment(suite, ranker, defense, settings, limit)
    else:
        loaded = load(experiment, change)
        refuse_system(loaded, ranker, defense, self_test)
    out = out or Path("runs") / loaded.name
    if dry_run:
        from robustrank.cli.dry_run import show_forecasts

        return show_forecasts(
            loaded, out, cache, redo, allow_empty, screen(stderr=as_json), selection, timings, as_json, who
        )
    if timings is not None:
        raise UsageError("--timings is for --dry-run")
    code = execute(loaded, out, how, resume=again)
    if suite and not (quiet or as_json):
        show_figures(suite, out)
    return code


@dataclass(frozen=True)
class How:
    """How an experiment is run and shown: the options of the command line that are not about what is run."""

    cache: Path
    workers: Workers = ONE_PROCESS
    redo: Literal["errors", "none", "all"] = "errors"
    allow_empty: bool = False
    no_report: bool = False
    quiet: bool = False
    as_json: bool = False
    junit: Path | None = None
    selection: Selection | None = None
    notes: tuple[str, ...] = ()
    gates: tuple[Gate, ...] = ()  # beside those of the experiment


def execute(experiment: Experiment, out: Path, how: How, resume: str) -> int:
    """Run an experiment, show how it goes and its headline figures, and return the exit code.

    Args:
        experiment: What is run.
        out: The run folder.
        how: The options.
        resume: The command that resumes it.

    Raises:
        Interrupted: The user stopped it.
    """
    from robustrank.cli.progress import RunProgress
    from robustrank.cli.report_command import place, show_report
    from robustrank.cli.run_result import run_result, write_junit
    from robustrank.cli.screen import say, screen
    from robustrank.engine.run import run
    from robustrank.report.freshness import is_fresh, remember

    console = screen(stderr=how.as_json)
    with RunProgress(console, how.quiet, how.workers.count) as observer:
        try:
            summary = run(
                experiment,
                out,
                cache=how.cache,
                observer=observer,
                workers=how.workers,
                redo=how.redo,
                allow_empty=how.allow_empty,
                selection=how.selection,
                notes=how.notes,
            )
        except KeyboardInterrupt as error:
            raise Interrupted(
                "stopped; finished cells are kept", where=str(out), hint=f"resume with: {resume}"
            ) from error
    said = list(_endings(summary, observer.notes_left))
    if how.no_report and experiment.report.gates:
        said.append("the experiment's gates are not checked: --no-report")
    if not how.quiet:
        for line in said:
            say(console, line)
    gates: Sequence[Outcome] = ()
    silent = how.quiet and not (how.gates or experiment.report.gates)  # the report's files are all that is wanted
    if summary.rows and not how.no_report and not (silent and is_fresh(out)):
        lines = sum(-(-len(line) // console.width) for line in said) + 1
        gates = show_report(out, None, console, quiet=how.quiet or summary.is_empty, others=lines, gates=how.gates)
        remember(out)
        if not how.quiet:
            say(console, place(out))
    failed = f", {len(summary.failed)} failed" if summary.failed else ""
    rows, cells = counted(summary.rows, "row"), counted(summary.cells, "cell")
    left = f"; {summary.left} of {cells} of the plan have no result" if summary.left else ""
    say(console, f"{rows} of {cells} in {out} ({summary.done} done now{failed}){left}")
    code = summary.exit_code or int(any(gate.breaches for gate in gates))
    if how.junit:
        write_junit(how.junit, experiment.name, summary.outcomes, gates)
    if how.as_json:
        click.echo(json.dumps(run_result(experiment.name, summary, gates, code), indent=1))
    return code


def limit_notes(limit: int | None) -> list[str]:
    """Return what is said of ``--limit``, and kept in the notes of the run."""
    return [f"--limit {limit}: at most {counted(limit, 'query')} of each collection"] if limit else []


def _endings(summary: Summary, notes_left: int) -> Iterator[str]:
    """Yield what a run has to say at its end, a few lines whatever has happened."""
    reasons = Counter(" ".join(printable(reason, keep="\n").split()) for _, reason in summary.skipped)
    for reason, cells in reasons.most_common(_REASONS):
        yield f"skipped {cells} of {counted(summary.cells, 'cell')}: {_short(reason)}"
    if len(reasons) > _REASONS:
        yield f"and {counted(len(reasons) - _REASONS, 'more reason')} to skip cells, in rows.csv"
    if summary.failed:
        failed = counted(len(summary.failed), "cell")
        yield f"{failed} failed; the traceback is in cells/*/cell.json; run again to retry"
    elif summary.is_empty:
        yield "nothing was measured: every cell was skipped"
    if notes_left:
        yield f"and {counted(notes_left, 'more note')} in notes.txt"


def _short(reason: str) -> str:
    return reason if len(reason) <= _LENGTH else f"{reason[: _LENGTH - 1]}…"
