"""The terminal as commands write to it: lines as they are, and bars on terminals only."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def screen(stderr: bool = False) -> Console:
    """Return standard output: 80 columns wide where it is no terminal and ``COLUMNS`` says nothing else.

    Args:
        stderr: Return the standard error stream, as where standard output is for a program.
    """
    from rich.console import Console

    return Console(highlight=False, stderr=stderr)


def say(console: Console, line: str) -> None:
    """Print a line as it stands: no markup, and no line break in a path or a command that is to be copied."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def can_show_bars(console: Console) -> bool:
    """Return whether bars can be drawn and erased there."""
    return console.is_terminal and not console.is_dumb_terminal
