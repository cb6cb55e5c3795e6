"""The reference in docs/command-line.md, written from the commands: ``python -m robustrank.cli.reference PAGE``."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from robustrank.cli.main import cli

BEGIN = "<!-- the reference: written by python -m robustrank.cli.reference docs/command-line.md -->"
END = "<!-- the end of the reference -->"


def reference() -> str:
    """Return every command with its arguments and options, in Markdown."""
    with click.Context(cli, info_name="robustrank") as context:
        return "\n".join([BEGIN, "", *_commands(cli, context), END])


def with_reference(page: str) -> str:
    """Return a page with its reference as the commands are now.

    Raises:
        ValueError: The page has no place for it.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no lines {BEGIN} and {END}")
    return f"{before}{reference()}{after}"


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


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(with_reference(path.read_text(encoding="utf-8")), encoding="utf-8")
