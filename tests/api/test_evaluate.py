"""robustrank.evaluate measures what a run of an experiment file measures, for rankers and collections in memory too."""

from __future__ import annotations

import sqlite3

import pytest

import robustrank
from robustrank.errors import DataError, NothingMeasured, PluginError, UsageError
from tests.tiny_collection import DOCUMENTS, QUERIES, write_experiment, write_tiny

FACT = ["query_id", "doc_id", "measure", "condition", "cutoff", "k", "radius", "status", "note", "value"]


def overlap(pairs):
    return [len(set(q.split()) & set(d.lower().split())) + len(d) / 1000 for q, d in pairs]


def count_calls(calls):
    weight = 0.25

    def shortness(pairs):
        calls.append(len(pairs))
        return [-weight * len(d) for _, d in pairs]

    return shortness


def facts(results):
    return results.rows[FACT].astype(object).where(results.rows[FACT].notna(), None).values.tolist()


def test_a_specification_gives_the_rows_of_an_experiment_file(tmp_path, cache):
    folder = write_tiny(tmp_path / "tiny")
    rest = (
        "rankers: [bm25]\nattacks: [keyword-stuffing]\ntasks: [{name: document-attack, queries: 2, targets: ['3-5']}]"
    )
    task = {"name": "document-attack", "targets": ["3-5"]}
    path = write_experiment(tmp_path / "x.yaml", folder, rest)
    theirs = robustrank.run(path, out=tmp_path / "run", workers=0, cache=cache)
    ours = robustrank.evaluate(
        "bm25", f"beir:folder={folder}", "keyword-stuffing", tasks=task, limit=2, cache=cache, out=tmp_path / "ours"
    )
    assert len(facts(ours)) > 5
    assert facts(ours) == facts(theirs)
    assert ours.cells["cell"].tolist() == theirs.cells["cell"].tolist()


def test_a_function_is_a_ranker_and_the_same_call_computes_nothing(tiny, cache, tmp_path):
    calls = []
    first = robustrank.evaluate(count_calls(calls), tiny, cache=cache)
    assert sum(calls) >= len(QUERIES) * len(DOCUMENTS)
    assert set(first.rows["measure"]) == {"nDCG@10", "AP", "RR@10"}
    best = first.rows[(first.rows["measure"] == "RR@10") & (first.rows["query_id"] == "q2")]["value"].item()
    order = sorted(DOCUMENTS, key=lambda d: len(DOCUMENTS[d]))
    assert best == pytest.approx(1 / (1 + min(order.index("d3"), order.index("d4"))))

    calls.clear()
    again = robustrank.evaluate(count_calls(calls), tiny, cache=cache)
    assert (again.folder, calls) == (first.folder, [])
    robustrank.evaluate(count_calls(calls), tiny, cache=cache, out=tmp_path / "other")
    assert calls == []  # scores are cached under the function's identity


def test_a_function_without_an_identity_is_said_and_not_cached(tiny, cache, tmp_path, capsys):
    connection, calls = sqlite3.connect(":memory:"), []

    def remote(pairs):
        calls.append(connection.total_changes)
        return overlap(pairs)

    for number in (1, 2):
        results = robustrank.evaluate(remote, tiny, cache=cache, out=tmp_path / "run")
        assert "identity of ranker 'remote' cannot be told, since it holds a sqlite3.Connection" in results.notices[0]
        assert "cannot be told" in capsys.readouterr().err
        assert len(calls) >= number
    count = len(calls)
    robustrank.evaluate(remote, tiny, cache=cache, out=tmp_path / "run")
    assert len(calls) > count
    connection.close()


