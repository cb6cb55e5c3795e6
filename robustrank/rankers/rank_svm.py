"""RankSVM (Joachims, KDD 2002): a linear support vector machine on differences of feature vectors within a query."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.plugins.constraints import Count, Positive, Several
from robustrank.randomness import derive
from robustrank.rankers.features import FEATURES, Features
from robustrank.rankers.learning_to_rank import FeatureLists, FeatureModel, LearningToRankRanker
from robustrank.rankers.settings import Settings

_FILE = "rank_svm.json"


@dataclass(frozen=True)
class RankSVMSettings(Settings):
    """Training settings of RankSVM."""

    costs: Several[Positive] = (
        0.001,
        0.01,
        0.1,
        1.0,
    )  # C of the SVM, selected on the validation split
    pairs: Count = 200  # maximum number of pairs of different gain that are drawn from a query's list


@dataclass(frozen=True)
class Linear(FeatureModel):
    """A weighted sum of standardised features; all arrays are float64[F]."""

    weights: NDArray[np.float64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    def predict(self, features: Features) -> NDArray[np.float64]:
        """Return float64[n]."""
        # Summed row by row: the kernel of a matrix product depends on the number of rows.
        scores: NDArray[np.float64] = ((features - self.mean) / self.scale * self.weights).sum(axis=1)
        return scores

    def save(self, folder: Path) -> None:
        """Write the weights as JSON, with one entry per feature."""
        columns = zip(FEATURES, self.weights.tolist(), self.mean.tolist(), self.scale.tolist(), strict=True)
        by_name = {name: {"weight": w, "mean": m, "scale": s} for name, w, m, s in columns}
        (folder / _FILE).write_text(json.dumps(by_name, indent=1) + "\n", encoding="utf-8")

    def importance(self) -> dict[str, float]:
        """Return the weights, the largest first."""
        order = np.argsort(-np.abs(self.weights), kind="stable")
        names = list(FEATURES)
        return {names[i]: round(float(self.weights[i]), 6) for i in order}


@dataclass
class RankSVM(LearningToRankRanker):
    """RankSVM on documented lexical features (docs/features.md)."""

    training = RankSVMSettings()
    packages = ("scikit-learn",)

    def _train_model(
        self, train: FeatureLists, validation: FeatureLists, seed: int, settings: RankSVMSettings
    ) -> tuple[Linear, list[float]]:
        from sklearn.svm import LinearSVC

        mean, scale = train.features.mean(axis=0), train.features.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        differences, weights = _differences(train, (train.features - mean) / scale, settings.pairs, seed)
        # Half of the pairs are reversed, so that there are two classes.
        signs = np.where(np.arange(len(differences)) % 2, 1, -1)
        models, curve = [], []
        for cost in settings.costs:
            machine = LinearSVC(C=cost, loss="hinge", fit_intercept=False, random_state=0, max_iter=20_000)
            machine.fit(differences * signs[:, None], signs, sample_weight=weights)
            models.append(Linear(machine.coef_[0].astype(np.float64), mean, scale))
            curve.append(validation.ndcg(models[-1].predict(validation.features)))
        return models[int(np.argmax(curve))], curve

    def _load_model(self, folder: Path) -> Linear:
        try:
            by_name = json.loads((folder / _FILE).read_text(encoding="utf-8"))
            rows = [[by_name[name][column] for column in ("weight", "mean", "scale")] for name in FEATURES]
        except (OSError, ValueError, KeyError) as error:
            raise DataError(
                f"the model cannot be read: {error}", where=str(folder / _FILE), hint="train the ranker again"
            ) from error
        return Linear(*np.array(rows, dtype=np.float64).T)


def _differences(
    lists: FeatureLists, features: Features, limit: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the differences (better minus worse) of document pairs, [m, F], and weights [m] that balance queries.

    Raises:
        DataError: No list contains documents of different gains.
    """
    differences: list[NDArray[np.float64]] = []
    weights: list[Sequence[float]] = []
    for number, (rows, gains) in enumerate(zip(lists.split(features), lists.split(lists.gains), strict=True)):
        better, worse = np.nonzero(gains[:, None] > gains[None, :])
        if better.size:
            drawn = derive(seed, "pairs", str(number)).permutation(better.size)[:limit]
            differences.append(rows[better[drawn]] - rows[worse[drawn]])
            weights.append([1 / len(drawn)] * len(drawn))
    if not differences:
        raise DataError("no training query has candidates of different gains", hint="give longer candidate lists")
    all_weights = np.concatenate(weights)
    return np.concatenate(differences), all_weights * len(all_weights) / all_weights.sum()
