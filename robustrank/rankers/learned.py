"""What rankers learned on features share: features of a training, weights in a folder, scores of pairs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.errors import PluginError
from robustrank.measures.effectiveness import list_ndcg
from robustrank.measures.ranking import ranking
from robustrank.rankers.checkpoint import checkpoint_digest, trained_folder, training_card, write_checkpoint
from robustrank.rankers.features import FeatureExtractor, Features
from robustrank.rankers.ranker import Pair, PointwiseRanker, Scores
from robustrank.rankers.settings import Settings


@dataclass(frozen=True)
class Lists:
    """The candidate lists of some queries, as numbers.

    Attributes:
        features: float64[n, F], the lists one after the other.
        gains: int64[n]; a candidate that was not judged has 0.
        sizes: The length of each list; they sum to n.
    """

    features: Features
    gains: NDArray[np.int64]
    sizes: tuple[int, ...]

    def ndcg(self, scores: NDArray[np.float64]) -> float:
        """Return the mean nDCG@10 of the lists ordered by ``scores`` [n]; the ideal is the best order of the list."""
        values = []
        for own, gains in zip(self.split(scores), self.split(self.gains), strict=True):
            order = ranking(own)
            values.append(list_ndcg(gains[order].tolist(), gains.tolist(), 10))
        return float(np.mean(values))

    def split(self, array: NDArray[Any]) -> list[NDArray[Any]]:
        """Return the parts of an array [n, ...], one a list."""
        return np.split(array, np.cumsum(self.sizes)[:-1])


@dataclass
class LearnedRanker(PointwiseRanker):
    """A ranker learned on the features of :mod:`robustrank.rankers.features`. Subclasses learn and predict."""

    family = "learning-to-rank"
    settings_class: ClassVar[type[Settings]]
    packages: ClassVar[tuple[str, ...]]

    weights: str | None = None  # the folder that training left

    @property
    def fingerprint(self) -> str:
        """The weights and the collection whose statistics the features use."""
        return checkpoint_digest(self.weights, type(self).__name__, getattr(self, "_collection", ""))

    def prepare(self, collection: Collection) -> None:
        """Take the collection's statistics for the features."""
        self._extractor: FeatureExtractor | None = FeatureExtractor(collection)
        self._collection = collection.fingerprint

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]."""
        extractor = getattr(self, "_extractor", None)
        if extractor is None:
            raise PluginError(f"{type(self).__name__} has no corpus statistics", hint="call prepare(collection) first")
        return self._predict(extractor.features(pairs)).astype(np.float32) if pairs else np.empty(0, np.float32)

    def fit(
        self, train: Collection, validation: Collection, seed: int, folder: str, settings: Mapping[str, Any]
    ) -> None:
        """Learn on ``train``, choose on ``validation``; leave the model and a card in ``folder``."""
        chosen = self.settings_class.of(settings)
        extractor = FeatureExtractor(train)
        model, curve = self._learn(_lists(train, extractor), _lists(validation, extractor), seed, chosen)
        start = {"ranker": type(self).__name__, **{k: v for k, v in asdict(self).items() if k != "weights"}}
        card = training_card(start, train, validation, seed, asdict(chosen), curve, self.packages)
        write_checkpoint(Path(folder), model.save, {**card, "weights": model.importance()})

    def load(self, folder: str) -> Self:
        """Return the ranker with the model in ``folder``."""
        return replace(self, weights=folder)

    @cached_property
    def _model(self) -> Model:
        return self._read(trained_folder(self.weights))

    def _predict(self, features: Features) -> NDArray[np.float64]:
        return self._model.predict(features)

    @abstractmethod
    def _learn(self, train: Lists, validation: Lists, seed: int, settings: Any) -> tuple[Model, list[float]]:
        """Return the model and the validation figures it was chosen by."""

    @abstractmethod
    def _read(self, folder: Path) -> Model:
        """Return the model in a folder."""


class Model:
    """What was learned."""

    @abstractmethod
    def predict(self, features: Features) -> NDArray[np.float64]:
        """Return float64[n], a score for each row of features [n, F]."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write it."""

    @abstractmethod
    def importance(self) -> dict[str, float]:
        """Return what each feature contributes, the weightiest first."""


def _lists(collection: Collection, extractor: FeatureExtractor) -> Lists:
    pairs = [pair for query_id in collection.queries for pair in collection.pairs(query_id)]
    gains = [
        max(0, collection.qrels[query_id].get(doc_id, 0))
        for query_id in collection.queries
        for doc_id in collection.candidates[query_id]
    ]
    sizes = tuple(len(collection.candidates[query_id]) for query_id in collection.queries)
    return Lists(extractor.features(pairs), np.array(gains, dtype=np.int64), sizes)
