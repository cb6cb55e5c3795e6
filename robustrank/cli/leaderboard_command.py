"""``robustrank leaderboard``: checks a folder of entries, and builds the static site that shows them."""

from __future__ import annotations

import json
from pathlib import Path

import click

from robustrank.errors import DataError
from robustrank.printing import counted


@click.group("leaderboard")
def command() -> None:
    """Check a folder of entries, build the site that shows them, or print the schema of an entry."""


_entries = click.argument(
    "entries", type=click.Path(path_type=Path, exists=True, file_okay=False), default=Path("entries")
)


@command.command("build")
@_entries
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("site"), show_default=True,
    help="The folder of the site.",
)  # fmt: skip
def build_command(entries: Path, out: Path) -> None:
    """Write the site of the folder ENTRIES: pages that work from disk and load nothing, and tables as CSV and JSON."""
    from robustrank.leaderboard.entries import read_entries
    from robustrank.leaderboard.site import build

    pages = build(read_entries(entries), out)
    click.echo(f"{counted(len(pages), 'page')} in {out}: {pages[0]}")


@command.command("check")
@_entries
def check_command(entries: Path) -> None:
    """Compute every entry of the folder ENTRIES again, and refuse what differs from its file."""
    from robustrank.leaderboard.entries import problems, read_entries

    read = read_entries(entries)
    refused = list(problems(read))
    for path, problem in refused:
        click.echo(f"{path}: {problem}", err=True)
    if refused:
        raise DataError(f"{counted(len(refused), 'entry')} of {len(read)} refused", where=str(entries))
    click.echo(f"{counted(len(read), 'entry')} computed again, and each is as its file says")


@command.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of an entry."""
    from robustrank.leaderboard.entry import schema

    click.echo(json.dumps(schema(), indent=1))
