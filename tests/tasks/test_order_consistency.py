"""Order consistency, noise floors and injections by scripted models, whose figures are known."""

from __future__ import annotations

import json

import pytest

from robustrank.engine.cell import plan
from robustrank.engine.resources import Resources
from robustrank.engine.worker import run_cell
from robustrank.experiment import check
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


def cell_result(graded, tmp_path, ranker, task, **more):
    checked = check({"name": "x", "collections": [graded], "rankers": [ranker], "tasks": [task], **more}, "test")
    resources = Resources(checked, tmp_path / "cache")
    (cell,) = plan(checked, resources)
    return run_cell(cell, resources)


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


TASKS = {
    "order-consistency": ("nDCG@10", "worst"),
    "iid-variance": ("error", ""),
    "document-attack:targets=last-1": ("success", "attacked"),
    "query-attack": ("nDCG@10", "attacked"),
}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("ranker", ["llm-listwise", "llm-pointwise"])
def test_a_query_whose_model_gives_no_answer_has_failed_and_the_others_are_measured(graded, tmp_path, task, ranker):
    def result(script):
        scoring = {"scoring": "grade"} if ranker == "llm-pointwise" else {}
        edit = "character-typos" if task == "query-attack" else "keyword-stuffing"
        more = {"attacks": [edit]} if "attack" in task else {}
        return cell_result(graded, tmp_path, {"name": ranker, "llm": f"{SCRIPTS}:{script}", **scoring}, task, **more)

    failed, whole = result("FailsOn:word=grade"), result("Oracle")
    assert failed.status == "error"
    (row,) = [row for row in failed.rows if row.status == "error"]
    assert (row.query_id, row.value, row.note) == ("q2", None, "the server answers with status 429")
    assert (row.measure, row.condition) == TASKS[task]
    measured = [row for row in failed.rows if row.query_id == "q1"]
    assert measured == [row for row in whole.rows if row.query_id == "q1"]
    assert {row.query_id for row in failed.rows} <= {"q1", "q2", ""}
    assert sum("failed" in call for call in failed.calls) == 1


def test_a_model_that_never_answers_measures_nothing(graded, tmp_path):
    result = cell_result(graded, tmp_path, {"name": "llm-listwise", "llm": f"{SCRIPTS}:Fails"}, "iid-variance")
    assert [(row.query_id, row.status, row.value) for row in result.rows] == [(q, "error", None) for q in ("q1", "q2")]


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
