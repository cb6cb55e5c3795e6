"""Poisoned documents against brute force: lists with every pair of added texts, ranked by the ranker itself."""

from __future__ import annotations

import itertools

import pytest

from robustrank.cli.main import invoke
from robustrank.collections.beir import BeirReader
from robustrank.measures.effectiveness import evaluate
from robustrank.rankers.lexical import BM25
from tests.result_rows import read_rows
from tests.tiny_collection import write_experiment, write_tiny

TEXTS = [
    "",
    "rye",
    "stone bridge",
    "ferry on the lake " * 9,
    "stone bridge " * 9,
    "rye bread flour " * 9,
    "a b c d e f g",
]
MEASURES = ["nDCG@3", "AP", "RR@2"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("poisoning")
    tiny = write_tiny(folder / "tiny")
    tasks = "tasks: [{name: poisoning-bound, ns: [1, 2], measures: [nDCG@3, AP, RR@2]}]\n"
    experiment = write_experiment(folder / "e.yaml", tiny, "rankers: [bm25, {name: rm3, label: rm3}]\n" + tasks)
    arguments = ["--out", str(folder / "out"), "--cache", str(folder / "cache"), "--no-report", "--workers", "0"]
    assert invoke(["run", str(experiment), *arguments]) == 0
    return BeirReader(folder=str(tiny)).read(), read_rows(folder / "out")


def test_no_added_documents_cost_more_and_some_cost_as_much(world):
    collection, rows = world
    bounds = {(row["query_id"], row["measure"], row["radius"]): row["value"] for row in rows if row["ranker"] == "bm25"}
    ranker = BM25()
    ranker.prepare(collection)
    attained = 0
    for query_id, query in collection.queries.items():
        texts = {candidate.doc_id: candidate.text for candidate in collection.request(query_id).candidates}
        lists = {}
        for added in [(), *((text,) for text in TEXTS), *itertools.product(TEXTS, TEXTS)]:
            new = texts | {f"new {number}": text for number, text in enumerate(added)}
            scores = dict(zip(new, ranker.score([(query, text) for text in new.values()]).tolist(), strict=True))
            lists[added] = {doc_id: score for doc_id, score in scores.items() if score != ranker.no_match}
        clean = ranks(lists[()])
        least = {}
        for added, scores in lists.items():
            new = ranks(scores)
            assert all(new[doc_id] <= rank + len(added) for doc_id, rank in clean.items())
            values = evaluate({query_id: collection.qrels[query_id]}, {query_id: scores}, MEASURES, "zero")
            for measure in MEASURES:
                key = query_id, measure, str(len(added) or "")
                assert values[measure][query_id] >= bounds[key] - 1e-12
                least[key] = min(least.get(key, 1.0), values[measure][query_id])
        attained += sum(least[key] == pytest.approx(bounds[key]) for key in least if key[2])
    assert attained == len(collection.queries) * len(MEASURES) * 2


def ranks(scores):
    return {doc_id: rank for rank, doc_id in enumerate(sorted(scores, key=lambda d: (-scores[d], d)), 1)}


def test_a_ranker_of_lists_is_left_out(world):
    rows = [row for row in world[1] if row["ranker"] == "rm3"]
    assert {(row["status"], row["value"]) for row in rows} == {("skipped", None)}
