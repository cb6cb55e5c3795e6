"""Training state on disk after each epoch, so that a killed training resumes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robustrank.notices import notice
from robustrank.storage import find_damage, write_folder

if TYPE_CHECKING:
    import torch

Tensors = dict[str, "torch.Tensor"]


@dataclass(frozen=True)
class Progress:
    """Progress of a training.

    Attributes:
        curve: Validation nDCG@10 before training, and after each finished epoch.
        best: The weights of the best epoch, of which the untrained ranker is the first.
    """

    curve: tuple[float, ...]
    best: Tensors

    @property
    def epochs(self) -> int:
        """The number of finished epochs."""
        return max(0, len(self.curve) - 1)

    @property
    def best_epoch(self) -> int:
        """Number of the best epoch, from 1 (the first of equally good ones); 0 if the untrained ranker is best."""
        return int(np.argmax(self.curve)) if self.curve else 0

    def after(self, value: float, network: Any) -> Progress:
        """Return the progress after another validation with nDCG@10 ``value``."""
        better = not self.curve or value > max(self.curve)
        return Progress((*self.curve, value), _copy(network) if better else self.best)


def save_state(
    folder: Path, identity: Mapping[str, Any], progress: Progress, network: Any, optimiser: torch.optim.Optimizer
) -> None:
    """Write network, best weights, optimiser moments and validation curve.

    Raises:
        DataError: The folder cannot be written.
    """
    from safetensors.torch import save_file

    moments = optimiser.state_dict()["state"]
    tensors = {
        **{f"network/{name}": tensor for name, tensor in _copy(network).items()},
        **{f"best/{name}": tensor for name, tensor in progress.best.items()},
        **{f"optimiser/{i}/{name}": value for i, values in moments.items() for name, value in values.items()},
    }
    metadata = {"identity": _plain(identity), "curve": list(progress.curve)}

    def write(target: Path) -> None:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, target / "state.safetensors")
        (target / "state.json").write_text(json.dumps(metadata), encoding="utf-8")

    write_folder(folder, write)


def resume(folder: Path, identity: Mapping[str, Any], network: Any, optimiser: torch.optim.Optimizer) -> Progress:
    """Load the state of a training of the same identity into network and optimiser, and return its progress.

    The state of another training is ignored, and a damaged one, with a notice: training starts from the beginning.
    """
    from safetensors.torch import load_file

    fresh = Progress((), _copy(network))
    if not os.path.lexists(folder):
        return fresh
    if damage := find_damage(folder):
        notice(f"{damage}; the training starts again from the beginning")
        return fresh
    metadata = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    tensors = load_file(folder / "state.safetensors")
    if metadata["identity"] != _plain(identity):
        return fresh
    network.load_state_dict(_with_prefix(tensors, "network"))
    moments: dict[int, Tensors] = {}
    for name, tensor in _with_prefix(tensors, "optimiser").items():
        number, _, moment = name.partition("/")
        moments.setdefault(int(number), {})[moment] = tensor
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
    return Progress(tuple(metadata["curve"]), _with_prefix(tensors, "best"))


def _copy(network: Any) -> Tensors:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def _with_prefix(tensors: Tensors, prefix: str) -> Tensors:
    return {name.partition("/")[2]: tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}/")}


def _plain(value: Any) -> Any:
    """Return ``value`` after a round trip through JSON."""
    return json.loads(json.dumps(value))
