"""How a run goes, on a terminal: a line for each finished cell, bars below, notes once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from robustrank.cli.screen import can_show_bars, say
from robustrank.printing import counted, printable
from robustrank.report.entries import fact_text

if TYPE_CHECKING:
    from rich.console import Console

    from robustrank.engine.cell import Cell
    from robustrank.engine.cell_result import CellResult, CellStatus

NOTES = 8  # that are printed; the others are counted
_COLORS: dict[CellStatus, str] = {"done": "green", "skipped": "yellow", "error": "red"}
_WORDS: dict[CellStatus, str] = {"done": "done", "skipped": "skipped", "error": "failed"}


class RunProgress:
    """Tells of a run as it goes: finished cells with seconds and one figure, cells done, and the time that is left.

    Args:
        console: Where it tells.
        quiet: Whether it tells of failed cells alone.
    """

    def __init__(self, console: Console, quiet: bool = False) -> None:
        self._console, self._quiet = console, quiet
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            _TimeLeft(),
            console=console,
            transient=True,
            disable=quiet or not can_show_bars(console),
        )
        self._cells = self._bars.add_task("cells", total=None)
        self._inner = self._bars.add_task("in work", total=None, visible=False)
        self._notes = 0

    def __enter__(self) -> RunProgress:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    @property
    def notes_left(self) -> int:
        """How many notes were not printed."""
        return self._notes if self._quiet else max(0, self._notes - NOTES)

    def planned(self, cells: Sequence[Cell], todo: Sequence[Cell], retired: int) -> None:
        """Say what there is to do."""
        self._bars.reset(self._cells, total=len(todo))
        done = len(cells) - len(todo)
        self._say(
            f"{counted(len(cells), 'cell')}: {len(todo)} to do"
            + (f", {done} done before" if done else "")
            + (f", {counted(retired, 'stale cell')} moved to retired/" if retired else "")
        )

    def advanced(self, done: int, total: int) -> None:
        """Move the inner bar, and the outer one by the share of its cell."""
        self._bars.update(self._inner, completed=done, total=total, visible=True)

    def noticed(self, text: str) -> None:
        """Say it above the bars, once; the last ones are counted only."""
        self._notes += 1
        if self._notes <= NOTES:
            self._say(f"note: {printable(text)}")

    def finished(self, result: CellResult) -> None:
        """Say what became of a cell, with its seconds and one figure; or why it failed."""
        self._bars.update(self._inner, visible=False)
        self._bars.advance(self._cells)
        if result.status == "error":
            self._console.print(_marked(result), soft_wrap=True)
            say(self._console, printable(result.reason, keep="\n"))
        elif not self._quiet:
            self._console.print(_marked(result), soft_wrap=True)

    def _say(self, line: str) -> None:
        if not self._quiet:
            say(self._console, line)


class _TimeLeft(ProgressColumn):
    """The time left, by the mean time of all that is done: cells may take longer than rich's window of 30 seconds."""

    def render(self, task: Task) -> Text:
        seconds = time_left(task.elapsed or 0.0, task.completed, task.total)
        return Text("" if seconds is None else f"ETA {clock(seconds)}", style="progress.remaining")


def time_left(elapsed: float, done: float, total: float | None) -> float | None:
    """Return the seconds left if the rest takes as long as what is done did; None where nothing is done."""
    return elapsed / done * (total - done) if done and total else None


def clock(seconds: float) -> str:
    """Return seconds as h:mm:ss."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _marked(result: CellResult) -> Text:
    """Return a line about a cell, its labels as they stand: no markup, no control character."""
    parts = [f" {printable(result.cell.title)}"]
    if (seconds := result.facts.get("seconds")) is not None:
        parts.append(f"{seconds:,.1f} s")
    if result.headline:
        fact, value = result.headline
        parts.append(f"{printable(fact_text(fact))} {_figure(value)}")
    return Text.assemble((_WORDS[result.status], _COLORS[result.status]), "  ".join(parts))


def _figure(value: float) -> str:
    text = f"{value:,.2f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 and not text.lstrip("-").startswith("1") else text
