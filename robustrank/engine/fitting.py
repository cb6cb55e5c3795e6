"""How a ranker is trained before it is tested. What this module and its imports do decides the trained weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robustrank.collections.collection import Collection
from robustrank.notices import notice
from robustrank.randomness import derive
from robustrank.rankers.checkpoint import CARD
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
        settings: The ranker's training settings.

    A training that ends below its first stage on the validation queries says so.

    Raises:
        DataError: There are too few queries, or the weights cannot be written.
    """
    used = collection if queries is None else sample_queries(collection, queries, derive(seed, "training queries"))
    train, validation = split_by_query(used, validation_share, derive(seed, "validation split"))
    ranker.fit(train, validation, seed, str(folder), settings)
    if warning := _shortfall(folder):
        notice(f"{type(ranker).__name__}, trained on {collection.name}: {warning}")


def _shortfall(folder: Path) -> str:
    """Return what the card of a checkpoint says of a training that came to nothing; empty if it does not."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        curve, first_stage = card["validation_nDCG@10"], card["first_stage_nDCG@10"]
    except (OSError, ValueError, KeyError):
        return ""  # of a plug-in that writes no such card
    best = max(curve, default=0.0)
    if best < first_stage:
        return f"it ended below its first stage: validation nDCG@10 {best:.3f} against {first_stage:.3f}"
    return ""
