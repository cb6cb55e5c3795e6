"""The experiment file: read from YAML and validated into a typed model; every error names the file and the key."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
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
        raise ValueError("expected a name, name:key=value,…, or a mapping with `name`")
    if "name" not in value:
        raise ValueError("required key `name` is missing")
    reserved = {key: value[key] for key in ("label", "sweep", "only", "train", "seeds") if key in value}
    spec = parse(str(value["name"]))
    parameters = {key: item for key, item in value.items() if key not in {"name", *reserved}}
    return {"name": spec.name, "parameters": {**spec.parameters, **parameters}, **reserved}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(_Strict):
    """A plug-in with parameters; ``sweep`` yields a plug-in for every combination of its values."""

    name: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    label: str = ""
    sweep: dict[str, list[Any]] = Field(default_factory=dict)

    def specs(self) -> list[Spec]:
        """Return the specifications of the entry: a single one, or one for each point of its sweep."""
        points = [dict(zip(self.sweep, values, strict=True)) for values in itertools.product(*self.sweep.values())]
        specs = []
        for point in points:
            spec = Spec(self.name, {**self.parameters, **point})
            suffix = ",".join(f"{key}={value}" for key, value in point.items())
            label = f"{self.label}:{suffix}" if self.label and suffix else self.label
            specs.append(Spec(spec.name, spec.parameters, label))
        return specs


SELF = "self"  # as a training collection: the training queries of the collection that is tested


class Training(_Strict):
    """How a ranker of the experiment is trained before it is tested; the run's seed is the training seed.

    ``collection`` is the training collection. ``self`` is the training split of the collection that is tested, or,
    where it has none, its queries by k-fold cross-validation: no query is both trained and tested on. Further keys are
    the training settings of the ranker.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    collection: str = SELF
    folds: int = Field(default=5, ge=2)
    queries: int | None = Field(default=None, ge=2)
    validation_share: float = Field(default=0.1, gt=0, lt=1)

    @property
    def settings(self) -> dict[str, Any]:
        """The training settings of the ranker."""
        return dict(self.model_extra or {})


class RankerEntry(Entry):
    """A ranker, optionally trained by the experiment, optionally with seeds that differ from the experiment's."""

    train: Training | None = None
    seeds: Annotated[list[int], Field(min_length=1)] | None = None


class CollectionEntry(Entry):
    """A collection, optionally with the collection of its training queries."""

    train: Annotated[Entry, BeforeValidator(_entry)] | None = None


class Only(_Strict):
    """The part of the grid that a task runs on, by label; a missing axis is not restricted."""

    collections: list[str] | None = None
    rankers: list[str] | None = None
    defenses: list[str] | None = None
    attacks: list[str] | None = None


class TaskEntry(Entry):
    """A task, optionally restricted to a part of the grid."""

    only: Only = Only()


class Report(_Strict):
    """Settings of the report."""

    baseline: str | None = None


Listed = Annotated[list[Annotated[Entry, BeforeValidator(_entry)]], Field(min_length=1)]


class Experiment(_Strict):
    """The content of an experiment file.

    Attributes:
        name: The default name of the run folder.
        seeds: Every cell is run once per seed.
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
    def _check_references(self) -> Experiment:
        for axis in AXES:
            labels = [spec.label for entry in getattr(self, axis) for spec in entry.specs()]
            duplicates = sorted({label for label in labels if labels.count(label) > 1})
            if duplicates:
                raise ValueError(f"{axis}: duplicate label {', '.join(duplicates)}; set `label` to tell them apart")
            for task in self.tasks:
                for label in getattr(task.only, axis) or []:
                    if not any(_matches(candidate, label) for candidate in labels):
                        raise ValueError(f"tasks: {task.name}: only: {axis}: {_not_one_of(label, labels)}")
        rankers = [spec.label for entry in self.rankers for spec in entry.specs()]
        if self.report.baseline is not None and self.report.baseline not in rankers:
            raise ValueError(f"report: baseline: {_not_one_of(self.report.baseline, rankers)}")
        return self

    def specs(self, axis: str, only: Iterable[str] | None = None) -> list[Spec]:
        """Return the specifications on an axis, restricted to the labels ``only`` where given.

        The label of a sweep selects all its points.
        """
        specs = [spec for entry in getattr(self, axis) for spec in entry.specs()]
        return specs if only is None else [spec for spec in specs if any(_matches(spec.label, o) for o in only)]

    def training(self, label: str) -> Training | None:
        """Return the training of the ranker of that label, or None."""
        return self._ranker(label).train

    def seeds_of(self, label: str) -> list[int]:
        """Return the seeds of the ranker of that label."""
        return self._ranker(label).seeds or self.seeds

    def _ranker(self, label: str) -> RankerEntry:
        return next(entry for entry in self.rankers if any(spec.label == label for spec in entry.specs()))

    def training_split(self, label: str) -> Spec | None:
        """Return the collection of the training queries of the collection of that label, or None."""
        for entry in self.collections:
            if entry.train and any(spec.label == label for spec in entry.specs()):
                return entry.train.specs()[0]
        return None

    def folds(self, ranker: str, collection: str) -> int:
        """Return the number of cross-validation folds of a collection's queries; 1 without cross-validation."""
        training = self.training(ranker)
        in_domain = training is not None and training.collection == SELF and self.training_split(collection) is None
        return training.folds if training and in_domain else 1