def test_several_rankers_are_compared_and_attacked(tiny, cache):
    results = robustrank.evaluate(
        [overlap, "bm25"],
        tiny,
        attacks="keyword-stuffing",
        tasks=["iid-variance", {"name": "document-attack", "targets": ["3-5"]}],
        limit=1,
        cache=cache,
    )
    assert set(results.rows["ranker"]) == {"overlap", "bm25"}
    attacked = results.adversarial()
    assert set(attacked["ranker"]) == {"overlap", "bm25"}
    assert {"before", "after", "edits", "query", "attack"} <= set(attacked.columns)
    assert (attacked["before"] == attacked["doc_id"].map(DOCUMENTS)).all()
    assert (attacked["after"] != attacked["before"]).any()
    assert set(results.rows["query_id"]) - {""} == {"q1"}  # the empty one is of whole cells


def test_two_functions_of_one_name_are_told_apart(tiny, cache):
    rankers = [lambda pairs: [len(d) for _, d in pairs], lambda pairs: [-len(d) for _, d in pairs]]
    results = robustrank.evaluate(rankers, tiny, cache=cache)
    assert results.cells["ranker"].tolist() == ["lambda", "lambda 2"]


def test_a_broken_function_ends_the_evaluation_and_keeps_the_rest(tiny, cache, tmp_path):
    def broken(pairs):
        raise ValueError("no idea")

    with pytest.raises(PluginError, match="1 of 2 cells failed, the first: iid-variance · tiny · broken") as caught:
        robustrank.evaluate([broken, overlap], tiny, cache=cache, out=tmp_path / "run")
    assert "no idea" in caught.value.what
    assert set(robustrank.load_results(tmp_path / "run").cells["status"]) == {"error", "done"}


def test_nothing_measured_is_an_error(tiny, cache, tmp_path):
    run = tmp_path / "a.trec"
    run.write_text("q1 Q0 d1 1 3.5 x\n")
    with pytest.raises(NothingMeasured, match="this ranker ranks lists"):
        robustrank.evaluate(run, tiny, defenses="certdr:samples=2", cache=cache)


def test_a_run_file_is_a_ranker_of_unchanged_texts(tiny, cache, tmp_path):
    run = tmp_path / "system.trec"
    lines = [f"q1 Q0 {d} 0 {s} sys" for d, s in (("d6", 2), ("d2", 1.5), ("d1", 1), ("other", 9))]
    run.write_text("\n".join([*lines, "q2 Q0 d1 1 7 sys", ""]))
    results = robustrank.evaluate(str(run), tiny, cache=cache, tasks="iid-variance:measures=[RR@10, AP]")
    values = results.rows.set_index(["query_id", "measure"])["value"].to_dict()
    assert values["q1", "RR@10"] == 1
    assert values["q1", "AP"] == pytest.approx((1 + 2 / 3) / 2)
    assert values["q2", "AP"] == values["q3", "AP"] == 0  # what the run lacks is not ranked
    said = next(text for text in results.notices if "system.trec" in text)
    assert "4 of the 24 candidates of tiny" in said
    assert "1 of 3 queries are not in it; 1 of its lines" in said
    with pytest.raises(PluginError, match="the run has no score for a changed text"):
        robustrank.evaluate(str(run), tiny, "keyword-stuffing", tasks="document-attack:targets=[3-5]", cache=cache)


def test_what_is_no_ranker_and_what_has_no_limit_are_refused(tiny, cache):
    with pytest.raises(UsageError, match="a dict is no ranker"):
        robustrank.evaluate({}, tiny, cache=cache)
    with pytest.raises(UsageError, match="does not measure the first queries"):
        robustrank.evaluate("bm25", tiny, tasks="imitation", limit=3, cache=cache)


def test_an_inconsistent_collection_is_refused(tiny, cache):
    broken = robustrank.Collection("broken", tiny.queries, tiny.documents, tiny.qrels, {"q1": ["d1", "nothing"]})
    with pytest.raises(DataError, match="broken"):
        robustrank.evaluate("bm25", broken, cache=cache)


def test_another_process_says_that_it_has_no_such_object(tiny, cache, tmp_path):
    robustrank.evaluate(overlap, tiny, cache=cache, out=tmp_path / "run")
    with pytest.raises(UsageError, match="is not in this process"):
        robustrank.run(tmp_path / "run" / "experiment.yaml", out=tmp_path / "new", cache=cache)
