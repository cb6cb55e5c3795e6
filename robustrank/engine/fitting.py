"""How a ranker is trained before it is tested. What this module and its imports do decides the trained weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robustrank.collections.collection import Collection
from robustrank.randomness import derive
from robustrank.rankers.ranker import TrainableRanker
from robustrank.rankers.training import sample_queries, split_by_query


def fit(
    ranker: TrainableRanker,
    collection: Collection,
    seed: int,
    folder: Path,
    *,
    queries: int | None,
    validation_share: float,
    settings: Mapping[str, Any],
) -> None:
    """Train a ranker and leave its weights in ``folder``.

    Args:
        ranker: What is trained.
        collection: What it learns from.
        seed: Decides every draw.
        folder: Appears whole.
        queries: How many of the collection's queries are used; None is all.
        validation_share: The share of them that decides when to stop.
        settings: The ranker's own training settings.

    Raises:
        DataError: There are too few queries, or the weights cannot be written.
    """
    used = collection if queries is None else sample_queries(collection, queries, derive(seed, "training queries"))
    train, validation = split_by_query(used, validation_share, derive(seed, "validation split"))
    ranker.fit(train, validation, seed, str(folder), settings)
