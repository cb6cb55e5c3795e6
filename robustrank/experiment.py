"""The experiment file: YAML in, a checked and typed model out; every error names the file and the key."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from robustrank.errors import ExperimentError, RobustrankError, nearest
from robustrank.plugins.specification import Spec, parse

AXES = ("collections", "rankers", "defenses", "attacks")


def _entry(value: Any) -> Any:
    """Turn ``name:key=value`` or ``{name: …, key: value}`` into the fields of an entry."""
    if isinstance(value, str):
        spec = parse(value)
        return {"name": spec.name, "parameters": dict(spec.parameters)}
    if not isinstance(value, Mapping):
        raise ValueError("an entry is a name, name:key=value,…, or a mapping with a name")
    if "name" not in value:
        raise ValueError("the entry has no name")
    own = {key: value[key] for key in ("label", "sweep", "only", "train", "seeds") if key in value}
    named = parse(str(value["name"]))
    rest = {key: item for key, item in value.items() if key not in {"name", *own}}
    return {"name": named.name, "parameters": {**named.parameters, **rest}, **own}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(_Strict):
    """A plug-in with parameters; ``sweep`` makes one plug-in of every combination of the values listed."""

    name: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    label: str = ""
    sweep: dict[str, list[Any]] = Field(default_factory=dict)

    def specs(self) -> list[Spec]:
        """Return the entry's specifications: one, or one for each point of its sweep."""
        points = [dict(zip(self.sweep, values, strict=True)) for values in itertools.product(*self.sweep.values())]
        specs = []
        for point in points:
            spec = Spec(self.name, {**self.parameters, **point})
            suffix = ",".join(f"{key}={value}" for key, value in point.items())
            label = f"{self.label}:{suffix}" if self.label and suffix else self.label
            specs.append(Spec(spec.name, spec.parameters, label))
        return specs


SELF = "self"  # in place of a collection: the training queries of whichever collection is tested


class Training(_Strict):
    """How a ranker of the experiment is trained before it is tested; the run's seed is the training seed.

    ``collection`` names what it is trained on. ``home`` stands for the training split of the collection that is
    tested, or, where it has none, for its queries by k-fold cross-validation: no query is tested on that was trained
    on. Further keys are the ranker's training settings.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    collection: str = SELF
    folds: int = Field(default=5, ge=2)
    queries: int | None = Field(default=None, ge=2)
    validation_share: float = Field(default=0.1, gt=0, lt=1)

    @property
    def settings(self) -> dict[str, Any]:
        """The ranker's own training settings."""
        return dict(self.model_extra or {})


class RankerEntry(Entry):
    """A ranker, perhaps with weights that this experiment trains, perhaps run with seeds of its own."""

    train: Training | None = None
    seeds: Annotated[list[int], Field(min_length=1)] | None = None


class CollectionEntry(Entry):
    """A collection, perhaps with the collection that holds its training queries."""

    train: Annotated[Entry, BeforeValidator(_entry)] | None = None


class Only(_Strict):
    """The part of the grid a task runs on, by label; an axis left out is not restricted."""

    collections: list[str] | None = None
    rankers: list[str] | None = None
    defenses: list[str] | None = None
    attacks: list[str] | None = None


class TaskEntry(Entry):
    """A task, perhaps restricted to a part of the grid."""

    only: Only = Only()


class Report(_Strict):
    """What the report compares against."""

    baseline: str | None = None


Listed = Annotated[list[Annotated[Entry, BeforeValidator(_entry)]], Field(min_length=1)]


