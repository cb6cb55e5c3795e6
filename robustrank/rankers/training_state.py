"""The state of a training between epochs, on disk, so that a killed training goes on where it was."""

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
    """How far a training is.

    Attributes:
        curve: Validation nDCG@10 after each epoch done.
        best: The weights of the best epoch, of the start before the first.
    """

    curve: tuple[float, ...]
    best: Tensors

    @property
    def best_epoch(self) -> int:
        """The number of the best epoch, from 1; the first of equally good ones; 0 before the first."""
        return int(np.argmax(self.curve)) + 1 if self.curve else 0

    def after(self, value: float, network: Any) -> Progress:
        """Return the progress after one more epoch that reached ``value``."""
        better = not self.curve or value > max(self.curve)
        return Progress((*self.curve, value), _copy(network) if better else self.best)


def save_state(
    folder: Path, identity: Mapping[str, Any], progress: Progress, network: Any, optimiser: torch.optim.Optimizer
) -> None:
    """Write everything the next epoch depends on.

    Raises:
        DataError: It cannot be written.
    """
    from safetensors.torch import save_file

    moments = optimiser.state_dict()["state"]
    tensors = {
        **{f"network/{name}": tensor for name, tensor in _copy(network).items()},
        **{f"best/{name}": tensor for name, tensor in progress.best.items()},
        **{f"optimiser/{i}/{name}": value for i, values in moments.items() for name, value in values.items()},
    }
    about = {"identity": _plain(identity), "curve": list(progress.curve)}

    def write(at: Path) -> None:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, at / "state.safetensors")
        (at / "state.json").write_text(json.dumps(about), encoding="utf-8")

    write_folder(folder, write)


def resume(folder: Path, identity: Mapping[str, Any], network: Any, optimiser: torch.optim.Optimizer) -> Progress:
    """Load the state of a training of the same identity into its network and optimiser, and return its progress.

    A state of another training is not read, nor a damaged one, which is said: training starts from the beginning.
    """
    from safetensors.torch import load_file

    fresh = Progress((), _copy(network))
    if not os.path.lexists(folder):
        return fresh
    if damage := find_damage(folder):
        notice(f"{damage}; the training starts again from the beginning")
        return fresh
    about = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    tensors = load_file(folder / "state.safetensors")
    if about["identity"] != _plain(identity):
        return fresh
    network.load_state_dict(_part(tensors, "network"))
    moments: dict[int, Tensors] = {}
    for name, tensor in _part(tensors, "optimiser").items():
        number, _, moment = name.partition("/")
        moments.setdefault(int(number), {})[moment] = tensor
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
    return Progress(tuple(about["curve"]), _part(tensors, "best"))


def _copy(network: Any) -> Tensors:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def _part(tensors: Tensors, room: str) -> Tensors:
    return {name.partition("/")[2]: tensor for name, tensor in tensors.items() if name.startswith(f"{room}/")}


def _plain(value: Any) -> Any:
    """Return ``value`` as JSON would give it back."""
    return json.loads(json.dumps(value))
