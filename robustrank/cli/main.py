"""The command line: a module per sub-command, imported when it is called."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import click

from robustrank.errors import RobustrankError, nearest
from robustrank.paths import give_libraries_a_home
from robustrank.printing import printable

COMMANDS = {
    "check-reranker": "Check a reranker that answers over HTTP, or any other, in two minutes.",
    "compare": "Compare two runs, measure by measure.",
    "describe": "Describe a plug-in: reference, access, parameters.",
    "doctor": "Show what is here and what is missing: packages, models, data, devices.",
    "evaluate": "Evaluate a ranker, without an experiment file.",
    "leaderboard": "Check a folder of entries, and build the site that shows them.",
    "list": "List plug-ins: attacks, defenses, tasks, rankers, collections.",
    "new": "Write a new plug-in: its file, its test, its registration.",
    "prepare": "Get what an experiment needs, for machines without a network.",
    "report": "Rebuild tables and figures of a run from its rows.",
    "run": "Run an experiment file or a suite, or resume it.",
    "show": "Show attacked texts of a run, with what was changed; or a query.",
    "submit": "Make an entry of the leaderboard from a run of a suite.",
    "table": "Build, show and check substitution tables; counter-fit vectors.",
    "train": "Train a ranker on a collection.",
    "verify": "Verify the certificates of a run without its models, or an entry.",
}


class Commands(click.Group):
    """Sub-commands by name; only the called one is imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the sub-commands in order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a sub-command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"robustrank.cli.{cmd_name.replace('-', '_')}_command").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a sub-command; suggest the nearest name for an unknown one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            hint = nearest(args[0], COMMANDS)
            raise click.UsageError(f"{error.message} ({hint})" if hint else error.message, ctx) from error


@click.command(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "ROBUSTRANK"}
)
@click.version_option(package_name="robustrank")
def cli() -> None:
    """Measure, attack, defend and certify the robustness of ranking models."""


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit with the exit code of the cause."""
    sys.exit(invoke(args))


def invoke(args: list[str] | None = None) -> int:
    """Run the command line; return 0, or the exit code of the cause with the reason on standard error."""
    try:
        if given := os.environ.get("ROBUSTRANK_CACHE"):
            give_libraries_a_home(Path(given))
        result: Any = cli.main(args=args, prog_name="robustrank", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        return 6
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except RobustrankError as error:
        text = printable(str(error), keep="\n")
        color = False if os.environ.get("NO_COLOR") else None  # None: where standard error is a terminal
        click.echo(f"{click.style('error', fg='red', bold=True)}: {text}", err=True, color=color)
        return error.exit_code
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        return 6
    return result if isinstance(result, int) else 0
