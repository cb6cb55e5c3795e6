"""Order consistency, noise floors and injections by scripted models, whose figures are known."""

from __future__ import annotations

import json

import pytest

from robustrank.testing import TaskConformance
from tests.rankers.llm import scripts
from tests.rankers.tiny_models import save
from tests.tasks.test_list_rankers import QUERIES, TEXTS, rows_of, values, write_collection
from tests.tiny_language_model import tiny_language_model

SCRIPTS = scripts.__file__
GRADES = {"d1": 9, "d2": 7, "d3": 5, "d4": 3, "d5": 1, "d6": 0}


@pytest.fixture
def graded(tmp_path):
    """A collection of six documents that say their grades; the first two are relevant, and come last."""
    folder = tmp_path / "graded"
    texts = {doc_id: f"a text of grade {grade}" for doc_id, grade in GRADES.items()}
    write_collection(folder, texts, {"q1": "text", "q2": "grade"})
    return {"name": "beir", "folder": str(folder)}


def consistency(graded, tmp_path, ranker, **parameters):
    rows, _ = rows_of(
        tmp_path / "cache",
        collections=[graded],
        rankers=[ranker],
        tasks=[{"name": "order-consistency", **parameters}],
    )
    return rows


def of(rows, measure, condition="", group=""):
    return [r.value for r in rows if (r.measure, r.condition, r.group) == (measure, condition, group)]


class TestOrderConsistency(TaskConformance):
    plugin = "order-consistency:queries=2,repeats=1"


def test_a_ranker_of_pairs_agrees_with_itself_exactly(graded, tmp_path):
    rows = consistency(graded, tmp_path, "bm25")
    assert of(rows, "tau") == of(rows, "overlap@10") == [1.0, 1.0]
    assert of(rows, "nDCG@10", "clean") == of(rows, "nDCG@10", "worst") == of(rows, "nDCG@10", group="reversed")
    assert not of(rows, "tau", group="repeats")
    assert not of(rows, "unparsable")


def test_an_oracle_is_consistent_and_repeats_without_noise(graded, tmp_path):
    rows = consistency(graded, tmp_path, {"name": "llm-listwise", "llm": f"{SCRIPTS}:Oracle"})
    assert of(rows, "tau") == of(rows, "tau", group="repeats") == of(rows, "nDCG@10", "worst") == [1.0, 1.0]
    assert of(rows, "unparsable") == of(rows, "repaired") == of(rows, "identity") == [0.0, 0.0]
    assert of(rows, "ranks_as_input") == [0.0]
    assert of(rows, "model_calls") == [1.0, 1.0]
    assert [r.status for r in rows if r.measure == "ranks_as_input"] == ["ok"]


@pytest.mark.parametrize("script", ["AlwaysFirst", "Garbage"])
def test_a_model_that_returns_its_input_is_unmasked(graded, tmp_path, script):
    rows = consistency(graded, tmp_path, {"name": "llm-listwise", "llm": f"{SCRIPTS}:{script}"}, orders=7)
    (verdict,) = [r for r in rows if r.measure == "ranks_as_input"]
    assert (verdict.status, verdict.value) == ("failed", None)
    assert "ranks as its input: 100% of reversed and shuffled lists" in verdict.note
    assert of(rows, "position_slope") == pytest.approx([1.0, 1.0])
    assert of(rows, "identity") == [1.0, 1.0]
    assert of(rows, "unparsable") == [float(script == "Garbage")] * 2
    assert max(of(rows, "nDCG@10", "worst")) < min(of(rows, "nDCG@10", group="random")) < 1
    clean, turned = of(rows, "nDCG@10", "clean"), of(rows, "nDCG@10", group="reversed")
    assert clean != turned


def test_a_model_that_always_answers_a_has_an_order_agreement_of_0(graded, tmp_path):
    ranker = {"name": "llm-pairwise", "method": "allpair", "llm": f"{SCRIPTS}:AlwaysFirst"}
    rows = consistency(graded, tmp_path, ranker, orders=1)
    assert of(rows, "order_agreement") == [0.0, 0.0]
    assert of(rows, "picked_first") == [1.0, 1.0]
    oracle = consistency(graded, tmp_path, {**ranker, "llm": f"{SCRIPTS}:Oracle"}, orders=1)
    assert of(oracle, "order_agreement") == [1.0, 1.0]


