"""Pipelines: a ranker behind its own first stage, which meets changed queries and documents that are added."""

from __future__ import annotations

import pytest

from robustrank.collections import document_store
from robustrank.collections.beir import BeirReader
from robustrank.engine.cell import coordinates, plan
from robustrank.engine.context import Context
from robustrank.engine.planning import make_plan
from robustrank.engine.resources import Resources
from robustrank.errors import DataError, ExperimentError, PluginError
from robustrank.experiment import check
from robustrank.plugins import create, parse
from robustrank.retrieval.first_stage import FirstStage
from robustrank.retrieval.pipeline import Retrieval
from robustrank.retrieval.term_index import TermIndex
from tests.tiny_collection import QUERIES, write_tiny

TYPOS = {"q1": "rye braed flour", "q2": "fery on teh lkae", "q3": "stone bridge"}  # q2 has no term left


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "typos.tsv").write_text("".join(f"{query_id}\t{text}\n" for query_id, text in TYPOS.items()))
    return write_tiny(tmp_path / "tiny")


def experiment(folder, rankers, **changes):
    attack = {"name": "given-queries", "files": [str(folder.parent / "typos.tsv")]}
    return check(
        {
            "name": "x",
            "collections": [{"name": "beir", "folder": str(folder)}],
            "rankers": rankers,
            "attacks": [attack],
            "tasks": [{"name": "query-attack", "variants": 1, "measures": ["nDCG@10"]}],
            **changes,
        },
        "test",
    )


def rows_of(tmp_path, made):
    resources = Resources(made, tmp_path / "cache")
    (cell,) = plan(made, resources)
    return list(create("task", cell.task).run(Context(cell, resources)))


def values(rows, measure, condition):
    return {row.query_id: row.value for row in rows if (row.measure, row.condition) == (measure, condition)}


PIPELINE = {"name": "query-likelihood", "first_stage": "bm25", "depth": 3}


def test_a_changed_query_is_searched_for_and_loses_recall(folder, tmp_path):
    rows = rows_of(tmp_path, experiment(folder, [PIPELINE]))
    assert values(rows, "R@3", "clean") == {"q1": 1.0, "q2": 1.0, "q3": 1.0}
    assert values(rows, "R@3", "attacked") == {"q1": 0.5, "q2": 0.0, "q3": 1.0}
    assert values(rows, "nDCG@10", "attacked")["q2"] == 0.0
    assert {row.pool for row in rows if row.measure in ("nDCG@10", "R@3")} == {"pipeline"}
    fixed = rows_of(tmp_path, experiment(folder, ["query-likelihood"]))
    assert not values(fixed, "R@3", "clean")
    assert {row.pool for row in fixed if row.measure == "nDCG@10"} == {"fixed"}


def test_a_run_as_first_stage_keeps_its_lists_and_says_so(folder, tmp_path):
    run = tmp_path / "run.txt"
    lists = {"q1": ["d1", "d7"], "q2": ["d3", "d4"], "q3": ["d5", "d8"]}
    run.write_text("".join(f"{q} Q0 {d} 1 {9 - i} t\n" for q, listed in lists.items() for i, d in enumerate(listed)))
    made = experiment(folder, [f"query-likelihood:first_stage='run:path={run}',depth=2"])
    rows = rows_of(tmp_path, made)
    assert values(rows, "R@2", "attacked") == values(rows, "R@2", "clean") == {"q1": 0.5, "q2": 1.0, "q3": 1.0}
    assert {row.pool for row in rows if row.measure == "R@2"} == {"fixed"}
    header = make_plan(made, Resources(made, tmp_path / "cache")).header
    assert any("its lists stay fixed" in line for line in header)
    collection = BeirReader(str(folder)).read()
    with pytest.raises(PluginError, match="does not search"):
        Retrieval(made.first_stage(made.specs("rankers")[0].label), collection).with_documents({"x": "rye"})


def test_a_defense_of_queries_stands_before_the_first_stage(folder, tmp_path):
    pytest.importorskip("rapidfuzz")
    rows = rows_of(tmp_path, experiment(folder, [PIPELINE], defenses=["spelling-correction"]))
    assert values(rows, "R@3", "attacked") == {"q1": 1.0, "q2": 1.0, "q3": 1.0}


