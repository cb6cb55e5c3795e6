"""A trained ranker on disk: its weights and a card that says what they were learned from, there whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock

from robustrank.collections.collection import Collection
from robustrank.errors import DataError, PluginError
from robustrank.notices import notice
from robustrank.storage import MANIFEST, find_damage, seal, set_aside, write_folder, writing

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
    """Return what a checkpoint's card says: data, parameters, seed, validation nDCG@10 by round, versions.

    Args:
        start: The ranker's own parameters, and the weights it started from.
        train: What was learned from.
        validation: What decided when to stop.
        seed: Decides every draw.
        settings: The training settings.
        curve: Validation nDCG@10, one figure an epoch or candidate model.
        packages: Distributions whose versions matter, beside robustrank's.
    """
    return {
        **start,
        "train": {"collection": train.name, "queries": len(train.queries), "fingerprint": train.fingerprint},
        "validation": {"queries": len(validation.queries), "fingerprint": validation.fingerprint},
        "settings": dict(settings),
        "seed": seed,
        "validation_nDCG@10": [round(value, 6) for value in curve],
        "versions": {name: version(name) for name in ("robustrank", *packages)},
    }


def trained_folder(weights: str | None) -> Path:
    """Return the folder of a ranker's weights.

    Raises:
        PluginError: It has none.
    """
    if weights is None:
        raise PluginError(
            "the ranker has no weights",
            hint="train it: robustrank train, or the key train of a ranker in an experiment; or give weights=FOLDER",
        )
    return Path(weights)


def checked_folder(weights: str | None) -> Path:
    """Return the folder of a ranker's weights, of which every file is as it was written.

    Raises:
        PluginError: It has none.
        DataError: A file is not as the folder's manifest says.
    """
    folder = trained_folder(weights)
    refuse_damage(folder)
    return folder


def refuse_damage(folder: Path) -> None:
    """Check a folder of weights that was written here; one from somewhere else has no card and manifest.

    Raises:
        DataError: A file is not as the manifest says.
    """
    if (folder / CARD).exists() and (folder / MANIFEST).exists() and (damage := find_damage(folder)):
        raise DataError(
            f"the weights are damaged: {damage.what}",
            where=str(damage.path),
            hint="train them again with robustrank train, or bring back the folder from where it came",
        )


def checkpoint_digest(weights: str | None, *decides: object) -> str:
    """Return a hash of a checkpoint's files and of what else decides a score.

    Raises:
        PluginError: There are no weights.
        DataError: The folder cannot be read.
    """
    folder = trained_folder(weights)
    digest = hashlib.sha256("|".join(map(str, decides)).encode())
    try:
        for path in sorted(folder.iterdir()):
            if path.name not in NOT_WEIGHTS:
                digest.update(path.name.encode() + path.read_bytes())
    except OSError as error:
        raise DataError(f"the weights cannot be read: {error}", where=str(folder)) from error
    return digest.hexdigest()[:32]


def write_checkpoint(folder: Path, write: Callable[[Path], None], card: Mapping[str, Any]) -> None:
    """Write a checkpoint and its card.json; see :func:`robustrank.storage.write_folder`."""

    def fill(room: Path) -> None:
        write(room)
        (room / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")

    write_folder(folder, fill)


def ensure_checkpoint(folder: Path, fit: Callable[[], None]) -> None:
    """Call ``fit``, which leaves a checkpoint in ``folder``, unless a whole one is there.

    Processes that want the same one wait for each other. A damaged checkpoint is set aside, which is said. One that
    ``fit`` left without a manifest gets one.

    Raises:
        DataError: The folder cannot be written.
    """
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if os.path.lexists(folder) and (damage := find_damage(folder)):
                aside = set_aside(folder, folder.parent / "damaged")
                notice(f"{damage}; the weights were moved to {aside.parent.name}/, and are trained again")
            if not folder.exists():
                fit()
                if not (folder / MANIFEST).exists():
                    seal(folder)
