"""A suite: an experiment that waits for a system, frozen and named by the digest of its file.

A number of a suite is comparable with every other number of it: nothing is set from outside but the system (a ranker,
and a defense around it) and the device. An error in a suite is mended in its next version; a version never changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from robustrank.errors import DataError, ExperimentError, UsageError, nearest
from robustrank.experiment import Experiment, check
from robustrank.printing import slug
from robustrank.rankers.runtime import Device
from robustrank.rows import Condition, Radius
from robustrank.yaml_text import YamlError, read_yaml

PREFIX = "suite:"
Direction = Literal["higher", "lower"]  # which is better, on the side of the system


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Measure(_Strict):
    """A figure of a suite: which rows it is computed from, and how.

    Attributes:
        name: What it is called; unique in the suite.
        direction: Whether a higher or a lower value is better for the system.
        task: The label of the task whose rows are taken.
        measure, condition, cutoff, k, radius, group: Which rows, as rows.csv has them.
        over: Over which units: ``queries`` is the mean of all; ``worst case`` takes of each query, or target document,
            the worst value over the attacks, and then the mean; ``vnap`` and ``poor queries`` are those measures.
    """

    name: str = Field(pattern=r"^[\w@ .,=+-]+$", max_length=60)
    direction: Direction
    task: str
    measure: str
    condition: Condition = ""
    cutoff: int | None = None
    k: int | None = None
    radius: Radius = None
    group: str = ""
    over: Literal["queries", "worst case", "vnap", "poor queries"] = "queries"


class Reference(_Strict):
    """A system whose figures are part of the suite: whether a machine reproduces them is its self-test."""

    ranker: str
    defense: str | None = None
    values: dict[str, float]


class Suite(_Strict):
    """The content of a suite's file.

    Attributes:
        name: The file's name, ``NAME-vN``.
        description: What it measures, in a sentence or two.
        minutes: About how long BM25 and a small encoder take on two cores.
        minimum_version: The first version of robustrank that runs it.
        supersedes: The suite that it takes the place of.
        access: The most that an attacker is granted.
        searches: Whether its attacks are on what a system searches: the ranker needs a first stage that does.
        words: How many words an adversarial document of an external evaluation may change at most.
        collections: The fingerprint of each collection, by label: other content is refused.
        measures, headline: What is measured, and which figure systems are ordered by.
        tolerance: Within which two runs of a system agree, in each measure.
        reference: Systems with their figures.
        experiment: An experiment without a name, rankers, defenses and device.
        sha256: The digest of the file.
    """

    name: str = Field(pattern=r"^[a-z0-9-]+-v[0-9]+$")
    description: str
    minutes: float
    minimum_version: str
    supersedes: str | None = None
    access: Literal["nothing", "scores", "gradients"]
    searches: bool = False
    words: int | None = None
    collections: dict[str, str]
    measures: list[Measure]
    headline: str
    tolerance: float
    reference: list[Reference]
    experiment: dict[str, Any]
    sha256: str

    @cached_property
    def by_name(self) -> Mapping[str, Measure]:
        """The measures by name."""
        return {measure.name: measure for measure in self.measures}

    def of(self, ranker: str, defense: str | None = None, device: Device = "auto") -> Experiment:
        """Return the experiment of the suite for a system.

        Args:
            ranker: A specification, or a mapping in YAML, as of a ranker that is trained.
            defense: A specification; None is no defense.
            device: What models compute on.

        Raises:
            ExperimentError: The ranker or the defense is not written as one.
            UsageError: The ranker has no first stage that searches, and the suite is of those.
        """
        called = [_called(text) for text in (ranker, defense) if text]
        experiment = self._experiment(
            name=slug(" ".join([self.name, *called])),
            device=device,
            rankers=[_written(ranker, "--ranker")],
            defenses=[_written(defense, "--defense") if defense else "none"],
        )
        for spec in experiment.specs("rankers") if self.searches else ():
            stage = experiment.first_stage(spec.label)
            if stage is None or not stage.searches:
                raise UsageError(
                    f"{PREFIX}{self.name} adds documents to the corpus, and ranker {spec.label} has no first stage "
                    "that searches",
                    hint='give it one, as --ranker "bm25:first_stage=bm25,depth=100"',
                )
        return experiment

    def around(self, experiment: Experiment) -> Experiment:
        """Return the experiment of the suite for the rankers, the defenses and the device of another experiment."""
        return self._experiment(name=experiment.name).model_copy(
            update={key: getattr(experiment, key) for key in ("device", "rankers", "defenses")}
        )

    def _experiment(self, **system: Any) -> Experiment:
        raw = {
            "description": self.description,
            "suite": {"name": self.name, "sha256": self.sha256, "collections": self.collections},
            "rankers": ["random"],
            **system,
            **self.experiment,
        }
        return check(raw, f"{PREFIX}{self.name}")


def suites() -> dict[str, Path]:
    """Return the files of the installed suites by name, in order."""
    folder = Path(str(files("robustrank.suites")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"), key=lambda path: path.stem)}


def load_suite(name: str) -> Suite:
    """Return an installed suite.

    Raises:
        UsageError: There is no suite of that name, or this robustrank is too old for it.
    """
    name = name.removeprefix(PREFIX)
    installed = suites()
    if name not in installed:
        raise UsageError(
            f"{name!r} is not one of the suites", allowed=", ".join(installed), hint=nearest(name, installed)
        )
    suite = read_suite(installed[name])
    if _numbers(version("robustrank")) < _numbers(suite.minimum_version):
        raise UsageError(
            f"suite {name} needs robustrank {suite.minimum_version}, and this is {version('robustrank')}",
            hint=f"pip install 'robustrank>={suite.minimum_version}'",
        )
    return suite


def read_suite(path: Path) -> Suite:
    """Return the suite that a file holds.

    Raises:
        DataError: It is not a suite.
    """
    content = path.read_bytes()
    try:
        raw = read_yaml(content.decode("utf-8"))
        suite = Suite.model_validate({"name": path.stem, "sha256": hashlib.sha256(content).hexdigest(), **raw})
    except (YamlError, ValidationError, TypeError, UnicodeDecodeError) as error:
        raise DataError(f"not a suite: {error}", where=str(path)) from error
    unknown = {suite.headline, *(name for row in suite.reference for name in row.values)} - set(suite.by_name)
    if unknown or len(suite.by_name) < len(suite.measures):
        raise DataError(
            f"the headline, or a reference, names {', '.join(sorted(unknown))}" if unknown else "duplicate measure",
            where=str(path),
            allowed=", ".join(suite.by_name),
        )
    return suite


def _written(text: str, option: str) -> Any:
    """Return a plug-in's entry: the specification as it is, or the mapping that is written."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        return read_yaml(text)
    except YamlError as error:
        raise ExperimentError(f"{option}: the mapping cannot be read: {error}") from error


def _called(text: str) -> str:
    entry = _written(text, "the system")
    return str(entry.get("label") or entry.get("name")) if isinstance(entry, Mapping) else text


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(".")[:3] if number.isdigit()]
