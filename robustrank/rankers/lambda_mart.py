"""LambdaMART (Burges, MSR-TR-2010-82): boosted regression trees on the gradient of nDCG, by LightGBM."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.plugins.constraints import Count, Range, SomeShare, Weight
from robustrank.rankers.features import FEATURES, Features
from robustrank.rankers.learning_to_rank import FeatureLists, FeatureModel, LearningToRankRanker
from robustrank.rankers.settings import Settings

_FILE = "lambda_mart.txt"


@dataclass(frozen=True)
class LambdaMARTSettings(Settings):
    """Training settings of LambdaMART."""

    trees: Count = 500  # maximum number of trees
    patience: Count = 50  # trees without a better validation nDCG@10 before training stops
    learning_rate: SomeShare = 0.03  # share of each tree that is added
    leaves: Annotated[int, Range(at_least=2, at_most=131_072)] = 8  # of a tree
    least: Count = 50  # minimum number of documents in a leaf
    features: SomeShare = 0.5  # share of the features each tree may use
    penalty: Weight = 1.0  # L2 penalty on the leaves


@dataclass(frozen=True)
class Trees(FeatureModel):
    """A LightGBM booster."""

    booster: Any

    def predict(self, features: Features) -> NDArray[np.float64]:
        """Return float64[n]."""
        scores: NDArray[np.float64] = self.booster.predict(features, num_threads=1)
        return scores

    def save(self, folder: Path) -> None:
        """Write the booster in LightGBM's text format."""
        self.booster.save_model(folder / _FILE, num_iteration=self.booster.best_iteration)

    def importance(self) -> dict[str, float]:
        """Return the gain of each feature's splits, the largest first."""
        gains = self.booster.feature_importance("gain")
        names = list(FEATURES)
        return {names[i]: round(float(gains[i]), 3) for i in np.argsort(-gains, kind="stable")}


@dataclass
class LambdaMART(LearningToRankRanker):
    """LambdaMART on documented lexical features (docs/features.md)."""

    training = LambdaMARTSettings()
    packages = ("lightgbm",)

    def _train_model(
        self, train: FeatureLists, validation: FeatureLists, seed: int, settings: LambdaMARTSettings
    ) -> tuple[Trees, list[float]]:
        import lightgbm

        # One thread and fixed data layouts make the trees repeatable.
        parameters = {
            "objective": "lambdarank",
            "metric": "ndcg",
            "eval_at": [10],
            "learning_rate": settings.learning_rate,
            "num_leaves": settings.leaves,
            "min_data_in_leaf": settings.least,
            "feature_fraction": settings.features,
            "lambda_l2": settings.penalty,
            "label_gain": list(range(1 + int(max(train.gains.max(), validation.gains.max(), 1)))),
            "seed": seed % 2**31,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }
        evaluations: dict[str, Any] = {}
        booster = lightgbm.train(
            parameters,
            _dataset(train),
            settings.trees,
            valid_sets=[_dataset(validation)],
            callbacks=[
                lightgbm.early_stopping(settings.patience, verbose=False),
                lightgbm.record_evaluation(evaluations),
            ],
        )
        return Trees(booster), [float(value) for value in evaluations["valid_0"]["ndcg@10"]]

    def _load_model(self, folder: Path) -> Trees:
        import lightgbm

        try:
            return Trees(lightgbm.Booster(model_file=folder / _FILE))
        except lightgbm.basic.LightGBMError as error:
            raise DataError(
                f"the model cannot be read: {error}", where=str(folder / _FILE), hint="train the ranker again"
            ) from error


def _dataset(lists: FeatureLists) -> Any:
    import lightgbm

    return lightgbm.Dataset(
        lists.features, lists.gains, group=list(lists.sizes), feature_name=list(FEATURES), params={"verbosity": -1}
    )
