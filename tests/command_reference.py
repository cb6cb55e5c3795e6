"""Every command with its arguments and options, in Markdown, for docs/command-line.md."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from robustrank.cli.main import cli


def reference() -> str:
    """Return a section for each command: its usage, what it does, a table of its options."""
    with click.Context(cli, info_name="robustrank") as context:
        return "\n".join(_commands(cli, context))


def _commands(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            continue
        with click.Context(command, context, info_name=name) as inner:
            yield from _command(command, inner)
            if isinstance(command, click.Group):
                yield from _commands(command, inner)


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"### `{' '.join([context.command_path, *command.collect_usage_pieces(context)])}`"
    yield ""
    yield inspect.cleandoc(command.help or "")
    yield ""
    options = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
    records = [record for option in options if (record := option.get_help_record(context))]
    if records:
        yield from ("| option | what |", "|---|---|")
        yield from (f"| `{_cell(names)}` | {_cell(text).replace('<', '&lt;')} |" for names, text in records)
        yield ""


def _cell(text: str) -> str:
    """Return a text as a cell of a table: one line, and no column ends in it."""
    return " ".join(text.split()).replace("|", "\\|")
