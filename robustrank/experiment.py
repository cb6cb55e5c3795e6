"""The experiment file: read from YAML and validated into a typed model; every error names the file and the key."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from robustrank.errors import ExperimentError, RobustrankError, nearest
from robustrank.packaged_experiments import experiment_file, packaged_experiments
from robustrank.plugins.constraints import InnerShare, Range, Several
from robustrank.plugins.specification import Spec, parse
from robustrank.plugins.values import excerpt
from robustrank.rankers.runtime import Device
from robustrank.report_settings import Gate, Report, UserTable
from robustrank.retrieval.first_stage import FirstStage, split_pipeline
from robustrank.yaml_text import MOST_BYTES, YamlError, read_yaml

AXES = ("collections", "rankers", "defenses", "attacks")
MOST_POINTS = 10_000  # of a sweep
LONGEST_NAME = 60  # characters: it is a folder's name
LONGEST_LABEL = 200
MOST_PROBLEMS = 8  # in a message


def _entry(value: Any) -> Any:
    """Turn ``name:key=value`` or ``{name: …, key: value}`` into the fields of an entry."""
    if isinstance(value, str):
        spec = parse(value)
        return {"name": spec.name, "parameters": dict(spec.parameters)}
    if not isinstance(value, Mapping):
        raise ValueError(f"expected a name, name:key=value,…, or a mapping with `name`, not {excerpt(value)}")
    if "name" not in value:
        raise ValueError("required key `name` is missing")
    if not isinstance(value["name"], str):
        raise ValueError(f"`name` must be a string, not {excerpt(value['name'])}")
    reserved = {key: value[key] for key in ("label", "sweep", "only", "train", "seeds") if key in value}
    spec = parse(value["name"])
    parameters = {key: item for key, item in value.items() if key not in {"name", *reserved}}
    return {"name": spec.name, "parameters": {**spec.parameters, **parameters}, **reserved}


def _as_list(value: Any) -> Any:
    """Return [value] for what is not a list: a single item is taken where a list is meant."""
    return [value] if isinstance(value, str | bool | int | float | Mapping) else value


Item = TypeVar("Item")
Items = Annotated[list[Item], BeforeValidator(_as_list)]
Seeds = Annotated[Several[Annotated[int, Range(at_least=0, at_most=2**32 - 1)]], BeforeValidator(_as_list)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(_Strict):
    """A plug-in with parameters; ``sweep`` yields a plug-in for every combination of its values."""

    name: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    label: Annotated[str, Field(max_length=LONGEST_LABEL)] = ""
    sweep: dict[str, Items[Any]] = Field(default_factory=dict)

    @field_validator("sweep")
    @classmethod
    def _check_points(cls, sweep: dict[str, list[Any]]) -> dict[str, list[Any]]:
        points = math.prod(map(len, sweep.values()))
        if points > MOST_POINTS:
            raise ValueError(f"it has {points:,} points, and {MOST_POINTS:,} are allowed")
        return sweep

    def specs(self) -> list[Spec]:
        """Return the specifications of the entry: a single one, or one for each point of its sweep."""
        return self._specs

    @cached_property
    def _specs(self) -> list[Spec]:
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
    folds: Annotated[int, Range(at_least=2)] = 5
    queries: Annotated[int, Range(at_least=2)] | None = None
    validation_share: InnerShare = 0.1

    @property
    def settings(self) -> dict[str, Any]:
        """The training settings of the ranker."""
        return dict(self.model_extra or {})


class RankerEntry(Entry):
    """A ranker, optionally trained by the experiment, optionally with seeds that differ from the experiment's.

    With ``first_stage`` among its parameters or in its sweep it is a pipeline: that retriever searches the collection,
    and its ``depth`` best documents are reranked.
    """

    train: Training | None = None
    seeds: Seeds | None = None

    @model_validator(mode="after")
    def _check_first_stages(self) -> RankerEntry:
        for stage in filter(None, self.first_stages()):
            stage.check()
        return self

    def specs(self) -> list[Spec]:
        """Return the specifications of the rankers, without their first stages; labels tell these apart."""
        return [ranker for ranker, _ in self._pipelines]

    def first_stages(self) -> list[FirstStage | None]:
        """Return the first stage of each of :meth:`specs`; None where the collection's candidates are ranked."""
        return [stage for _, stage in self._pipelines]

    @cached_property
    def _pipelines(self) -> list[tuple[Spec, FirstStage | None]]:
        return [split_pipeline(spec) for spec in self._specs]


class CollectionEntry(Entry):
    """A collection, optionally with the collection of its training queries."""

    train: Annotated[Entry, BeforeValidator(_entry)] | None = None


class Only(_Strict):
    """The part of the grid that a task runs on, by label; a missing axis is not restricted."""

    collections: Items[str] | None = None
    rankers: Items[str] | None = None
    defenses: Items[str] | None = None
    attacks: Items[str] | None = None


class TaskEntry(Entry):
    """A task, optionally restricted to a part of the grid."""

    only: Only = Only()


Listed = Annotated[Items[Annotated[Entry, BeforeValidator(_entry)]], Field(min_length=1)]


class SuiteOrigin(_Strict):
    """The suite that an experiment is of, with the digest of its file and the fingerprints of its collections."""

    name: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    collections: dict[str, str]


