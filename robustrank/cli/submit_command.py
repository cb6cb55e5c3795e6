"""``robustrank submit``: makes an entry of the leaderboard from a run of a suite; it needs no network."""

from __future__ import annotations

from pathlib import Path

import click

from robustrank.cli.entry_verification import show_entry


@click.command("submit")
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--model-card",
    "card",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="A file in YAML that says what the system is: docs/leaderboard.md has one.",
)
@click.option("--suite", help="The suite that RUN is of [default: the one that it says].")
@click.option(
    "--entries", type=click.Path(path_type=Path, file_okay=False), default=Path("entries"), show_default=True,
    help="The folder of entries.",
)  # fmt: skip
def command(run: Path, card: Path, suite: str | None, entries: Path) -> None:
    """Make an entry of the leaderboard from RUN, a run folder of `robustrank run suite:NAME`.

    The suite's digest, the grid, every target and the consistency of all files are checked; rows that failed, and code
    that was changed and not committed, are refused. Figures, flags and status are computed.
    """
    from robustrank.leaderboard.submission import submit, suite_of

    path, assessment = submit(run, card, entries, suite_of(run, suite))
    entry = assessment.entry
    notes = [*(f"not run: {text}" for text in entry.not_run), *(f"not checked: {t}" for t in assessment.unchecked)]
    show_entry(f"{path} and {path.with_suffix('.zip').name}: status {entry.status}", entry, notes)
    click.echo("to hand it in, in a fork of the repository:")
    click.echo(f"  git checkout -b {path.stem} && git add {path} {path.with_suffix('.zip')}")
    click.echo(f"  git commit -m 'Add {path.stem} to {entry.suite}' && git push   # and open a pull request")
