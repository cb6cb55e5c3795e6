"""The experiment of an evaluation: rankers on a collection, put together without a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from robustrank.experiment import Experiment, check
from robustrank.overrides import limited_task
from robustrank.plugins.specification import Spec
from robustrank.rankers.runtime import Device

Named = str | Mapping[str, Any]  # a plug-in, as an experiment file writes it


def combined(
    rankers: Sequence[Spec],
    collection: Spec,
    attacks: Named | Sequence[Named] = (),
    defenses: Named | Sequence[Named] = (),
    tasks: Named | Sequence[Named] = ("iid-variance",),
    limit: int | None = None,
    seed: int = 0,
    device: Device = "auto",
) -> Experiment:
    """Return the experiment of an evaluation; see :func:`robustrank.evaluate`."""
    raw = {
        "name": "evaluation",
        "seeds": [seed],
        "device": device,
        "collections": [_entry(collection)],
        "rankers": [_entry(spec) for spec in _distinct(rankers)],
        "attacks": _several(attacks),
        "tasks": [task if limit is None else limited_task(task, limit) for task in _several(tasks)],
        **({"defenses": _several(defenses)} if defenses else {}),
    }
    return check(raw, "robustrank.evaluate")


def _distinct(specs: Sequence[Spec]) -> list[Spec]:
    """Return specifications with distinct labels: the second f is "f 2"."""
    labels: list[str] = []
    for spec in specs:
        times = sum(label.partition(" ")[0] == spec.label for label in labels)
        labels.append(f"{spec.label} {times + 1}" if times else spec.label)
    return [Spec(spec.name, spec.parameters, label) for spec, label in zip(specs, labels, strict=True)]


def _entry(spec: Spec) -> dict[str, Any]:
    return {"name": spec.name, **spec.parameters, "label": spec.label}


def _several(given: Named | Sequence[Named]) -> list[Named]:
    return [given] if isinstance(given, str | Mapping) else list(given)