class Experiment(_Strict):
    """The content of an experiment file.

    Attributes:
        name: The default name of the run folder.
        suite: The suite that it is of, which `robustrank run suite:NAME` sets.
        seeds: Every cell is run once per seed.
        device: What transformers and language models compute on; auto is an accelerator where there is one. It is part
            of every identity, since the bits of a score depend on it.
    """

    name: str = Field(pattern=r"^[\w.-]*\w[\w.-]*$", max_length=LONGEST_NAME)
    description: str = ""
    suite: SuiteOrigin | None = None
    seeds: Seeds = (0,)
    device: Device = "auto"
    collections: Annotated[Items[Annotated[CollectionEntry, BeforeValidator(_entry)]], Field(min_length=1)]
    rankers: Annotated[Items[Annotated[RankerEntry, BeforeValidator(_entry)]], Field(min_length=1)]
    defenses: Listed = [Entry(name="none")]
    attacks: Items[Annotated[Entry, BeforeValidator(_entry)]] = []
    tasks: Annotated[Items[Annotated[TaskEntry, BeforeValidator(_entry)]], Field(min_length=1)]
    report: Report = Report()

    @model_validator(mode="after")
    def _check_references(self) -> Experiment:
        for axis in AXES:
            labels = [spec.label for entry in getattr(self, axis) for spec in entry.specs()]
            duplicates = sorted(label for label, times in Counter(labels).items() if times > 1)
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

    def first_stage(self, label: str) -> FirstStage | None:
        """Return the first stage of the ranker of that label, or None."""
        return self._first_stages[label]

    def seeds_of(self, label: str) -> tuple[int, ...]:
        """Return the seeds of the ranker of that label."""
        return self._ranker(label).seeds or self.seeds

    def _ranker(self, label: str) -> RankerEntry:
        return self._rankers[label]

    @cached_property
    def _rankers(self) -> dict[str, RankerEntry]:
        return {spec.label: entry for entry in self.rankers for spec in entry.specs()}

    @cached_property
    def _first_stages(self) -> dict[str, FirstStage | None]:
        stages = (zip(entry.specs(), entry.first_stages(), strict=True) for entry in self.rankers)
        return {spec.label: stage for pairs in stages for spec, stage in pairs}

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


def load(path: Path, change: Callable[[Any], Any] = lambda raw: raw) -> Experiment:
    """Read and check an experiment file, or the installed experiment of that name.

    Args:
        path: The file, or the name of an installed experiment.
        change: Returns its content as it is to be checked, see :mod:`robustrank.overrides`.

    Raises:
        ExperimentError: The file cannot be read, is not YAML, or is not a valid experiment.
    """
    try:
        path = experiment_file(path)
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1).decode("utf-8")
        raw = read_yaml(text)
    except YamlError as error:
        raise ExperimentError(f"not valid YAML: {error}", where=str(path)) from error
    except FileNotFoundError as error:
        raise ExperimentError(
            f"experiment file {str(path)!r} not found",
            allowed=f"a path, or the name of an installed experiment: {', '.join(packaged_experiments())}",
            hint=nearest(path.name, [*packaged_experiments(), *(p.name for p in path.parent.glob("*.y*ml"))]),
        ) from error
    except UnicodeDecodeError as error:
        raise ExperimentError(f"not text in UTF-8: {error}", where=str(path), hint="save it as UTF-8") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise ExperimentError(f"the experiment file cannot be read: {error}", where=str(path)) from error
    return check(change(raw), str(path))


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
        more = [f"and {len(details) - MOST_PROBLEMS} more problems"] if len(details) > MOST_PROBLEMS else []
        unknown = any(detail["type"] == "extra_forbidden" and len(detail["loc"]) == 1 for detail in details)
        raise ExperimentError(
            "\n".join([*map(_problem, details[:MOST_PROBLEMS]), *more]),
            where=where,
            allowed=f"keys: {', '.join(Experiment.model_fields)}" if unknown else None,
            hint=_hint(details[0]["loc"], raw),
        ) from error


KEYS: dict[str, type[BaseModel]] = {
    "only": Only,
    "train": Training,
    "report": Report,
    "tables": UserTable,
    "gates": Gate,
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
            return f"`{name}` must be a list, not {_type_name(value)}"
        case "int_type" | "int_parsing" | "int_from_float":
            return f"`{name}` must be an integer, not {excerpt(value)}"
        case "float_type" | "float_parsing":
            return f"`{name}` must be a number, not {excerpt(value)}"
        case "string_type":
            return f"`{name}` must be a string, not {excerpt(value)}"
        case "model_type" | "dict_type" | "model_attributes_type":
            return f"`{name}` must be a mapping, not {_type_name(value)}"
        case "string_pattern_mismatch":
            return f"`{name}` may have letters, digits, `.`, `_` and `-` only, not {excerpt(value)}"
        case "too_short":
            return f"`{name}` is empty; at least {detail['ctx']['min_length']} is needed"
        case "value_error":
            message = detail["msg"].removeprefix("Value error, ")
            return f"{name}: {message}" if detail["loc"] else message
        case _:
            return f"`{name}`: {detail['msg']} (it is {excerpt(value)})"


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
