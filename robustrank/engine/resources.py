"""What cells share within a process: collections, rankers with their weights, and the score cache."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from robustrank.collections.collection import Collection
from robustrank.engine.training_split import TrainingSplit, fold_of
from robustrank.errors import ExperimentError
from robustrank.experiment import SELF, Experiment, Training
from robustrank.plugins import create
from robustrank.plugins.identity import training_code
from robustrank.plugins.specification import Spec, parse
from robustrank.randomness import derive
from robustrank.rankers.cache import ScoreCache
from robustrank.rankers.checkpoint import ensure_checkpoint
from robustrank.rankers.ranker import Ranker, TrainableRanker
from robustrank.rankers.serving import ServedRanker

Made = TypeVar("Made")
_KEPT = 8  # trained rankers and their scoring engines kept in memory


def default_cache() -> Path:
    """The folder of scores and trained weights: ``ROBUSTRANK_CACHE``, or the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("ROBUSTRANK_CACHE") or Path(base) / "robustrank")


class Resources:
    """Makes collections, rankers and scorers once and keeps them.

    Args:
        experiment: Says how its rankers are trained.
        cache: The folder of scores and trained weights.
    """

    def __init__(self, experiment: Experiment, cache: Path) -> None:
        self.experiment, self.cache = experiment, cache
        self._made: dict[tuple[str, ...], Any] = {}
        self._trained_things: list[tuple[str, ...]] = []

    def collection(self, spec: Spec) -> Collection:
        """Return the collection, read once."""

        def make() -> Collection:
            found: Collection = create("collection", spec).read()
            return found

        return self._memoise(("collection", spec.text), make)

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
        """Return what the ranker can learn from in the experiment's other collections, by their labels.

        Nothing where the ranker is not trained, or not at home.
        """
        training = self.experiment.training(ranker.label)
        if training is None or training.collection != SELF:
            return {}
        return {
            other.label: TrainingSplit(self.experiment.training_split(other.label) or other)
            for other in self.experiment.specs("collections")
            if other.label != collection.label
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
            ranker.prepare(self.collection(collection))
            return ranker

        name = ("ranker", collection.text, self._weights(spec, training_split, seed))
        return self._lru(name, make) if training_split else self._memoise(name, make)

    def ranker_key(self, spec: Spec, collection: Spec, training_split: TrainingSplit | None, seed: int) -> str:
        """Return what identifies the ranker's scores, without training it."""
        if training_split is None:
            return self.ranker(spec, collection, None, seed).fingerprint
        return self._training_key(spec, training_split, seed)

    def served(
        self, spec: Spec, collection: Spec, defense: Spec, training_split: TrainingSplit | None, seed: int
    ) -> ServedRanker:
        """Return the scoring engine of the ranker under a defense."""

        def make() -> ServedRanker:
            ranker = self.ranker(spec, collection, training_split, seed)
            wrapped = create("defense", defense).wrap(
                ranker, self.collection(collection), derive(seed, "defense", defense.text)
            )
            identity = "|".join((*names, wrapped.fingerprint, self.collection(collection).fingerprint))
            return ServedRanker(wrapped, identity, self._scores())

        names = ("scorer", collection.text, defense.text, str(seed), self._weights(spec, training_split, seed))
        return self._lru(names, make) if training_split else self._memoise(names, make)

    def _scores(self) -> ScoreCache:
        return self._memoise(("scores",), lambda: ScoreCache(self.cache / "scores"))

    def _trained(self, ranker: Ranker, spec: Spec, training_split: TrainingSplit, seed: int) -> Ranker:
        if not isinstance(ranker, TrainableRanker):
            raise ExperimentError(
                f"ranker {spec.label!r} has no weights to train",
                where="rankers: train",
                hint="leave train out",
            )
        folder = self.cache / "models" / self._training_key(spec, training_split, seed)
        ensure_checkpoint(folder, lambda: self._fit(ranker, self._training(spec), training_split, seed, folder))
        return ranker.load(str(folder))

    def _fit(
        self, ranker: TrainableRanker, training: Training, training_split: TrainingSplit, seed: int, folder: Path
    ) -> None:
        from robustrank.rankers.training import sample_queries, split_by_query

        learned = training_split.of(self.collection(training_split.collection))
        if training.queries is not None:
            learned = sample_queries(learned, training.queries, derive(seed, "training queries"))
        train, validation = split_by_query(learned, training.validation_share, derive(seed, "validation split"))
        ranker.fit(train, validation, seed, str(folder), training.settings)

    def _training(self, spec: Spec) -> Training:
        return self.experiment.training(spec.label) or Training()

    def _training_key(self, spec: Spec, training_split: TrainingSplit, seed: int) -> str:
        training = self._training(spec)
        decides = {
            "ranker": spec.as_dict(),
            "code": training_code(spec.name, training.settings),
            "training": training.model_dump(exclude={"collection", "folds"}),
            "collection": self.collection(training_split.collection).fingerprint,
            "queries": training_split.query_ids,
            "seed": seed,
        }
        return hashlib.sha256(json.dumps(decides, sort_keys=True, default=str).encode()).hexdigest()[:24]

    def _weights(self, spec: Spec, training_split: TrainingSplit | None, seed: int) -> str:
        """Return what tells a ranker's weights apart from others of this run."""
        return self._training_key(spec, training_split, seed) if training_split else spec.text

    def _lru(self, name: tuple[str, ...], make: Callable[[], Made]) -> Made:
        """Like :meth:`_once` for what trained weights make large and many: only the last few are kept."""
        found = self._memoise(name, make)
        self._trained_things = [other for other in self._trained_things if other != name] + [name]
        for old in self._trained_things[:-_KEPT]:
            self._made.pop(old, None)
        self._trained_things = self._trained_things[-_KEPT:]
        return found

    def _memoise(self, name: tuple[str, ...], make: Callable[[], Made]) -> Made:
        if name not in self._made:
            self._made[name] = make()
        found: Made = self._made[name]
        return found