def test_depth_and_first_stage_are_swept_and_are_part_of_key_and_coordinates(folder, tmp_path):
    sweep = {"depth": [1, 2], "first_stage": ["bm25", "bm25:b=0.9"]}
    made = experiment(folder, [{"name": "query-likelihood", "label": "ql", "sweep": sweep}, "query-likelihood"])
    resources = Resources(made, tmp_path / "cache")
    cells = plan(made, resources)
    assert len({cell.key for cell in cells}) == 5
    points = [coordinates(cell, resources).ranker for cell in cells]
    swept = [(point.parameters["first_stage"], point.parameters["depth"]) for point in points[:4]]
    assert swept == [("bm25", 1), ("bm25:b=0.9", 1), ("bm25", 2), ("bm25:b=0.9", 2)]
    assert points[0].label == "ql:depth=1,first_stage=bm25"
    assert "first_stage" not in points[4].parameters
    renamed = experiment(folder, [{**PIPELINE, "label": "a"}]), experiment(folder, [{**PIPELINE, "label": "b"}])
    assert len({plan(each, Resources(each, tmp_path / "cache"))[0].key for each in renamed}) == 1
    twice = experiment(folder, [{**PIPELINE, "label": "a"}, {**PIPELINE, "label": "b"}])
    with pytest.raises(ExperimentError, match="are the same ranker under two labels"):
        plan(twice, Resources(twice, tmp_path / "cache"))


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"first_stage": "bm26"}, "there is no retriever named 'bm26'"),
        ({"first_stage": "bm25:b=2"}, "b=2"),
        ({"first_stage": "bm25", "depth": 0}, "depth: it must be a whole number of 1 or more, not 0"),
        ({"first_stage": None, "depth": 2}, "first_stage is null"),
        ({"first_stage": 3}, "first_stage: it must be a retriever"),
        ({"first_stage": "bm25", "sweep": {"depth": [1, "x"]}}, "depth: it must be a whole number"),
    ],
)
def test_a_wrong_first_stage_is_refused_with_the_file(folder, entry, says):
    with pytest.raises(ExperimentError, match=says):
        experiment(folder, [{"name": "query-likelihood", **entry}])


def test_no_first_stage_can_be_swept_beside_one(folder):
    made = experiment(folder, [{"name": "query-likelihood", "sweep": {"first_stage": [None, "bm25"]}}])
    stages = [made.first_stage(spec.label) for spec in made.specs("rankers")]
    assert stages == [None, FirstStage(parse("bm25"), 100)]


def test_depth_without_a_first_stage_is_the_rankers_own(folder, tmp_path):
    made = experiment(folder, [{"name": "query-likelihood", "depth": 3}])
    with pytest.raises(Exception, match="has no parameter 'depth'"):
        plan(made, Resources(made, tmp_path / "cache"))


def test_planning_searches_for_nothing(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(Retrieval, "lists", None)
    tasks = ["query-attack", "document-attack", "iid-variance", "ood-query", "imitation"]
    made = experiment(folder, [PIPELINE], tasks=tasks, attacks=["query-words", "keyword-stuffing"])
    planned = make_plan(made, Resources(made, tmp_path / "cache"))
    assert set(planned.calls.values()) == {None, 0}  # what does not apply scores no pair
    assert any("searches again for each changed query" in line for line in planned.header)


def test_documents_of_an_attack_are_found_without_indexing_the_others(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(document_store, "SMALL", 0)
    Resources(experiment(folder, [PIPELINE]), tmp_path / "cache")  # keeps below its cache
    collection = BeirReader(str(folder)).read()
    retrieval = Retrieval(FirstStage(parse("bm25"), 3), collection)
    before = dict(retrieval.candidates().candidates)
    monkeypatch.setattr(TermIndex, "of", None)
    poisoned = retrieval.with_documents({"spam": "rye bread flour " * 3}).candidates()
    assert poisoned.candidates["q1"][0] == "spam"
    assert poisoned.request("q1").candidates[0].text == "rye bread flour " * 3
    assert {q: poisoned.candidates[q] for q in ("q2", "q3")} == {q: before[q] for q in ("q2", "q3")}
    assert dict(Retrieval(retrieval.stage, collection).candidates().candidates) == before
    with pytest.raises(KeyError):
        retrieval.candidates().only(["q1"]).candidates["q2"]


def test_lists_over_a_store_are_kept(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(document_store, "SMALL", 0)
    Resources(experiment(folder, [PIPELINE]), tmp_path / "cache")
    collection = BeirReader(str(folder)).read()
    first = Retrieval(FirstStage(parse("bm25"), 2), collection).kept_lists(QUERIES)
    monkeypatch.setattr(Retrieval, "lists", None)
    assert Retrieval(FirstStage(parse("bm25"), 2), collection).kept_lists(QUERIES) == first


def test_a_documents_own_query_does_not_find_it_where_the_collection_says_so(folder, tmp_path):
    collection = BeirReader(str(folder)).read()
    stage = Retrieval(FirstStage(parse("bm25"), 2), collection)
    (plain,), (own,) = stage.lists([("q1", "rye bread flour")]), stage.lists([("d7", "rye bread flour")])
    assert plain[0] == "d7"
    assert len(own) == len(plain) == 2
    assert "d7" not in own
    with pytest.raises(DataError, match="no list for the query"):
        Retrieval(FirstStage(parse(f"run:path={write_run(tmp_path)}"), 2), collection).lists([("q1", "other")])


def write_run(tmp_path):
    path = tmp_path / "own.txt"
    path.write_text("q1 Q0 d1 1 1 t\n")
    return path
