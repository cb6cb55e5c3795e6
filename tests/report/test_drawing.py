"""Charts are drawn in a second process as they are drawn here."""

from __future__ import annotations

import os
import signal

import pytest

from robustrank.errors import DataError
from robustrank.report.chart import Chart, Point
from robustrank.report.drawing import Drawing
from robustrank.report.plots import drawn, saved

pytestmark = pytest.mark.usefixtures("drawing_process")
CHART = Chart("c", "A chart.", "lines", {"": [Point("s", x, x / 2) for x in (1.0, 2.0, 3.0)]}, {"s": 0}, "x", "y")


def test_a_chart_is_drawn_as_in_this_process() -> None:
    with Drawing() as drawing:
        drawing.start([CHART])
        (pictures,) = drawing.pictures()
    assert pictures == {kind: saved(drawn(CHART), kind) for kind in ("png", "pdf")}


def test_a_process_that_dies_is_an_error() -> None:
    with Drawing() as drawing:
        os.kill(drawing.pid, signal.SIGKILL)
        drawing.start([CHART])
        with pytest.raises(DataError, match="has ended with exit status -9"):
            drawing.pictures()


def test_the_process_ends_with_its_context() -> None:
    with Drawing() as drawing:
        pid = drawing.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
