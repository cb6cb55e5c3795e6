"""The smallest unit of work that can be done, skipped or redone alone, and the plan that is made of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import robustrank
from robustrank.engine.resources import Resources
from robustrank.experiment import Experiment, TaskEntry
from robustrank.plugins import code_digest, find
from robustrank.specification import Spec

# What these rooms say cannot change a row, so a change in them makes no finished cell stale.
_ROOMS_WITHOUT_ROWS = {"cli", "report"}


@dataclass(frozen=True)
class Cell:
    """One (task, collection, ranker, defense, attack, seed).

    ``key`` is a hash of everything that decides the cell's rows: same key, same rows. It is empty until
    :func:`plan` has computed it.
    """

    task: Spec
    collection: Spec
    ranker: Spec
    defense: Spec
    attack: Spec | None
    seed: int
    key: str = ""

    @property
    def title(self) -> str:
        """The cell in words, for progress and errors."""
        parts = [self.task.label, self.collection.label, self.ranker.label]
        parts += [self.defense.label] if self.defense.name != "none" else []
        parts += [self.attack.label] if self.attack else []
        return " · ".join([*parts, f"seed {self.seed}"])


def plan(experiment: Experiment, resources: Resources) -> list[Cell]:
    """Return the experiment's cells with their keys, in the order of the file.

    Raises:
        RobustrankError: A plug-in, a collection or a model is missing; nothing has been run yet.
    """
    return [replace(cell, key=_key(cell, resources)) for cell in cells(experiment)]


def cells(experiment: Experiment) -> Iterator[Cell]:
    """Yield the experiment's cells without keys: the grid, as each task asks for it."""
    for entry in experiment.tasks:
        axes = find("task", entry.name).axes
        for task in entry.specs():
            for collection in experiment.specs("collections", entry.only.collections):
                for ranker in experiment.specs("rankers", entry.only.rankers):
                    for defense in _defenses(experiment, entry, axes):
                        for attack in _attacks(experiment, entry, axes):
                            for seed in experiment.seeds:
                                yield Cell(task, collection, ranker, defense, attack, seed)


def _defenses(experiment: Experiment, entry: TaskEntry, axes: tuple[str, ...]) -> list[Spec]:
    return experiment.specs("defenses", entry.only.defenses) if "defense" in axes else [Spec("none")]


def _attacks(experiment: Experiment, entry: TaskEntry, axes: tuple[str, ...]) -> list[Spec | None]:
    edits = {axis.removesuffix("_attack") for axis in axes if axis.endswith("_attack")}
    if not edits:
        return [None]
    attacks = experiment.specs("attacks", entry.only.attacks)
    return [spec for spec in attacks if find("attack", spec.name).edits in edits]


def _key(cell: Cell, resources: Resources) -> str:
    plugins = {"task": cell.task, "defense": cell.defense, "attack": cell.attack}
    decides: dict[str, Any] = {
        kind: {**spec.as_dict(), "label": spec.label, "code": code_digest(find(kind, spec.name))}
        for kind, spec in plugins.items()
        if spec is not None
    }
    decides["collection"] = [cell.collection.label, resources.collection(cell.collection).fingerprint]
    decides["ranker"] = [cell.ranker.label, resources.ranker_key(cell.ranker, cell.collection, cell.seed)]
    decides["seed"] = cell.seed
    decides["framework"] = framework_digest()
    text = json.dumps(decides, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@cache
def framework_digest() -> str:
    """Return a hash of the framework's own source files, those that cannot change a row left out."""
    digest = hashlib.sha256()
    root = Path(robustrank.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if path.relative_to(root).parts[0] not in _ROOMS_WITHOUT_ROWS:
            digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]
