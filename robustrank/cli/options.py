"""Options and checks shared by sub-commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

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