def test_a_query_whose_model_gives_no_answer_has_failed_and_the_others_are_measured(graded, tmp_path):
    ranker = {"name": "llm-listwise", "llm": f"{SCRIPTS}:FailsOn:word=grade"}
    rows = consistency(graded, tmp_path, ranker)
    (failed,) = [r for r in rows if r.status == "failed"]
    assert (failed.query_id, failed.value, failed.note) == ("q2", None, "the server answers with status 429")
    assert of(rows, "tau") == [1.0]


def attacked(graded, tmp_path, ranker, attack, defense="none"):
    rows, _ = rows_of(
        tmp_path / "cache",
        collections=[graded],
        rankers=[ranker],
        attacks=[attack],
        defenses=[defense],
        tasks=[{"name": "document-attack", "targets": ["last-2"], "neutral_edits": 3}],
    )
    return rows


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("llm-setwise", "llm-pairwise")]


@pytest.mark.parametrize("name", ["llm-listwise", *SLOW])
def test_an_injection_that_is_obeyed_succeeds_and_sanitising_ends_it(graded, tmp_path, name):
    ranker = {"name": name, "llm": f"{SCRIPTS}:ObeysTags", "sanitise": "none"}
    attack = {"name": "list-injection", "form": "role-tags"}
    rows = attacked(graded, tmp_path, ranker, attack)
    assert values(rows, "success") == values(rows, "success", cutoff=None) == [1.0] * 4
    assert values(rows, "rank") == [1.0] * 4
    assert values(rows, "success", "control") == [0.0] * 4
    assert values(rows, "noise_boost", "control") == [0.0] * 4
    assert values(rows, "unparsable", "attacked") == [0.0] * 4
    assert values(attacked(graded, tmp_path, ranker, attack, "sanitise"), "success") == [0.0] * 4
    assert values(attacked(graded, tmp_path, {**ranker, "sanitise": "full"}, attack), "success") == [0.0] * 4


def test_calls_are_kept_beside_the_rows_and_replayed(graded, tmp_path):
    from robustrank.cli.main import invoke

    experiment = {
        "name": "calls",
        "collections": [graded],
        "rankers": [{"name": "llm-listwise", "llm": f"{SCRIPTS}:Oracle"}],
        "tasks": ["iid-variance"],
    }
    (tmp_path / "exp.yaml").write_text(json.dumps(experiment))
    options = ["--workers", "0", "--cache", str(tmp_path / "cache"), "--no-report"]
    assert invoke(["run", str(tmp_path / "exp.yaml"), "--out", str(tmp_path / "run"), *options]) == 0
    (file,) = (tmp_path / "run").rglob("calls.jsonl")
    calls = [json.loads(line) for line in file.read_text().splitlines()]
    assert [call["method"] for call in calls] == ["generate"] * 2
    replayed = {**experiment, "rankers": [{"name": "llm-listwise", "llm": f"replay:file={file}"}]}
    (tmp_path / "exp.yaml").write_text(json.dumps(replayed))
    assert invoke(["run", str(tmp_path / "exp.yaml"), "--out", str(tmp_path / "again"), *options]) == 0
    first, second = ((tmp_path / name / "rows.csv").read_text().splitlines() for name in ("run", "again"))
    assert [line.split('"')[-6:] for line in first] == [line.split('"')[-6:] for line in second]


@pytest.mark.slow
def test_an_attacked_document_moves_the_others_where_the_query_is_a_prompt_of_documents(tmp_path):
    """A bi-encoder, which scores pairs, moves none."""
    write_collection(tmp_path / "lake", TEXTS, QUERIES)
    lake = {"name": "beir", "folder": str(tmp_path / "lake")}
    llm = f"transformers:model={tiny_language_model()}"
    rows = attacked(lake, tmp_path, {"name": "e2rank", "llm": llm}, "keyword-stuffing")
    assert max(values(rows, "spill")) > 0
    folder = save(tmp_path / "model", "bert", "AutoModel")
    rows = attacked(lake, tmp_path, {"name": "bi-encoder", "model": str(folder)}, "keyword-stuffing")
    assert set(values(rows, "spill")) == {0.0}
