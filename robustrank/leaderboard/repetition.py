"""Runs beside an entry: a replay of somebody's adversarial documents, and cells that are measured again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from robustrank.analysis.load import LoadedRun, load_run
from robustrank.engine.cell import Cell
from robustrank.engine.selection import Selection
from robustrank.experiment import Experiment, load
from robustrank.leaderboard.assessment import LEAST_TARGETS, Assessment, assess, measured_units
from robustrank.leaderboard.entry import Entry, External, Packed, Role, write_entry
from robustrank.leaderboard.external import clean_texts, refuse_unfit, replay_experiment
from robustrank.leaderboard.packing import pack, unpacked
from robustrank.randomness import derive
from robustrank.rows import Coordinates
from robustrank.suites.suite import Suite

Runner = Callable[[Experiment, Path, Selection | None], int]  # runs an experiment in a folder; returns the exit code
_Part = tuple[str, str, str, int, int]


@dataclass(frozen=True)
class DrawnCells(Selection):
    """Cells that are drawn, by the labels of their parts."""

    drawn: frozenset[_Part] = field(default_factory=frozenset)

    def has(self, cell: Cell) -> bool:
        """Return whether a cell is drawn."""
        return _part(cell) in self.drawn


def draw_cells(suite: Suite, run: LoadedRun, seed: str, every: bool) -> DrawnCells:
    """Return the cells that are measured again: drawn until they hold 10 targets or queries, or all of them.

    Args:
        suite: The suite of the run: counted is what its measures are of.
        run: The submitter's run.
        seed: Decides the draw: the digest of a commit that the submitter could not know.
        every: Whether all cells are.
    """
    done = [cell for cell in run.cells if cell.status == "done"]
    drawn: list[_Part] = []
    targets: set[tuple[str, str]] = set()
    for number in derive(0, "re-measurement", seed).permutation(len(done)).tolist():
        if len(targets) >= LEAST_TARGETS and not every:
            break
        cell = done[number]
        drawn.append(_part(cell))
        targets |= measured_units(suite, run.rows[run.rows["cell"] == cell.key])
    return DrawnCells({}, f"{len(drawn)} drawn by {seed}", frozenset(drawn))


def _part(cell: Cell | Coordinates) -> _Part:
    attack = cell.attack.label if cell.attack else ""
    return cell.task.label, cell.collection.label, attack, cell.seed, cell.fold


@dataclass(frozen=True)
class Measurement:
    """What somebody measures of an entry that others have submitted.

    Attributes:
        path: The entry's file.
        entry: The entry.
        suite: Its suite.
        room: The folder that cells are run in.
        run: Runs them.
        by: Who measures, or wrote the adversarial documents.
    """

    path: Path
    entry: Entry
    suite: Suite
    room: Path
    run: Runner
    by: str

    def repeat(self, seed: str, every: bool, role: Role) -> Assessment:
        """Measure cells again, and write down what follows for the status.

        Args:
            seed: Decides which cells, see :func:`draw_cells`.
            every: Whether all cells are measured.
            role: Of whoever measures.
        """
        with unpacked(self.path.parent, self.entry.runs[0]) as folder:
            experiment, cells = load(folder / "experiment.yaml"), draw_cells(self.suite, load_run(folder), seed, every)
        self.run(experiment, self.room, cells)
        packed = self._packed(f"rerun-{len(self.entry.runs)}", role)
        return self._written({"runs": [*self.entry.runs, packed]})

    def replay(self, documents: Path, link: str) -> Assessment:
        """Replay adversarial documents against the system, and write down what they break.

        Args:
            documents: adversarial.jsonl, or a file in DARA's layout.
            link: Where it is told how they were written.

        Raises:
            DataError: A document is of another target or text, or changes more words than the suite allows.
        """
        with unpacked(self.path.parent, self.entry.runs[0]) as folder:
            texts, experiment = clean_texts(folder), load(folder / "experiment.yaml")
        refuse_unfit(documents, self.suite, texts)
        number = len(self.entry.external) + 1
        attack = f"external {number}, by {self.by}"
        self.run(replay_experiment(self.suite, experiment, documents, attack), self.room, None)
        packed = self._packed(f"external-{number}", "third party")
        external = External(by=self.by, link=link or None, attack=attack, packed=packed, targets=0, broken=0)
        return self._written({"external": [*self.entry.external, external]})

    def _packed(self, name: str, role: Role) -> Packed:
        file = self.path.with_name(f"{self.path.stem}.{name}.zip")
        today = datetime.now(UTC).date().isoformat()
        return Packed(file=file.name, sha256=pack(self.room, file), role=role, by=self.by, date=today)

    def _written(self, update: Mapping[str, object]) -> Assessment:
        assessment = assess(self.entry.model_copy(update=update), self.path.parent, self.suite)
        write_entry(self.path, assessment.entry)
        return assessment
