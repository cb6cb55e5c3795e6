"""A task has a version of what its figures mean: rows on the sample collection that differ need a new one."""

from __future__ import annotations

import hashlib
import json

import pytest

from robustrank.plugins import find, registry
from robustrank.testing import TaskConformance

# Name -> version, parameters and further keys of the experiment, digest of the rows with six digits of each value.
PINNED: dict[str, tuple[str, str, dict[str, object], str]] = {
    "certified-topk": ("1", "ks=[1,3]", {"defenses": ["canonical"]}, "0eb3beab57ff22b3"),
    "click-noise": ("1", "tested=1,sessions=20,steps=5", {}, "79f423246d9aee27"),
    "corpus-attack": (
        "1",
        "queries=2",
        {"rankers": ["bm25:first_stage=bm25,depth=5"]},
        "1f1fa367cf133bab",
    ),
    "document-attack": ("1", "targets=[last-2]", {}, "e1a9a23d48abdf12"),
    "iid-variance": ("1", "queries=3", {}, "e8fca62603a6a5d7"),
    "nevir": ("1", "pairs=4", {}, "6c5ebe5d8452bf60"),
    "order-consistency": ("1", "queries=3", {}, "380841c9b71d3255"),
    "ood-corpus": ("1", "queries=3", {}, "d1ed1c3f415baaad"),
    "ood-query": ("1", "scheme=builtins:list,least=1", {}, "bebddf098cedc7e3"),
    "poisoning-bound": ("1", "ns=[1,2]", {}, "0c8c5148e542932b"),
    "query-typos": ("1", "queries=1,ks=[1,3]", {}, "2222fe5f338da171"),
    "query-attack": ("1", "variants=2", {}, "8f2a2f5a007d04c6"),
}
TRAINED = {"imitation"}  # trains by gradient descent, whose last digits depend on the machine


@pytest.mark.parametrize("name", PINNED)
def test_the_figures_of_a_version_stay(name):
    version, parameters, more, digest = PINNED[name]
    case = type("Case", (TaskConformance,), {"plugin": f"{name}:{parameters}"})()
    case.experiment = {**case.experiment, **more}
    rows = [row.as_dict() for row in case.rows()[0]]
    assert len(rows) > 3
    for row in rows:
        del row["note"], row["pool"]
        row["value"] = None if row["value"] is None else round(row["value"], 6) + 0.0
    found = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:16]
    assert find("task", name).version == version
    assert found == digest, f"task {name} has other figures: raise its version, and pin {found} here"


def test_every_task_is_pinned():
    assert set(registry("task")) == set(PINNED) | TRAINED
