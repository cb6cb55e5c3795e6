"""Base of learning-to-rank models on features: training data as feature lists, checkpoints, scores of pairs."""

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
from robustrank.rankers.checkpoint import checked_folder, trained_folder, training_card, write_checkpoint
from robustrank.rankers.features import FeatureExtractor, Features
from robustrank.rankers.ranker import Pair, PointwiseRanker, Scores
from robustrank.rankers.settings import Settings


@dataclass(frozen=True)
class FeatureLists:
    """The candidate lists of some queries as features and gains.

    Attributes:
        features: float64[n, F], the concatenated lists.
        gains: int64[n]; 0 for an unjudged candidate.
        sizes: The length of each list; the lengths sum to n.
    """

    features: Features
    gains: NDArray[np.int64]
    sizes: tuple[int, ...]

    def ndcg(self, scores: NDArray[np.float64]) -> float:
        """Return the mean nDCG@10 of the lists ordered by ``scores`` [n]; the ideal is the best order of each list."""
        values = []
        for list_scores, gains in zip(self.split(scores), self.split(self.gains), strict=True):
            order = ranking(list_scores)
            values.append(list_ndcg(gains[order].tolist(), gains.tolist(), 10))
        return float(np.mean(values))

    def split(self, array: NDArray[Any]) -> list[NDArray[Any]]:
        """Split an array [n, ...] into one array per list."""
        return np.split(array, np.cumsum(self.sizes)[:-1])


@dataclass
class LearningToRankRanker(PointwiseRanker):
    """A learning-to-rank model on the features of :mod:`robustrank.rankers.features`; subclasses train and load it."""

    family = "learning-to-rank"
    training: ClassVar[Settings]  # the defaults of its training settings
    packages: ClassVar[tuple[str, ...]]

    weights: str | None = None  # folder of the trained checkpoint

    def check(self) -> None:
        """Refuse missing weights."""
        trained_folder(self.weights)

    def prepare(self, collection: Collection) -> None:
        """Compute the collection statistics that the features use."""
        self._extractor: FeatureExtractor | None = FeatureExtractor(collection)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]."""
        extractor = getattr(self, "_extractor", None)
        if extractor is None:
            raise PluginError(f"{type(self).__name__} has no corpus statistics", hint="call prepare(collection) first")
        return self._predict(extractor.features(pairs)).astype(np.float32) if pairs else np.empty(0, np.float32)

    def fit(
        self, train: Collection, validation: Collection, seed: int, folder: str, settings: Mapping[str, Any]
    ) -> None:
        """Train on ``train``, select on ``validation``, and write the checkpoint to ``folder``."""
        chosen = type(self.training).of(settings, self.training)
        extractor = FeatureExtractor(train)
        model, curve = self._train_model(
            _feature_lists(train, extractor), _feature_lists(validation, extractor), seed, chosen
        )
        start = {"ranker": type(self).__name__, **{k: v for k, v in asdict(self).items() if k != "weights"}}
        card = training_card(start, train, validation, seed, asdict(chosen), curve, self.packages)
        write_checkpoint(Path(folder), model.save, {**card, "weights": model.importance()})

    def load(self, folder: str) -> Self:
        """Return the ranker with the checkpoint in ``folder``."""
        return replace(self, weights=folder)

    @cached_property
    def _model(self) -> FeatureModel:
        return self._load_model(checked_folder(self.weights))

    def _predict(self, features: Features) -> NDArray[np.float64]:
        return self._model.predict(features)

    @abstractmethod
    def _train_model(
        self, train: FeatureLists, validation: FeatureLists, seed: int, settings: Any
    ) -> tuple[FeatureModel, list[float]]:
        """Return the selected model and the validation nDCG@10 of every candidate model."""

    @abstractmethod
    def _load_model(self, folder: Path) -> FeatureModel:
        """Load the model of a checkpoint."""


class FeatureModel:
    """A trained model on features."""

    @abstractmethod
    def predict(self, features: Features) -> NDArray[np.float64]:
        """Return float64[n], one score per row of features [n, F]."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the model into ``folder``."""

    @abstractmethod
    def importance(self) -> dict[str, float]:
        """Return the importance of each feature, the largest first."""


def _feature_lists(collection: Collection, extractor: FeatureExtractor) -> FeatureLists:
    pairs = [pair for query_id in collection.queries for pair in collection.pairs(query_id)]
    gains = [
        max(0, collection.qrels[query_id].get(doc_id, 0))
        for query_id in collection.queries
        for doc_id in collection.candidates[query_id]
    ]
    sizes = tuple(len(collection.candidates[query_id]) for query_id in collection.queries)
    return FeatureLists(extractor.features(pairs), np.array(gains, dtype=np.int64), sizes)
