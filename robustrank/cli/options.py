"""Options and checks shared by sub-commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from robustrank.engine.executors.workers import NAMES, Name, Workers
from robustrank.errors import UsageError, nearest
from robustrank.plugins import KINDS


def kind_of(name: str) -> str:
    """Return the kind of plug-in from its singular or plural name.

    Raises:
        UsageError: Unknown kind.
    """
    kind = name.removesuffix("s")
    if kind not in KINDS:
        plurals = [f"{known}s" for known in KINDS]
        raise UsageError(f"{name!r} is not a kind of plug-in", allowed=", ".join(plurals), hint=nearest(name, plurals))
    return kind


def set_option(function: click.decorators.FC) -> click.decorators.FC:
    """Add ``--set``."""
    return click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="KEY=VALUE",
        help="Set a key of the file, as rankers.bm25.k1=1.2 or seeds=[1,2]; may be repeated.",
    )(function)


def json_option(what: str) -> Callable[[click.decorators.FC], click.decorators.FC]:
    """Return ``--json``, which prints ``what``."""
    return click.option("--json", "as_json", is_flag=True, help=f"Print {what} as JSON on standard output.")


def junit_option(function: click.decorators.FC) -> click.decorators.FC:
    """Add ``--junit``."""
    return click.option(
        "--junit",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write a JUnit file: a test case for each cell, with why it failed or was skipped.",
    )(function)


def cache_option(function: click.decorators.FC) -> click.decorators.FC:
    """Add ``--cache``."""
    return click.option(
        "--cache",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder of cached scores and checkpoints [default: ROBUSTRANK_CACHE, or ~/.cache/robustrank].",
    )(function)


def fail_if_option(function: click.decorators.FC) -> click.decorators.FC:
    """Add ``--fail-if``."""
    return click.option(
        "--fail-if",
        "conditions",
        multiple=True,
        help="Exit with 1 if a figure of the report is so, as 'asr > 0.5'; may be repeated.",
    )(function)


def workers_options(function: click.decorators.FC) -> click.decorators.FC:
    """Add ``--executor``, ``--workers`` and ``--executor-option``; see :func:`workers_given`."""
    options = (
        click.option(
            "--executor",
            type=click.Choice(NAMES),
            default="processes",
            show_default=True,
            help="What runs cells: this process, processes of this machine, or workers that Ray or Slurm starts.",
        ),
        click.option(
            "--workers",
            type=click.IntRange(0),
            default=1,
            show_default=True,
            help="How many cells run at once; 0: in this process, for a debugger.",
        ),
        click.option(
            "--executor-option",
            "executor_options",
            multiple=True,
            metavar="NAME=VALUE",
            help="What Ray or Slurm is told of a worker, as partition=gpu; may be repeated.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def workers_given(executor: Name, workers: int, options: tuple[str, ...], cell_seconds: float | None = None) -> Workers:
    """Return who runs cells, as the options say.

    Raises:
        UsageError: They do not go together.
    """
    settings = {}
    for option in options:
        name, sign, value = option.partition("=")
        if not name or not sign:
            raise UsageError(f"--executor-option {option}", allowed="NAME=VALUE")
        settings[name] = value
    return Workers(executor, workers, cell_seconds, settings)
