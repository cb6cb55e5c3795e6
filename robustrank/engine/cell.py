"""The smallest unit of work that can be done, skipped or redone alone, and the plan that is made of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from robustrank.engine.resources import Resources
from robustrank.errors import ExperimentError, PluginError
from robustrank.experiment import AXES, Experiment, TaskEntry
from robustrank.plugins import code_parts, create, digest_of, find, identity
from robustrank.plugins.identity import refresh
from robustrank.plugins.specification import Spec
from robustrank.rankers.runtime import runtime_parts
from robustrank.rows import Coordinates, PlugInPoint

MOST_CELLS = 100_000  # of a run


@dataclass(frozen=True)
class Cell:
    """One (task, collection, ranker, defense, attack, seed), or one fold of it.

    A ranker that learns from the collection it is tested on, by cross-validation, has a cell for each fold of its
    queries. ``key`` is a hash of ``identities``, everything that decides the cell's rows: same key, same rows. Both
    are empty until :func:`plan` has computed them. A worker may be given a unit of a cell, which is a share of its
    queries: the cell's rows do not depend on the number of its units.
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
    identities: Mapping[str, Any] = field(default_factory=dict)
    unit: int = 0  # from 0
    units: int = 1

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
        ExperimentError: A cell is in the plan twice, or there are too many.
        RobustrankError: A plug-in, a collection or a model is missing; nothing has been run yet.
    """
    refresh()
    planned = [keyed(cell, resources) for cell in grid(experiment)]
    refuse_duplicates(planned)
    return planned


def grid(experiment: Experiment) -> list[Cell]:
    """Return the experiment's cells without keys, in the order of the file.

    Raises:
        ExperimentError: There are too many.
    """
    found = list(itertools.islice(cells(experiment), MOST_CELLS + 1))
    if len(found) > MOST_CELLS:
        raise ExperimentError(f"more than {MOST_CELLS:,} cells", hint="split the experiment into several files")
    return found


def keyed(cell: Cell, resources: Resources) -> Cell:
    """Return a cell with its identities and its key.

    Raises:
        RobustrankError: A plug-in, a collection or a model is missing.
    """
    identities = identities_of(cell, resources)
    return replace(cell, identities=identities, key=digest_of(identities)[:24])


def refuse_duplicates(planned: Iterable[Cell]) -> None:
    """Refuse cells of which two have the same key.

    Raises:
        ExperimentError: There are two.
    """
    known: dict[str, Cell] = {}
    for cell in planned:
        if cell.key in known:
            raise ExperimentError(
                _duplicate(known[cell.key], cell),
                where=cell.title,
                hint="leave one of the two out; a label alone makes no other cell",
            )
        known[cell.key] = cell


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


def identities_of(cell: Cell, resources: Resources) -> dict[str, Any]:
    """Return all that decides a cell's rows, of which its key is a hash: identities, never labels.

    Raises:
        RobustrankError: A plug-in, a collection or a model is missing.
    """
    training_split = resources.training_split(cell.ranker, cell.collection, cell.fold, cell.seed)
    decides: dict[str, Any] = {
        "task": identity("task", cell.task),
        "collection": resources.collection(cell.collection).fingerprint,
        "ranker": resources.ranker_identity(cell.ranker, training_split, cell.seed),
        "defense": identity("defense", cell.defense),
        "attack": identity("attack", cell.attack) if cell.attack else None,
        "seed": cell.seed,
        "fold": [cell.fold, cell.folds],
        "engine": code_parts("robustrank.engine.worker"),
        "runtime": runtime_parts(),
    }
    if stage := resources.experiment.first_stage(cell.ranker.label):
        decides["ranker"] = digest_of([decides["ranker"], stage.identity])
    if source := resources.experiment.training_split(cell.collection.label):
        decides["training queries"] = resources.collection(source).fingerprint
    if training_split and find("task", cell.task.name).cross_domain:
        domains = resources.other_domains(cell.ranker, cell.collection)
        decides["other domains"] = sorted(
            [resources.domain_identity(label), resources.ranker_identity(cell.ranker, split, cell.seed)]
            for label, split in domains.items()
        )
    return decides


def refuse_change(cell: Cell, resources: Resources) -> None:
    """Refuse to run a planned cell of which a part has changed since the plan.

    Raises:
        PluginError: A plug-in, the engine or a file was changed since.
    """
    now = identities_of(cell, resources) if cell.identities else {}
    changed = [name for name in now if now[name] != cell.identities.get(name)]
    if changed:
        raise PluginError(
            f"changed after the run was planned: {', '.join(changed)}",
            hint="run the same command again, and leave the files alone until it ends",
        )


def _duplicate(first: Cell, second: Cell) -> str:
    """Return what makes two cells the same, for a person."""
    for axis, kind in (("tasks", "task"), *((axis, axis.removesuffix("s")) for axis in AXES)):
        labels = [spec.label for cell in (first, second) if (spec := getattr(cell, kind))]
        if len(set(labels)) > 1:
            return f"{axis}: {labels[0]!r} and {labels[1]!r} are the same {kind} under two labels"
    return f"tasks: duplicate {first.task.label!r}"


def coordinates(cell: Cell, resources: Resources) -> Coordinates:
    """Return what a cell is, as cells.jsonl tells it."""
    training = resources.experiment.training(cell.ranker.label)
    split = resources.experiment.training_split(cell.collection.label)
    point, stage = _point("ranker", cell.ranker, cell, resources), resources.experiment.first_stage(cell.ranker.label)
    ranker = replace(
        point,
        parameters={**point.parameters, **(stage.parameters if stage else {})},
        family=create("ranker", cell.ranker).family,
        training=training.model_dump() if training else None,
    )
    domains = resources.other_domains(cell.ranker, cell.collection) if find("task", cell.task.name).cross_domain else {}
    return Coordinates(
        cell.key,
        _point("task", cell.task, cell, resources),
        replace(_point("collection", cell.collection, cell, resources), training=split.as_dict() if split else None),
        ranker,
        _point("defense", cell.defense, cell, resources),
        _point("attack", cell.attack, cell, resources) if cell.attack else None,
        cell.seed,
        cell.fold,
        cell.folds,
        groups={resources.domain_identity(label): label for label in domains},
        suite=suite.name if (suite := resources.experiment.suite) else "",
        suite_sha256=suite.sha256 if suite else "",
    )


def _point(kind: str, spec: Spec, cell: Cell, resources: Resources) -> PlugInPoint:
    """Return a specification with all its parameters, defaults filled in."""
    return PlugInPoint(spec.name, resources.parameters(kind, spec), spec.label, cell.identities.get(kind, ""))
