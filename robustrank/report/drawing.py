"""Draws the charts of a report in a second process: meanwhile its tables are estimated, which takes about as long."""

from __future__ import annotations

import contextlib
import pickle
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import IO, cast

from robustrank.errors import DataError
from robustrank.python_process import python_command
from robustrank.report.chart import Chart


class Drawing:
    """A process that draws charts, and ends with this context. It starts at once, to get ready until there are any."""

    def __init__(self) -> None:
        command = python_command("robustrank.report.drawing", sys.path)
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self._process.pid
        self._to, self._from = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)

    def __enter__(self) -> Drawing:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        with self._process, contextlib.suppress(BrokenPipeError):
            self._to.close()

    def start(self, charts: Sequence[Chart]) -> None:
        """Have the charts drawn, while the caller does something else."""
        with contextlib.suppress(BrokenPipeError):  # it has ended, which the answer tells
            pickle.dump(list(charts), self._to)
            self._to.flush()

    def pictures(self) -> list[dict[str, bytes]]:
        """Return each chart as PNG and PDF, once all are drawn.

        Raises:
            DataError: The process has ended before.
        """
        try:
            pictures: list[dict[str, bytes]] = pickle.load(self._from)
        except (EOFError, pickle.UnpicklingError) as error:
            what = f"the process that draws the figures has ended with exit status {self._process.wait()}"
            hint = "-9 is a lack of memory as a rule; robustrank report RUN tries again, and what was printed says more"
            raise DataError(what, hint=hint) from error
        return pictures


def main() -> None:
    """Draw what comes from standard input, and write it to standard output; nothing where the caller has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller's business
    import robustrank.report.plots  # noqa: F401 - to be ready for the charts

    with contextlib.suppress(EOFError, BrokenPipeError):
        pickle.dump(pictures_of(pickle.load(sys.stdin.buffer)), sys.stdout.buffer)


def pictures_of(charts: Sequence[Chart]) -> list[dict[str, bytes]]:
    """Return each chart as PNG and PDF, drawn in this process."""
    from robustrank.report.plots import drawn, saved

    pictures = []
    for chart in charts:
        figure = drawn(chart)
        pictures.append({kind: saved(figure, kind) for kind in ("png", "pdf")})
    return pictures
