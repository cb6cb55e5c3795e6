"""Errors for users: what is wrong, where, what is allowed, and a hint.

Each class has the exit code of its cause, so the command line needs a single handler and scripts can tell causes apart.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from robustrank.printing import printable, shortened

# Bytes of the parts of a message, so that the whole stays below 2,000: one screen, whatever was given.
_WHAT, _WHERE, _ALLOWED, _HINT = 800, 300, 550, 200
_LINES = 14  # of what is wrong


class RobustrankError(Exception):
    """An error whose message is for the user and needs no traceback.

    The message fits on a screen and has no control characters, whatever the arguments hold.

    Args:
        what: What is wrong, with the invalid value.
        where: A file and line, or a key of the experiment file.
        allowed: The accepted values.
        hint: What to do next: a command, or the nearest valid name.
    """

    exit_code = 1

    def __init__(
        self, what: str, *, where: str | None = None, allowed: str | None = None, hint: str | None = None
    ) -> None:
        first = what.split("\n", _LINES)
        what = "\n".join([*first[:_LINES], *(["…"] if len(first) > _LINES else [])])
        self.what = shortened(printable(what, keep="\n"), _WHAT)
        self.where, self.allowed, self.hint = (
            part and shortened(printable(part), most)
            for part, most in ((where, _WHERE), (allowed, _ALLOWED), (hint, _HINT))
        )
        what, where, allowed, hint = self.what, self.where, self.allowed, self.hint
        lines = [what]
        lines += [f"  where:   {where}"] if where else []
        lines += [f"  allowed: {allowed}"] if allowed else []
        lines += [f"  hint:    {hint}"] if hint else []
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with all arguments, so that errors cross process boundaries."""
        return _rebuild, (type(self), self.what, self.where, self.allowed, self.hint)


def _rebuild(
    kind: type[RobustrankError], what: str, where: str | None, allowed: str | None, hint: str | None
) -> RobustrankError:
    return kind(what, where=where, allowed=allowed, hint=hint)


class UsageError(RobustrankError):
    """The command line names something that does not exist, or arguments that contradict each other."""

    exit_code = 2


class ExperimentError(RobustrankError):
    """The experiment file cannot be read, or is not valid."""

    exit_code = 3


class DataError(RobustrankError):
    """Data or a model is missing, unreadable or inconsistent."""

    exit_code = 4


class PluginError(RobustrankError):
    """A plug-in cannot be imported or created, or broke its contract while running."""

    exit_code = 5


class Interrupted(RobustrankError):
    """The user stopped the run; finished cells are kept."""

    exit_code = 6


class NothingMeasured(RobustrankError):
    """The run measured nothing: its plan has no cells, or every cell was skipped."""

    exit_code = 7


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return a did-you-mean hint for ``name`` among ``names``, or None when nothing is close."""
    close = difflib.get_close_matches(name, sorted(names), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(repr(c) for c in close)}?" if close else None