class Experiment(_Strict):
    """What one experiment file says.

    Attributes:
        name: The run folder's default name.
        seeds: Every cell is run once a seed.
    """

    name: str = Field(pattern=r"^[\w.-]+$")
    description: str = ""
    seeds: list[int] = Field(default=[0], min_length=1)
    collections: Annotated[list[Annotated[CollectionEntry, BeforeValidator(_entry)]], Field(min_length=1)]
    rankers: Annotated[list[Annotated[RankerEntry, BeforeValidator(_entry)]], Field(min_length=1)]
    defenses: Listed = [Entry(name="none")]
    attacks: list[Annotated[Entry, BeforeValidator(_entry)]] = []
    tasks: Annotated[list[Annotated[TaskEntry, BeforeValidator(_entry)]], Field(min_length=1)]
    report: Report = Report()

    @model_validator(mode="after")
    def _fits_together(self) -> Experiment:
        for axis in AXES:
            labels = [spec.label for entry in getattr(self, axis) for spec in entry.specs()]
            twice = sorted({label for label in labels if labels.count(label) > 1})
            if twice:
                raise ValueError(f"{axis}: {', '.join(twice)} stands twice; give one of them a label")
            for task in self.tasks:
                for label in getattr(task.only, axis) or []:
                    if not _covers(labels, label):
                        close = nearest(label, labels) or f"the {axis} are {', '.join(labels)}"
                        raise ValueError(f"tasks: {task.name}: only: {axis}: there is no {label!r}; {close}")
        baseline = self.report.baseline
        rankers = [spec.label for entry in self.rankers for spec in entry.specs()]
        if baseline is not None and baseline not in rankers:
            raise ValueError(f"report: baseline: {baseline!r} is none of the rankers: {', '.join(rankers)}")
        return self

    def specs(self, axis: str, only: Iterable[str] | None = None) -> list[Spec]:
        """Return the specifications on an axis, restricted to the labels ``only`` where given.

        A label also stands for all points of its sweep.
        """
        found = [spec for entry in getattr(self, axis) for spec in entry.specs()]
        return found if only is None else [spec for spec in found if any(_matches(spec.label, o) for o in only)]

    def training(self, label: str) -> Training | None:
        """Return how the ranker of that label is trained, or None."""
        return self._ranker(label).train

    def seeds_of(self, label: str) -> list[int]:
        """Return the seeds that the ranker of that label is run with."""
        return self._ranker(label).seeds or self.seeds

    def _ranker(self, label: str) -> RankerEntry:
        return next(entry for entry in self.rankers if any(spec.label == label for spec in entry.specs()))

    def training_split(self, label: str) -> Spec | None:
        """Return the collection that holds the training queries of the collection of that label, or None."""
        for entry in self.collections:
            if entry.train and any(spec.label == label for spec in entry.specs()):
                return entry.train.specs()[0]
        return None

    def folds(self, ranker: str, collection: str) -> int:
        """Return in how many parts a collection's queries are tested; 1 unless the ranker learns from the others."""
        training = self.training(ranker)
        at_home = training is not None and training.collection == SELF and self.training_split(collection) is None
        return training.folds if training and at_home else 1


def _matches(label: str, wanted: str) -> bool:
    return label == wanted or label.startswith(f"{wanted}:")


def _covers(labels: Iterable[str], wanted: str) -> bool:
    return any(_matches(label, wanted) for label in labels)


class _Loader(yaml.SafeLoader):
    """The safe loader, which refuses a key that stands twice; YAML forbids it, and PyYAML takes the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Return the mapping of a node."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in lines:
                raise yaml.constructor.ConstructorError(
                    None, None, f"duplicate key {key.value!r}, first in line {lines[key.value]}", key.start_mark
                )
            if isinstance(key, yaml.ScalarNode):
                lines[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


def load(path: Path) -> Experiment:
    """Read and check an experiment file.

    Raises:
        ExperimentError: The file cannot be read, is not YAML, or says something that is not allowed.
    """
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except FileNotFoundError as error:
        raise ExperimentError(
            f"there is no experiment file {str(path)!r}", hint="see experiments/ for examples"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ExperimentError(f"the experiment file cannot be read: {error}", where=str(path)) from error
    except yaml.YAMLError as error:
        raise ExperimentError(f"this is not valid YAML: {error}", where=str(path)) from error
    return check(raw, str(path))


def check(raw: Any, where: str) -> Experiment:
    """Check what an experiment file says.

    Raises:
        ExperimentError: One line for each thing that is wrong, with its key.
    """
    if not isinstance(raw, Mapping):
        raise ExperimentError(
            f"an experiment is a mapping, and this is {type(raw).__name__}",
            where=where,
            allowed=", ".join(Experiment.model_fields),
        )
    try:
        return Experiment.model_validate(raw)
    except RobustrankError as error:
        raise ExperimentError(error.what, where=where, allowed=error.allowed, hint=error.hint) from error
    except ValidationError as error:
        problems = [_problem(detail) for detail in error.errors()]
        unknown = [str(detail["loc"][-1]) for detail in error.errors() if detail["type"] == "extra_forbidden"]
        hints = [hint for key in unknown if (hint := nearest(key, Experiment.model_fields))]
        raise ExperimentError(
            "\n".join(problems),
            where=where,
            allowed=f"keys: {', '.join(Experiment.model_fields)}" if unknown else None,
            hint="; ".join(hints) or "docs/experiments.md describes every key",
        ) from error


def _problem(detail: Any) -> str:
    place = ".".join(str(part) for part in detail["loc"]) or "the experiment"
    message = detail["msg"].removeprefix("Value error, ")
    shown = "" if detail["type"] in {"missing", "value_error"} else f" (it is {_excerpt(detail['input'])})"
    return f"{place}: {message}{shown}"


def _excerpt(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
