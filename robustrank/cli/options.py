"""Options and checks shared by sub-commands."""

from __future__ import annotations

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


def cache_option(function: click.decorators.FC) -> click.decorators.FC:
    """Add ``--cache``."""
    return click.option(
        "--cache",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder of cached scores and checkpoints [default: ROBUSTRANK_CACHE, or ~/.cache/robustrank].",
    )(function)
