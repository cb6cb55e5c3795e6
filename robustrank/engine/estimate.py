"""How long cells will take, from finished cells like them: seconds a call of the bound, where the bounds are known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from robustrank.engine.cell import Cell
from robustrank.errors import DataError
from robustrank.json_lines import read_lines
from robustrank.rows import Coordinates, checked_coordinates
from robustrank.run_files import cell_folders

# What finished cells may share with a cell, the most alike first; the ranker decides most of a cell's time.
LIKENESS = (
    ("task", "ranker", "defense", "attack"),
    ("task", "ranker", "attack"),
    ("task", "ranker"),
    ("ranker",),
    ("task", "attack"),
    (),
)


@dataclass
class _Sum:
    cells: int = 0
    seconds: float = 0.0
    counted: float = 0.0  # seconds of the cells whose bound is known
    calls: int = 0


class Timings:
    """Seconds of finished cells, from which those of others are estimated."""

    def __init__(self) -> None:
        self._sums: dict[tuple[tuple[str, str], ...], _Sum] = defaultdict(_Sum)
        self.cells = 0

    def add(self, cell: Cell | Coordinates, calls: int | None, seconds: float) -> None:
        """Add a finished cell.

        Args:
            cell: What it is.
            calls: The bound on its model calls; None where none is known.
            seconds: How long it took.
        """
        self.cells += 1
        for axes in LIKENESS:
            total = self._sums[_key(cell, axes)]
            total.cells += 1
            total.seconds += seconds
            if calls is not None:
                total.counted += seconds
                total.calls += calls

    def seconds(self, cell: Cell, calls: int | None) -> float | None:
        """Return how long a cell may take, by the finished cells that are most like it; None where there is none."""
        for axes in LIKENESS:
            total = self._sums.get(_key(cell, axes))
            if total is None:
                continue
            if calls is not None and total.calls:
                return total.counted / total.calls * calls
            return total.seconds / total.cells
        return None

    def is_known(self, cell: Cell) -> bool:
        """Return whether a cell of the same task, ranker and attack is finished."""
        return _key(cell, LIKENESS[1]) in self._sums

    def total(self, cells: Iterable[tuple[Cell, int | None]]) -> float | None:
        """Return the sum over cells with their bounds; None where no cell is finished."""
        return sum(self.seconds(cell, calls) or 0.0 for cell, calls in cells) if self.cells else None


def _key(cell: Cell | Coordinates, axes: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return what a cell has on some axes; a task by its name, since its parameters are in the bound."""
    named = []
    for axis in axes:
        point = getattr(cell, axis)
        named.append((axis, "" if point is None else point.name if axis == "task" else point.label))
    return tuple(named)


def timings_of(run: Path) -> Timings:
    """Return the timings of the finished cells of a run folder; none where it is no run.

    Raises:
        DataError: It is damaged, or of an older schema.
    """
    timings = Timings()
    if not (run / "cells.jsonl").is_file():
        return timings
    folders = {folder.name: folder for folder in cell_folders(run)}
    for where, line in read_lines(run / "cells.jsonl"):
        try:
            cell = checked_coordinates(line)
        except ValueError as error:
            raise DataError(f"its timings cannot be read: {error}", where=where) from error
        if cell.status == "done" and cell.seconds is not None and cell.key in folders:
            _, facts = next(iter(read_lines(folders[cell.key] / "cell.json")))
            timings.add(cell, facts.get("calls_at_most"), cell.seconds)
    return timings
