"""What cells share within a process: collections, rankers with their weights, and the score cache."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from robustrank.collections.collection import Collection
from robustrank.collections.kept_collection import kept_collection
from robustrank.collections.reader import CollectionReader
from robustrank.engine.training_split import TrainingSplit, fold_of
from robustrank.errors import ExperimentError, RobustrankError
from robustrank.experiment import SELF, Experiment, Training
from robustrank.kept import keep_in
from robustrank.plugins import (
    canonical_name,
    checked_parameters,
    code_parts,
    create,
    digest_of,
    find,
    identity,
    parameters,
    training_parts,
)
from robustrank.plugins.failure import plugin_code
from robustrank.plugins.specification import Spec, parse
from robustrank.randomness import derive
from robustrank.rankers.cache import ALONE, ScoreCache, Sharing
from robustrank.rankers.checkpoint import ensure_checkpoint
from robustrank.rankers.llm.calls import use_call_cache
from robustrank.rankers.ranker import PointwiseRanker, Ranker, TrainableRanker
from robustrank.rankers.runtime import runtime_parts, use_device
from robustrank.rankers.serving import ServedRanker
from robustrank.retrieval.first_stage import FirstStage
from robustrank.retrieval.pipeline import Retrieval

Made = TypeVar("Made")
SCORES = "scores"  # the folder of the score cache, in the cache
_KEPT = 8  # trained rankers and their scoring engines kept in memory


class Resources:
    """Makes collections, rankers and scorers once and keeps them.

    Args:
        experiment: Says how its rankers are trained.
        cache: The folder of scores and trained weights.
        sharing: Who else computes scores for it meanwhile.
    """

    def __init__(self, experiment: Experiment, cache: Path, sharing: Sharing = ALONE) -> None:
        self.experiment, self.cache, self._sharing = experiment, cache, sharing
        use_device(experiment.device)
        keep_in(cache)
        use_call_cache(cache / "calls")
        self._made: dict[tuple[str, ...], Any] = {}
        self._trained_things: list[tuple[str, ...]] = []

    def collection(self, spec: Spec) -> Collection:
        """Return the collection, read once."""

        def make() -> Collection:
            reader: CollectionReader = create("collection", spec)
            with plugin_code(f"collection {spec.name!r}", "read()"):
                if reader.is_kept:
                    return kept_collection(identity("collection", spec), f"{Path.cwd()} {spec.text}", reader.read)
                return reader.read()

        return self._memoise(("collection", spec.text), make)

    def retrieval(self, stage: FirstStage, collection: Spec) -> Retrieval:
        """Return a first stage over a collection, which is indexed when it first searches."""
        fingerprint = self.collection(collection).fingerprint
        return self._memoise(
            ("retrieval", stage.identity, fingerprint), lambda: Retrieval(stage, self.collection(collection))
        )

    def check(self, kind: str, spec: Spec) -> None:
        """Let a defense or an attack refuse what cannot work here, once."""

        def check() -> None:
            with plugin_code(f"{kind} {spec.name!r}", "check()"):
                create(kind, spec).check()

        self._memoise(("checked", kind, spec.text), check)

    def parameters(self, kind: str, spec: Spec) -> Mapping[str, Any]:
        """Return all parameters of a plug-in, defaults filled in.

        Raises:
            UsageError: One is unknown, missing, of the wrong type, or outside its range.
        """

        def read() -> dict[str, Any]:
            plugin = find(kind, spec.name)
            defaults = {p.name: p.default for p in parameters(plugin) if not p.required}
            return {**defaults, **checked_parameters(plugin, spec, kind)}

        return self._memoise(("parameters", kind, spec.text), read)

    def training_split(self, ranker: Spec, collection: Spec, fold: int, seed: int) -> TrainingSplit | None:
        """Return what the ranker learns from before it is tested on a fold of the collection; None if untrained."""
        training = self.experiment.training(ranker.label)
        if training is None:
            return None
        if training.collection != SELF:
            return TrainingSplit(parse(training.collection))
        split = self.experiment.training_split(collection.label)
        if split is not None:
            return TrainingSplit(split)
        query_ids = list(self.collection(collection).queries)
        numbers = fold_of(query_ids, training.folds, seed)
        return TrainingSplit(collection, tuple(q for q in query_ids if numbers[q] != fold))

    def other_domains(self, ranker: Spec, collection: Spec) -> dict[str, TrainingSplit]:
        """Return the training splits of the experiment's other collections, by their labels.

        Empty if the ranker is not trained, or not trained in-domain.
        """
        training = self.experiment.training(ranker.label)
        if training is None or training.collection != SELF:
            return {}
        return {
            domain.label: TrainingSplit(self.experiment.training_split(domain.label) or domain)
            for domain in self.experiment.specs("collections")
            if domain.label != collection.label
        }

    def domain_identity(self, label: str) -> str:
        """Return what identifies the experiment's collection of that label."""
        specs = self.experiment.specs("collections")
        return self.collection(next(spec for spec in specs if spec.label == label)).fingerprint

    def ranker(self, spec: Spec, collection: Spec, training_split: TrainingSplit | None, seed: int) -> Ranker:
        """Return the ranker with its weights, trained if it is to be, prepared for the collection."""

        def make() -> Ranker:
            ranker: Ranker = create("ranker", spec)
            ranker = self._trained(ranker, spec, training_split, seed) if training_split else ranker
            with plugin_code(f"ranker {spec.name!r}", "prepare()"):
                ranker.prepare(self.collection(collection))
            return ranker

        identities = self.ranker_identity(spec, training_split, seed), self.collection(collection).fingerprint
        return (self._lru if training_split else self._memoise)(("ranker", *identities), make)

    def reading(self, spec: Spec, collection: Spec) -> tuple[str, ...]:
        """Return what the ranker says of how it is read on the collection; a reading that fails is said, not raised.

        A ranker that is to be trained is read before it is.
        """

        def make() -> tuple[str, ...]:
            plugin = f"ranker {spec.name!r}"
            try:
                with plugin_code(plugin, "reading()"):
                    sentences = create("ranker", spec).reading(self.collection(collection))
                    if isinstance(sentences, str) or not all(isinstance(sentence, str) for sentence in sentences):
                        raise TypeError(f"reading() returned {sentences!r}, not a list of sentences")
            except RobustrankError as error:
                return (f"How it is read cannot be told: {error.what}.",)
            is_trained = sentences and self.experiment.training(spec.label) is not None
            stage = self.experiment.first_stage(spec.label)
            pipeline = [] if stage is None else [stage.sentence]
            return (*sentences, *(["It is read before its training."] if is_trained else []), *pipeline)

        return self._memoise(("reading", spec.text, spec.label, self.collection(collection).fingerprint), make)

    def ranker_identity(self, spec: Spec, training_split: TrainingSplit | None, seed: int) -> str:
        """Return what identifies the ranker with its weights, without training it.

        Raises:
            RobustrankError: It cannot be created, or it has no weights and is not to be trained.
        """
        if training_split is None:
            return self._memoise(("untrained", spec.text), lambda: self._untrained(spec))
        split = training_split.collection.text, *(training_split.query_ids or ("all",))
        return self._memoise(
            ("trained", spec.text, spec.label, str(seed), *split), lambda: self._weights(spec, training_split, seed)
        )

    def served_identity(
        self, spec: Spec, collection: Spec, defense: Spec, training_split: TrainingSplit | None, seed: int
    ) -> str:
        """Return what identifies the answers of the ranker under a defense, on a collection: the key of the cache."""
        return digest_of(
            {
                "ranker": self.ranker_identity(spec, training_split, seed),
                "collection": self.collection(collection).fingerprint,
                "defense": identity("defense", defense),
                "seed": seed if defense.name != "none" else None,  # without a defense nothing is drawn
                "runtime": runtime_parts(),
                "serving": code_parts(ServedRanker.__module__),
            }
        )

    def served(
        self, spec: Spec, collection: Spec, defense: Spec, training_split: TrainingSplit | None, seed: int
    ) -> ServedRanker:
        """Return the scoring engine of the ranker under a defense."""
        key = self.served_identity(spec, collection, defense, training_split, seed)

        def make() -> ServedRanker:
            ranker = self.ranker(spec, collection, training_split, seed)
            if defense.name != "none":
                ranker = _cached(ranker, self.served(spec, collection, Spec("none"), training_split, seed))
            wrapped = create("defense", defense).wrap(
                ranker, self.collection(collection), derive(seed, "defense", canonical_name("defense", defense))
            )
            return ServedRanker(wrapped, key, self._scores())

        return (self._lru if training_split else self._memoise)(("served", key), make)

    def _scores(self) -> ScoreCache:
        return self._memoise(("scores",), lambda: ScoreCache(self.cache / SCORES, self._sharing))

    def _trained(self, ranker: Ranker, spec: Spec, training_split: TrainingSplit, seed: int) -> Ranker:
        if not isinstance(ranker, TrainableRanker):
            raise ExperimentError(
                f"ranker {spec.label!r} has no weights to train",
                where="rankers: train",
                hint="leave train out",
            )
        folder = self.cache / "models" / self.ranker_identity(spec, training_split, seed)
        ensure_checkpoint(folder, lambda: self._fit(ranker, self._training(spec), training_split, seed, folder))
        return ranker.load(str(folder))

    def _fit(
        self, ranker: TrainableRanker, training: Training, training_split: TrainingSplit, seed: int, folder: Path
    ) -> None:
        from robustrank.engine.fitting import fit

        fit(
            ranker,
            training_split.of(self.collection(training_split.collection)),
            seed,
            folder,
            queries=training.queries,
            validation_share=training.validation_share,
            settings=training.settings,
        )

    def _training(self, spec: Spec) -> Training:
        return self.experiment.training(spec.label) or Training()

    def _untrained(self, spec: Spec) -> str:
        create("ranker", spec).check()
        return identity("ranker", spec)

    def _weights(self, spec: Spec, training_split: TrainingSplit, seed: int) -> str:
        """Return what identifies trained weights: the name of their folder."""
        training = self._training(spec)
        return digest_of(
            {
                "ranker": identity("ranker", spec),
                "queries": training.queries,
                "validation_share": training.validation_share,
                "settings": training_parts(create("ranker", spec), training.settings),
                "fitting": code_parts("robustrank.engine.fitting"),
                "collection": self.collection(training_split.collection).fingerprint,
                "query_ids": training_split.query_ids,
                "seed": seed,
                "runtime": runtime_parts(),
            }
        )

    def _lru(self, name: tuple[str, ...], make: Callable[[], Made]) -> Made:
        """Like :meth:`_memoise` for what trained weights make large and many: only the last few are kept."""
        value = self._memoise(name, make)
        self._trained_things = [known for known in self._trained_things if known != name] + [name]
        for old in self._trained_things[:-_KEPT]:
            self._made.pop(old, None)
        self._trained_things = self._trained_things[-_KEPT:]
        return value

    def _memoise(self, name: tuple[str, ...], make: Callable[[], Made]) -> Made:
        if name not in self._made:
            self._made[name] = make()
        value: Made = self._made[name]
        return value


def _cached(ranker: Ranker, served: ServedRanker) -> Ranker:
    """Return the ranker that a defense wraps: scores that it computes for it are cached, as those of smoothed copies.

    Those of traditional rankers are not: they are computed as fast as they are read.
    """
    if not isinstance(ranker, PointwiseRanker) or ranker.family == "traditional" or not hasattr(ranker, "__dict__"):
        return ranker
    cached = copy.copy(ranker)
    cached.__dict__["score"] = served.score
    return cached