def _matches(label: str, wanted: str) -> bool:
    return label == wanted or label.startswith(f"{wanted}:")


def _not_one_of(label: str, labels: Sequence[str]) -> str:
    hint = nearest(label, labels)
    return f"{label!r} is not one of: {', '.join(labels)}" + (f"; {hint}" if hint else "")


class _Loader(yaml.SafeLoader):
    """The safe loader, which also refuses duplicate keys; YAML forbids them, but PyYAML uses the last."""

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
        ExperimentError: The file cannot be read, is not YAML, or is not a valid experiment.
    """
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except FileNotFoundError as error:
        raise ExperimentError(
            f"experiment file {str(path)!r} not found",
            hint=nearest(path.name, [p.name for p in path.parent.glob("*.y*ml")]),
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ExperimentError(f"the experiment file cannot be read: {error}", where=str(path)) from error
    except yaml.YAMLError as error:
        raise ExperimentError(f"not valid YAML: {error}", where=str(path)) from error
    return check(raw, str(path))


def check(raw: Any, where: str) -> Experiment:
    """Validate the content of an experiment file.

    Raises:
        ExperimentError: A line for each problem, with its key.
    """
    if not isinstance(raw, Mapping):
        raise ExperimentError(
            f"an experiment must be a mapping, not {_type_name(raw)}",
            where=where,
            allowed=", ".join(Experiment.model_fields),
        )
    try:
        return Experiment.model_validate(raw)
    except RobustrankError as error:
        raise ExperimentError(error.what, where=where, allowed=error.allowed, hint=error.hint) from error
    except ValidationError as error:
        details = error.errors()
        unknown = any(detail["type"] == "extra_forbidden" and len(detail["loc"]) == 1 for detail in details)
        raise ExperimentError(
            "\n".join(map(_problem, details)),
            where=where,
            allowed=f"keys: {', '.join(Experiment.model_fields)}" if unknown else None,
            hint=_hint(details[0]["loc"], raw),
        ) from error


KEYS: dict[str, type[BaseModel]] = {
    "only": Only,
    "train": Training,
    "report": Report,
}  # models whose keys did-you-mean hints come from


def _problem(detail: Any) -> str:
    """Return a line for a problem: the key, what is wrong, and the value."""
    *parents, key = detail["loc"] or ("the experiment",)
    name, value = ".".join(map(str, detail["loc"])) or "the experiment", detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            model: type[BaseModel] = next((KEYS[parent] for parent in reversed(parents) if parent in KEYS), Experiment)
            hint = nearest(str(key), model.model_fields)
            return f"unknown key `{name}`" + (f", {hint}" if hint else "")
        case "missing":
            return f"required key `{name}` is missing"
        case "list_type" | "tuple_type":
            return f"`{name}` must be a list, e.g. [{_excerpt(value)}], not {_type_name(value)}"
        case "int_type" | "int_parsing" | "int_from_float":
            return f"`{name}` must be an integer, not {_excerpt(value)}"
        case "float_type" | "float_parsing":
            return f"`{name}` must be a number, not {_excerpt(value)}"
        case "string_type":
            return f"`{name}` must be a string, not {_excerpt(value)}"
        case "model_type" | "dict_type" | "model_attributes_type":
            return f"`{name}` must be a mapping, not {_type_name(value)}"
        case "string_pattern_mismatch":
            return f"`{name}` may have letters, digits, `.`, `_` and `-` only, not {_excerpt(value)}"
        case "too_short":
            return f"`{name}` is empty; at least {detail['ctx']['min_length']} is needed"
        case "value_error":
            message = detail["msg"].removeprefix("Value error, ")
            return f"{name}: {message}" if detail["loc"] else message
        case _:
            return f"`{name}`: {detail['msg']} (it is {_excerpt(value)})"


def _hint(loc: Sequence[str | int], raw: Mapping[str, Any]) -> str:
    """Return the command that describes what the key ``loc`` configures."""
    axis = str(loc[0]) if loc else ""
    if axis not in (*AXES, "tasks"):
        return "robustrank list"
    entries = raw.get(axis)
    entry = entries[loc[1]] if len(loc) > 1 and isinstance(entries, list) and isinstance(loc[1], int) else None
    name = str(entry.get("name", "")) if isinstance(entry, Mapping) else str(entry or "")
    return (
        f"robustrank describe {axis.removesuffix('s')} {name.partition(':')[0]}" if name else f"robustrank list {axis}"
    )


def _type_name(value: Any) -> str:
    names = {"dict": "a mapping", "list": "a list", "str": "a string", "NoneType": "empty"}
    return names.get(type(value).__name__, repr(value))


def _excerpt(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
