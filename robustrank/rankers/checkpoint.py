"""Checkpoints: the weights of a trained ranker and the card of its training, written atomically."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from robustrank.collections.collection import Collection
from robustrank.errors import DataError, PluginError

_CARD = "card.json"


def training_card(
    start: Mapping[str, Any],
    train: Collection,
    validation: Collection,
    seed: int,
    settings: Mapping[str, Any],
    curve: Sequence[float],
    packages: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the card of a checkpoint: data, parameters, seed, validation nDCG@10 per epoch, versions.

    Args:
        start: The ranker's parameters, and the weights it was initialised with.
        train: The training split.
        validation: The validation split, which decides when training stops.
        seed: Of all random draws.
        settings: The training settings.
        curve: Validation nDCG@10 per epoch or per candidate model.
        packages: Distributions whose versions are recorded in addition to robustrank's.
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
        PluginError: The ranker has no weights.
    """
    if weights is None:
        raise PluginError(
            "the ranker has no weights",
            hint="train it: robustrank train, or the key train of a ranker in an experiment; or give weights=FOLDER",
        )
    return Path(weights)


def checkpoint_digest(weights: str | None, *values: object) -> str:
    """Return a hash of a checkpoint's files and of further values that determine the scores.

    Raises:
        PluginError: There are no weights.
        DataError: The folder cannot be read.
    """
    folder = trained_folder(weights)
    digest = hashlib.sha256("|".join(map(str, values)).encode())
    try:
        for path in sorted(folder.iterdir()):
            if path.name != _CARD:  # describes the training, not what the model computes
                digest.update(path.name.encode() + path.read_bytes())
    except OSError as error:
        raise DataError(f"the weights cannot be read: {error}", where=str(folder)) from error
    return digest.hexdigest()[:32]


def write_checkpoint(folder: Path, write: Callable[[Path], None], card: Mapping[str, Any]) -> None:
    """Write a checkpoint and its card.json; see :func:`write_folder`."""

    def write_with_card(target: Path) -> None:
        write(target)
        (target / _CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")

    write_folder(folder, write_with_card)


def write_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Write a folder atomically: ``write`` fills a temporary folder, which then replaces ``folder``.

    Raises:
        DataError: The folder cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            write(temporary)
            temporary.chmod(0o755)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise DataError(f"the checkpoint cannot be written: {error}", where=str(folder)) from error
