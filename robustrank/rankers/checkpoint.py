"""Checkpoints: the weights of a trained ranker and the card of its training, written atomically."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.errors import DataError, PluginError
from robustrank.kept import made_alone
from robustrank.measures.effectiveness import list_ndcg
from robustrank.storage import MANIFEST, find_damage, seal, write_folder

CARD = "card.json"
NOT_WEIGHTS = (
    CARD,
    MANIFEST,
)  # files that say how a checkpoint was trained and whether it is whole, not what it computes


def training_card(
    start: Mapping[str, Any],
    train: Collection,
    validation: Collection,
    seed: int,
    settings: Mapping[str, Any],
    curve: Sequence[float],
    packages: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the card of a checkpoint: data, parameters, seed, validation nDCG@10, that of the first stage, versions.

    Args:
        start: The ranker's parameters, and the weights it was initialised with.
        train: The training split.
        validation: The validation split, which decides when training stops.
        seed: Of all random draws.
        settings: The training settings.
        curve: Validation nDCG@10 before training and per epoch, or per candidate model.
        packages: Distributions whose versions are recorded in addition to robustrank's.
    """
    return {
        **start,
        "train": {"collection": train.name, "queries": len(train.queries), "fingerprint": train.fingerprint},
        "validation": {"queries": len(validation.queries), "fingerprint": validation.fingerprint},
        "settings": dict(settings),
        "seed": seed,
        "validation_nDCG@10": [round(value, 6) for value in curve],
        "first_stage_nDCG@10": round(first_stage_ndcg(validation), 6),
        "versions": {name: version(name) for name in ("robustrank", *packages)},
    }


def first_stage_ndcg(collection: Collection, cutoff: int = 10) -> float:
    """Return the mean nDCG@cutoff of the candidates in the order they are given in."""
    values = []
    for query_id, listed in collection.candidates.items():
        gains = collection.qrels[query_id]
        values.append(list_ndcg([gains.get(d, 0) for d in listed], list(gains.values()), cutoff))
    return float(np.mean(values))


def trained_folder(weights: str | None) -> Path:
    """Return the folder of a ranker's weights.

    Raises:
        PluginError: The ranker has no weights.
    """
    if weights is None:
        raise PluginError(
            "the ranker has no weights",
            hint="train it: robustrank train, or the key train of a ranker in an experiment; or give weights=FOLDER",
        )
    return Path(weights)


def checked_folder(weights: str | None) -> Path:
    """Return the folder of a ranker's weights after a check of its files against its manifest.

    Raises:
        PluginError: There are no weights.
        DataError: A file is not as the folder's manifest says.
    """
    folder = trained_folder(weights)
    refuse_damage(folder)
    return folder


def refuse_damage(folder: Path) -> None:
    """Check a folder of weights that was written by :func:`write_checkpoint`; others have no card and manifest.

    Raises:
        DataError: A file is not as the manifest says.
    """
    if (folder / CARD).exists() and (folder / MANIFEST).exists() and (damage := find_damage(folder)):
        raise DataError(
            f"the weights are damaged: {damage.what}",
            where=str(damage.path),
            hint="train them again with robustrank train, or restore the folder",
        )


def write_checkpoint(folder: Path, write: Callable[[Path], None], card: Mapping[str, Any]) -> None:
    """Write a checkpoint and its card.json; see :func:`robustrank.storage.write_folder`."""

    def write_with_card(target: Path) -> None:
        write(target)
        (target / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")

    write_folder(folder, write_with_card)


def ensure_checkpoint(folder: Path, fit: Callable[[], None]) -> None:
    """Call ``fit``, which leaves a checkpoint in ``folder``, unless an undamaged one exists.

    Processes that want the same one wait for each other. A damaged checkpoint is set aside, with a notice. A checkpoint
    that ``fit`` left without a manifest gets one.

    Raises:
        DataError: The folder cannot be written.
    """
    with made_alone(folder, "the weights were", "are trained again"):
        if not folder.exists():
            fit()
            if not (folder / MANIFEST).exists():
                seal(folder)
