"""What plug-in code prints while it is imported, cut: an error after it has to stay on the screen."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import TextIO

MOST = 500  # characters passed on to each of standard output and standard error


@contextlib.contextmanager
def little_output() -> Iterator[None]:
    """Pass on the first characters that are printed inside, and say how many more there were."""
    output, error = _Cut(sys.stdout), _Cut(sys.stderr)
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(error):
            yield
    finally:
        for stream in (output, error):
            if stream.left_out:
                stream.to.write(f"\n… ({stream.left_out:,} more characters were printed)\n")


class _Cut(io.TextIOBase):
    def __init__(self, to: TextIO) -> None:
        self.to, self.left_out, self._passed = to, 0, 0

    def write(self, text: str) -> int:
        """Pass a text on, or count it."""
        shown = text[: MOST - self._passed]
        self.to.write(shown)
        self._passed += len(shown)
        self.left_out += len(text) - len(shown)
        return len(text)

    def flush(self) -> None:
        """Flush what was passed on."""
        self.to.flush()
