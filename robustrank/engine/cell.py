"""The smallest unit of work that can be done, skipped or redone alone, and the plan that is made of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from robustrank.engine.resources import Resources
from robustrank.experiment import Experiment, TaskEntry
from robustrank.plugins import code_digest, create, find, parameters
from robustrank.plugins.identity import sources_digest
from robustrank.plugins.specification import Spec
from robustrank.rows import Coordinates, PlugInPoint


@dataclass(frozen=True)
class Cell:
    """One (task, collection, ranker, defense, attack, seed), or one fold of it.

    A ranker that learns from the collection it is tested on, by cross-validation, has a cell for each fold of its
    queries. ``key`` is a hash of everything that decides the cell's rows: same key, same rows. It is empty until
    :func:`plan` has computed it.
    """

    task: Spec
    collection: Spec
    ranker: Spec
    defense: Spec
    attack: Spec | None
    seed: int
    fold: int = 0  # from 0
    folds: int = 1
    key: str = ""

    @property
    def title(self) -> str:
        """The cell in words, for progress and errors."""
        parts = [self.task.label, self.collection.label, self.ranker.label]
        parts += [self.defense.label] if self.defense.name != "none" else []
        parts += [self.attack.label] if self.attack else []
        parts += [f"seed {self.seed}"]
        return " · ".join([*parts, self.part] if self.part else parts)

    @property
    def part(self) -> str:
        """The fold in words; nothing where there is but one."""
        return f"fold {self.fold + 1} of {self.folds}" if self.folds > 1 else ""


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
                    folds = experiment.folds(ranker.label, collection.label)
                    for defense in _defenses(experiment, entry, axes):
                        for attack in _attacks(experiment, entry, axes):
                            for seed in experiment.seeds_of(ranker.label):
                                for fold in range(folds):
                                    yield Cell(task, collection, ranker, defense, attack, seed, fold, folds)


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
    decides["defense"]["fingerprint"] = create("defense", cell.defense).fingerprint
    if cell.attack is not None:
        decides["attack"]["fingerprint"] = create("attack", cell.attack).fingerprint
    decides["collection"] = [cell.collection.label, resources.collection(cell.collection).fingerprint]
    training_split = resources.training_split(cell.ranker, cell.collection, cell.fold, cell.seed)
    decides["ranker"] = [
        cell.ranker.label,
        resources.ranker_key(cell.ranker, cell.collection, training_split, cell.seed),
    ]
    if training_split and find("task", cell.task.name).cross_domain:
        decides["elsewhere"] = {
            label: resources.ranker_key(cell.ranker, cell.collection, other, cell.seed)
            for label, other in resources.other_domains(cell.ranker, cell.collection).items()
        }
    decides["seed"], decides["fold"] = cell.seed, [cell.fold, cell.folds]
    decides["framework"] = sources_digest()
    text = json.dumps(decides, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def coordinates(cell: Cell, resources: Resources) -> Coordinates:
    """Return what a cell is, as cells.jsonl tells it."""
    training = resources.experiment.training(cell.ranker.label)
    split = resources.experiment.training_split(cell.collection.label)
    ranker = replace(
        _point("ranker", cell.ranker),
        family=find("ranker", cell.ranker.name).family,
        training=training.model_dump() if training else None,
    )
    domains = resources.other_domains(cell.ranker, cell.collection) if find("task", cell.task.name).cross_domain else {}
    return Coordinates(
        cell.key,
        _point("task", cell.task),
        replace(_point("collection", cell.collection), training=split.as_dict() if split else None),
        ranker,
        _point("defense", cell.defense),
        _point("attack", cell.attack) if cell.attack else None,
        cell.seed,
        cell.fold,
        cell.folds,
        groups={resources.domain_identity(label): label for label in domains},
    )


def _point(kind: str, spec: Spec) -> PlugInPoint:
    """Return a specification with all its parameters, defaults filled in."""
    defaults = {p.name: p.default for p in parameters(find(kind, spec.name)) if not p.required}
    return PlugInPoint(spec.name, {**defaults, **spec.parameters}, spec.label)
