"""What plug-in code raises, told as an error of that plug-in: anything but Ctrl-C, however its class behaves."""

from __future__ import annotations

import inspect
from functools import cache
from types import TracebackType

from robustrank.errors import PluginError, RobustrankError

_LONGEST = 2000  # characters of a message


class plugin_code:  # noqa: N801 - read as a statement: with plugin_code("attack 'x'", "prepare()"):
    """Turns whatever plug-in code raises into a PluginError that names the plug-in.

    Errors of this package and KeyboardInterrupt pass.

    Args:
        plugin: The plug-in in words, as "attack 'pat'".
        where: What it was doing.
    """

    def __init__(self, plugin: str, where: str) -> None:
        self._plugin, self._where = plugin, where

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Raise the error of the plug-in, if there is one."""
        if error is not None and not isinstance(error, RobustrankError | KeyboardInterrupt):
            raise PluginError(f"{self._plugin} {describe_failure(error)}", where=self._where) from error


def describe_failure(error: BaseException) -> str:
    """Return what a plug-in did by raising ``error``, in words that can be printed and written to a file."""
    if isinstance(error, SystemExit):
        return f"left the interpreter: sys.exit({_repr(error.code)})"
    return f"raised {name_and_message(error)}"


def name_and_message(error: BaseException) -> str:
    """Return "ValueError: message", whatever the error's class does when it is printed."""
    try:
        return storable(f"{type(error).__name__}: {error}")
    except BaseException:
        return f"{type(error).__name__}, whose message cannot be printed"


def place_of(plugin: type) -> str:
    """Return the file and line of a class, or its module and name where there is no source; looked up once."""
    return _place_of(plugin)


@cache
def _place_of(plugin: type) -> str:
    try:
        return f"{inspect.getsourcefile(plugin)}:{inspect.getsourcelines(plugin)[1]}"
    except (OSError, TypeError, SyntaxError):
        return f"{plugin.__module__}:{plugin.__qualname__}"


def shown(value: object) -> str:
    """Return the type and the repr of a plug-in's value, cut, whatever its class does."""
    return f"{type(value).__name__}: {_repr(value)}"


def _repr(value: object) -> str:
    try:
        text = storable(repr(value))
    except BaseException:
        return "(it cannot be printed)"
    return text if len(text) <= 60 else f"{text[:57]}..."


def storable(text: str) -> str:
    """Return a text that any file can hold: lone surrogates escaped, the end of a very long one left out."""
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} … ({len(text):,} characters)"
    return shown.encode("utf-8", "backslashreplace").decode("utf-8")
