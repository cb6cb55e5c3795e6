"""Gets what an experiment needs before it is run, so that a machine without a network can run it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from robustrank.engine.planning import make_plan
from robustrank.engine.resources import Resources
from robustrank.errors import RobustrankError
from robustrank.experiment import SELF, Experiment
from robustrank.notices import listening
from robustrank.plugins import create, identity
from robustrank.plugins.specification import Spec, parse
from robustrank.printing import counted


@dataclass(frozen=True)
class Part:
    """A part of an experiment, and whether it is ready.

    Attributes:
        kind, name: "collection", "ranker", … and its label; "plan" for the whole.
        text: What was read, or why it cannot be.
        exit_code: That of the failure; 0 where it is ready.
    """

    kind: str
    name: str
    text: str
    exit_code: int = 0


def prepare(experiment: Experiment, resources: Resources) -> Iterator[Part]:
    """Read each collection, load each model and check each plug-in of an experiment, and plan it; no cell is run.

    What is not on this machine is downloaded, where a collection or a model is named by an id.

    Yields:
        Each part as it is ready, or is known not to be.
    """
    failed = False
    for part in _parts(experiment, resources):
        failed = failed or part.exit_code != 0
        yield part
    if failed:
        return
    try:
        cells = len(make_plan(experiment, resources, allow_empty=True).cells)
        yield Part("plan", experiment.name, counted(cells, "cell"))
    except RobustrankError as error:
        yield Part("plan", experiment.name, str(error), error.exit_code)


def warm(experiment: Experiment, resources: Resources) -> None:
    """Read collections and models and import plug-ins, while another process makes the plan and says what fails."""
    with listening(lambda text: None):
        for spec in experiment.specs("collections"):
            with suppress(RobustrankError):
                resources.collection(spec)
        for spec in experiment.specs("rankers"):
            with suppress(RobustrankError):
                resources.ranker_identity(spec, None, 0)
        for kind in ("defense", "attack"):
            for spec in experiment.specs(f"{kind}s"):
                _plugin(kind, spec, resources)
        for spec in _tasks(experiment):
            _plugin("task", spec, resources)


def _tasks(experiment: Experiment) -> list[Spec]:
    return [spec for entry in experiment.tasks for spec in entry.specs()]


def _parts(experiment: Experiment, resources: Resources) -> Iterator[Part]:
    collections = _collections(experiment)
    readable = []
    for spec in collections:
        try:
            collection = resources.collection(spec)
        except RobustrankError as error:
            yield Part("collection", spec.label, str(error), error.exit_code)
            continue
        readable.append(spec)
        sizes = f"{counted(len(collection.queries), 'query')}, {counted(len(collection.documents), 'document')}"
        yield Part("collection", spec.label, "; ".join([sizes, *collection.notes]))
    for spec in experiment.specs("rankers"):
        yield _ranker(spec, readable[:1], experiment, resources)
    for kind in ("defense", "attack"):
        for spec in experiment.specs(f"{kind}s"):
            yield _plugin(kind, spec, resources)
    for spec in _tasks(experiment):
        yield _plugin("task", spec, resources)


def _collections(experiment: Experiment) -> list[Spec]:
    """Return the collections that are searched, and those that rankers are trained on, each once."""
    labels = [spec.label for spec in experiment.specs("collections")]
    sources = [experiment.training_split(label) for label in labels]
    trainings = [experiment.training(spec.label) for spec in experiment.specs("rankers")]
    sources += [parse(training.collection) for training in trainings if training and training.collection != SELF]
    every = [*experiment.specs("collections"), *(source for source in sources if source)]
    return list({spec.text: spec for spec in every}.values())


def _ranker(spec: Spec, readable: list[Spec], experiment: Experiment, resources: Resources) -> Part:
    try:
        resources.ranker_identity(spec, None, 0)  # loads a model with its weights, or refuses it
    except RobustrankError as error:
        if experiment.training(spec.label) is None:
            return Part("ranker", spec.label, str(error), error.exit_code)
        try:
            identity("ranker", spec)
        except RobustrankError as unknown:
            return Part("ranker", spec.label, str(unknown), unknown.exit_code)
    said = [sentence for collection in readable for sentence in resources.reading(spec, collection)]
    if experiment.training(spec.label) is not None:
        said.append("the run trains it")
    return Part("ranker", spec.label, " ".join(said) or "loaded")


def _plugin(kind: str, spec: Spec, resources: Resources) -> Part:
    try:
        identity(kind, spec)  # finds the models and files that it names
        if kind == "task":
            create(kind, spec)
        else:
            resources.check(kind, spec)
    except RobustrankError as error:
        return Part(kind, spec.label, str(error), error.exit_code)
    return Part(kind, spec.label, "checked")
