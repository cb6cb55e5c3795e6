"""What ``robustrank run suite:NAME`` does beside running: the system is set, and the figures are shown and compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from robustrank.errors import UsageError
from robustrank.rankers.runtime import Device
from robustrank.suites.suite import PREFIX, Suite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from robustrank.experiment import Experiment


def suite_experiment(
    suite: Suite, ranker: str | None, defense: str | None, settings: Sequence[str], limit: int | None
) -> Experiment:
    """Return the experiment of a suite for the system that is given.

    Raises:
        UsageError: No ranker is given, or a key of the suite is to be changed.
    """
    device, others = _device(settings)
    if others or limit is not None:
        given = f"--set {others[0]}" if others else f"--limit {limit}"
        raise UsageError(
            f"{given}: a suite is never changed, or its figures could not be compared",
            allowed="--ranker, --defense, --set device=…",
            hint=f"copy {suite.name}.yaml's experiment into a file of your own",
        )
    if ranker is None:
        raise UsageError(
            f"{PREFIX}{suite.name}: no ranker is given",
            allowed="--ranker NAME, --ranker NAME:key=value,…, or --ranker '{name: …, train: …}'",
            hint="robustrank list rankers",
        )
    return suite.of(ranker, defense, device)


def _device(settings: Sequence[str]) -> tuple[Device, list[str]]:
    """Return the device that is set, and the other settings."""
    others = [setting for setting in settings if not setting.startswith("device=")]
    named = [setting.removeprefix("device=") for setting in settings if setting.startswith("device=")]
    device = named[-1] if named else "auto"
    for known in get_args(Device):
        if known == device:
            return known, others
    raise UsageError(f"--set device={device}", allowed=", ".join(get_args(Device)))


def refuse_system(experiment: Experiment, ranker: str | None, defense: str | None, self_test: bool) -> None:
    """Refuse what is for suites alone, beside an experiment file, and a file that says that it is a suite's.

    Raises:
        UsageError: It is so.
    """
    given = {"--ranker": ranker, "--defense": defense, "--self-test": self_test}
    if options := [name for name, value in given.items() if value]:
        raise UsageError(f"{options[0]} is for suites, as {PREFIX}quick-v1", hint="robustrank list suites")
    if experiment.suite is not None:
        raise UsageError(
            f"the experiment says that it is of the suite {experiment.suite.name}",
            hint=f"robustrank run {PREFIX}{experiment.suite.name} --ranker …, or leave the key `suite` out",
        )


def show_figures(suite: Suite, run: Path) -> None:
    """Print the figures of a suite of a run, those that have rows."""
    from robustrank.analysis.load import load_rows
    from robustrank.suites.figures import figures

    of_run = {figure.measure: figure for figure in figures(suite, load_rows(run))}
    click.echo(f"\n{suite.name} ({suite.sha256[:12]})")
    for measure in suite.measures:
        figure = of_run.get(measure.name)
        text = "not measured"
        if figure:
            interval = f"  [{figure.ci[0]:.3f}, {figure.ci[1]:.3f}]" if figure.ci else ""
            text = f"{figure.value:.3f}{interval}  n={figure.n}"
        better = "↑" if measure.direction == "higher" else "↓"
        mark = "*" if measure.name == suite.headline else " "
        click.echo(f"{mark} {measure.name} {better}".ljust(46) + text)
    click.echo(f"* the headline. To hand it in: robustrank submit {run} --model-card card.yaml")


def compare_references(suite: Suite, out: Path, run: Callable[[Experiment, Path], int]) -> int:
    """Run the suite's references, and say which of their figures this machine gives; return 1 if some differ.

    Args:
        suite: The suite.
        out: The folder of the runs.
        run: Runs an experiment in a folder, and returns the exit code.

    Raises:
        UsageError: The suite has no references.
    """
    from robustrank.analysis.load import load_rows
    from robustrank.suites.figures import figures

    if not suite.reference:
        raise UsageError(f"suite {suite.name} has no references", hint="run the suite that it is the full form of")
    differ = 0
    for reference in suite.reference:
        experiment = suite.of(reference.ranker, reference.defense)
        if code := run(experiment, out / experiment.name):
            return code
        values = {figure.measure: figure.value for figure in figures(suite, load_rows(out / experiment.name))}
        for name, expected in reference.values.items():
            value = values.get(name)
            agrees = value is not None and abs(value - expected) <= suite.tolerance
            differ += not agrees
            shown = "not measured" if value is None else f"{value:.4f}"
            state = "agrees " if agrees else "differs"
            click.echo(f"{state} {reference.ranker}: {name}: {shown}, expected {expected:.4f} ± {suite.tolerance}")
    click.echo("the machine reproduces the suite" if not differ else f"{differ} figures differ")
    return int(differ > 0)
