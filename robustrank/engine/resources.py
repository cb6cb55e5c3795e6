"""What cells share within a process: collections, rankers with their weights, and the score cache."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from robustrank.collections.collection import Collection
from robustrank.errors import ExperimentError
from robustrank.experiment import Experiment, Training
from robustrank.plugins import code_digest, create, find
from robustrank.randomness import derive
from robustrank.rankers.cache import ScoreCache
from robustrank.rankers.ranker import Ranker, TrainableRanker
from robustrank.rankers.scoring import Scorer
from robustrank.specification import Spec, parse

Made = TypeVar("Made")


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

    def collection(self, spec: Spec) -> Collection:
        """Return the collection, read once."""

        def make() -> Collection:
            found: Collection = create("collection", spec).read()
            return found

        return self._once(("collection", spec.text), make)

    def ranker(self, spec: Spec, collection: Spec, seed: int) -> Ranker:
        """Return the ranker with its weights, trained if the experiment says so, prepared for the collection."""

        def make() -> Ranker:
            training = self.experiment.training(spec.label)
            ranker: Ranker = create("ranker", spec)
            ranker = self._trained(ranker, spec, training, seed) if training else ranker
            ranker.prepare(self.collection(collection))
            return ranker

        return self._once(("ranker", spec.label, collection.text, self._seed_text(spec, seed)), make)

    def ranker_key(self, spec: Spec, collection: Spec, seed: int) -> str:
        """Return what identifies the ranker's scores, without training it."""
        training = self.experiment.training(spec.label)
        if training is None:
            return self.ranker(spec, collection, seed).fingerprint
        return self._training_key(spec, training, seed)

    def scorer(self, spec: Spec, collection: Spec, defense: Spec, seed: int) -> Scorer:
        """Return the scoring engine of the ranker under a defense."""

        def make() -> Scorer:
            ranker = self.ranker(spec, collection, seed)
            hardened = create("defense", defense).harden(
                ranker, self.collection(collection), derive(seed, "defense", defense.text)
            )
            return Scorer(hardened, self._scores())

        names = ("scorer", spec.label, collection.text, defense.text, str(seed))
        return self._once(names, make)

    def _scores(self) -> ScoreCache:
        return self._once(("scores",), lambda: ScoreCache(self.cache / "scores"))

    def _trained(self, ranker: Ranker, spec: Spec, training: Training, seed: int) -> Ranker:
        if not isinstance(ranker, TrainableRanker):
            raise ExperimentError(
                f"ranker {spec.label!r} has no weights to train",
                where="rankers: train",
                hint="leave train out",
            )
        folder = self.cache / "models" / self._training_key(spec, training, seed)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):  # two workers must not train the same ranker
            if not folder.exists():
                self._fit(ranker, training, seed, folder)
        return ranker.load(str(folder))

    def _fit(self, ranker: TrainableRanker, training: Training, seed: int, folder: Path) -> None:
        from robustrank.rankers.training import split_by_query

        whole = self.collection(parse(training.collection))
        train, validation = split_by_query(whole, training.validation_share, derive(seed, "validation split"))
        ranker.fit(train, validation, seed, str(folder), training.settings)

    def _training_key(self, spec: Spec, training: Training, seed: int) -> str:
        decides = {
            "ranker": spec.as_dict(),
            "code": code_digest(find("ranker", spec.name)),
            "training": training.model_dump(),
            "collection": self.collection(parse(training.collection)).fingerprint,
            "seed": seed,
        }
        return hashlib.sha256(json.dumps(decides, sort_keys=True, default=str).encode()).hexdigest()[:24]

    def _seed_text(self, spec: Spec, seed: int) -> str:
        return str(seed) if self.experiment.training(spec.label) else "any"

    def _once(self, name: tuple[str, ...], make: Callable[[], Made]) -> Made:
        if name not in self._made:
            self._made[name] = make()
        found: Made = self._made[name]
        return found
