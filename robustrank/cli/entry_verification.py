"""``robustrank verify ENTRY``: computes an entry of the leaderboard again, repeats its cells, or replays documents."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from robustrank.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from robustrank.engine.selection import Selection
    from robustrank.experiment import Experiment
    from robustrank.leaderboard.entry import Entry, Role


@dataclass(frozen=True)
class Wanted:
    """What is to be done with an entry: the options of the command.

    Attributes:
        external: Adversarial documents to replay.
        repeats: ``drawn`` or ``all`` cells are measured again.
        seed: Of the draw.
        by, role, link: Who does so, and where it is told how.
        is_written: Whether what is computed is written into the file.
        cache: The folder of scores.
    """

    external: Path | None
    repeats: str | None
    seed: str
    by: str | None
    role: Role
    link: str
    is_written: bool
    cache: Path | None


def verify_entry(path: Path, wanted: Wanted) -> None:
    """Verify the entry of a file, or measure it again, and print what is computed.

    Raises:
        DataError: The entry says otherwise than its runs, or documents are not fit.
        UsageError: It is not said who measures.
    """
    from robustrank.leaderboard.assessment import Assessment
    from robustrank.leaderboard.entries import computed, read_entries, verified
    from robustrank.leaderboard.entry import write_entry
    from robustrank.leaderboard.repetition import Measurement
    from robustrank.suites.suite import load_suite

    path = path.absolute()
    entries = read_entries(path.parent.parent)
    entry = entries[path]
    if entry.suite is None:
        assessment = Assessment(entry)
    elif wanted.external or wanted.repeats:
        if not wanted.by:
            raise UsageError("--by is missing", hint="--by NAME says who measures, or wrote the documents")
        with TemporaryDirectory(prefix="robustrank-") as room:
            run, suite = _Runner(wanted.cache), load_suite(entry.suite)
            measurement = Measurement(path, entry, suite, Path(room) / "run", run, wanted.by)
            if wanted.external:
                assessment = measurement.replay(wanted.external, wanted.link)
            else:
                assessment = measurement.repeat(wanted.seed, wanted.repeats == "all", wanted.role)
    elif wanted.is_written:
        assessment = computed(path, entries)
        write_entry(path, assessment.entry)
    else:
        assessment = verified(path, entries)
    entry = assessment.entry
    head = f"{entry.system.name} in {entry.suite or 'what papers report'}: status {entry.status}"
    show_entry(head, entry, [f"not checked: {text}" for text in assessment.unchecked])


class _Runner:
    """Runs an experiment as ``robustrank run`` does, and says errors alone."""

    def __init__(self, cache: Path | None) -> None:
        self._cache = cache

    def __call__(self, experiment: Experiment, out: Path, selection: Selection | None) -> int:
        from robustrank.cli.run_command import How, execute
        from robustrank.engine.executors.workers import Workers
        from robustrank.paths import default_cache

        here = Workers("local")
        how = How(self._cache or default_cache(), here, no_report=True, quiet=True, selection=selection)
        return execute(experiment, out, how, shlex.join(["robustrank", *sys.argv[1:]]))


def show_entry(head: str, entry: Entry, notes: Sequence[str]) -> None:
    """Print an entry's figures, external evaluations and flags under a line, and notes below them."""
    click.echo(head)
    for figure in entry.measured:
        known = f"; known to be {figure.known:.3f}" if figure.known != figure.value else ""
        click.echo(f"  {figure.measure}: {figure.value:.3f}, n={figure.n}{known}")
    for external in entry.external:
        click.echo(f"  {external.attack}: breaks {external.broken} of {external.targets} targets that were not broken")
    click.echo(f"  flags: {', '.join(entry.flags) or 'none'}")
    for text in [*([entry.footnote] if entry.footnote else []), *notes]:
        click.echo(f"  {text}")
