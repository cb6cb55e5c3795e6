"""How a run goes, on a terminal: a line for each finished cell, bars below, notes once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from robustrank.cli.screen import can_show_bars, say
from robustrank.engine.estimate import Timings
from robustrank.printing import counted, printable
from robustrank.rows import fact_text

if TYPE_CHECKING:
    from rich.console import Console

    from robustrank.engine.cell import Cell
    from robustrank.engine.cell_result import CellResult, CellStatus

NOTES = 8  # that are printed; the others are counted
_BARS = 3  # of the cell in work
_COLORS: dict[CellStatus, str] = {"done": "green", "skipped": "yellow", "error": "red"}
_WORDS: dict[CellStatus, str] = {"done": "done", "skipped": "skipped", "error": "failed"}


def bars(console: Console, quiet: bool = False) -> Progress:
    """Return bars that are erased at their end, and are not drawn in a pipe."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", style="progress.remaining"),
        console=console,
        transient=True,
        disable=quiet or not can_show_bars(console),
    )


class StepBars:
    """Bars of work that is told in steps: one for each unit, the last few that moved."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._by_unit: dict[str, TaskID] = {}

    def advanced(self, done: int, total: int, unit: str) -> None:
        """Move the bar of a unit, see :data:`robustrank.steps.Tell`."""
        bar = self._by_unit.pop(unit, None)
        if bar is None:
            bar = self._shown.add_task(f"  {printable(unit)}", left="")
        self._by_unit[unit] = bar
        self._shown.update(bar, completed=done, total=total)
        if len(self._by_unit) > _BARS:
            self._shown.remove_task(self._by_unit.pop(next(iter(self._by_unit))))

    def clear(self) -> None:
        """Remove the bars."""
        while self._by_unit:
            self._shown.remove_task(self._by_unit.popitem()[1])


class RunProgress:
    """Tells of a run as it goes: finished cells with seconds and one figure, cells done, and the time that is left.

    Args:
        console: Where it tells.
        quiet: Whether it tells of failed cells alone.
        workers: How many cells are in work at once.
    """

    def __init__(self, console: Console, quiet: bool = False, workers: int = 1) -> None:
        self._console, self._quiet = console, quiet
        self._bars = bars(console, quiet)
        self._cells = self._bars.add_task("cells", total=None, left="")
        self._steps = StepBars(self._bars)
        self._left = _TimeLeft(workers)
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

    def planned(
        self, cells: Sequence[Cell], todo: Sequence[Cell], retired: int, calls: Mapping[str, int | None]
    ) -> None:
        """Say what there is to do."""
        self._bars.reset(self._cells, total=len(todo))
        self._left.plan(todo, calls)
        done = len(cells) - len(todo)
        self._say(
            f"{counted(len(cells), 'cell')}: {len(todo)} to do"
            + (f", {done} done before" if done else "")
            + (f", {counted(retired, 'stale cell')} moved to retired/" if retired else "")
        )

    def advanced(self, done: int, total: int, unit: str) -> None:
        """Move the bar of what the cell in work has steps of."""
        self._steps.advanced(done, total, unit)
        self._bars.update(self._cells, left=self._left.text())

    def noticed(self, text: str) -> None:
        """Say it above the bars, once; the last ones are counted only."""
        self._notes += 1
        if self._notes <= NOTES:
            self._say(f"note: {printable(text)}")

    def finished(self, result: CellResult) -> None:
        """Say what became of a cell, with its seconds and one figure; or why it failed."""
        self._steps.clear()
        self._left.finish(result)
        self._bars.update(self._cells, advance=1, left=self._left.text())
        if result.status == "error":
            self._console.print(_marked(result), soft_wrap=True)
            say(self._console, printable(result.reason, keep="\n"))
        elif not self._quiet:
            self._console.print(_marked(result), soft_wrap=True)

    def _say(self, line: str) -> None:
        if not self._quiet:
            say(self._console, line)


class _TimeLeft:
    """The time left, by the cells done: those to do are estimated from those that are most like them."""

    def __init__(self, workers: int) -> None:
        self._workers, self._timings = max(1, workers), Timings()
        self._todo: dict[str, Cell] = {}
        self._calls: Mapping[str, int | None] = {}
        self._last = time.monotonic()

    def plan(self, todo: Sequence[Cell], calls: Mapping[str, int | None]) -> None:
        """Start with cells to do, and the bounds on their calls by key."""
        self._todo, self._calls, self._last = {cell.key: cell for cell in todo}, calls, time.monotonic()

    def finish(self, result: CellResult) -> None:
        """Count a cell as done; skipped ones tell nothing of others."""
        self._todo.pop(result.cell.key, None)
        self._last = time.monotonic()
        if result.status == "done":
            self._timings.add(result.cell, self._calls.get(result.cell.key), float(result.facts.get("seconds", 0.0)))

    def text(self) -> str:
        """Return the time left in words; nothing before a cell is done, or where one takes longer than estimated."""
        seconds = self._timings.total((cell, self._calls.get(key)) for key, cell in self._todo.items())
        left = (seconds or 0.0) / self._workers - (time.monotonic() - self._last)
        return f"ETA {clock(left)}" if left > 0 else ""


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
