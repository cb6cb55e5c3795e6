"""Options and checks that several sub-commands share."""

from __future__ import annotations

from pathlib import Path

import click

from robustrank.errors import UsageError, nearest
from robustrank.plugins import KINDS


def kind_of(name: str) -> str:
    """Return the kind a word means, singular or plural.

    Raises:
        UsageError: There is no such kind.
    """
    kind = name.removesuffix("s")
    if kind not in KINDS:
        plural = [f"{known}s" for known in KINDS]
        raise UsageError(f"there is no kind of plug-in {name!r}", allowed=", ".join(plural), hint=nearest(name, plural))
    return kind


def cache_option(function: click.decorators.FC) -> click.decorators.FC:
    """Add ``--cache``."""
    return click.option(
        "--cache",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder of scores and trained weights [default: ROBUSTRANK_CACHE, or ~/.cache/robustrank].",
    )(function)
