"""``robustrank prepare`` says of each part of an experiment whether it is ready, and runs nothing."""

from __future__ import annotations

import json

import pytest

from robustrank.cli.main import invoke

EXPERIMENT = """
name: t
collections: [{name: beir, folder: data, label: small}]
rankers: [bm25, {name: knrm, label: trained, train: {folds: 2}}]
attacks: [keyword-stuffing]
tasks: [iid-variance, {name: document-attack, targets: [last-1], only: {rankers: [bm25]}}]
"""


@pytest.fixture
def prepare(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "data" / "qrels").mkdir(parents=True)
    texts = {"d1": "wheat bread of the city", "d2": "rye loaf", "d3": "a stone bridge over warm water"}
    lines = [f'{{"_id": "{key}", "title": "", "text": "{text}"}}\n' for key, text in texts.items()]
    (tmp_path / "data" / "corpus.jsonl").write_text("".join(lines))
    queries = ['{"_id": "q1", "text": "wheat bread"}\n', '{"_id": "q2", "text": "stone bridge"}\n']
    (tmp_path / "data" / "queries.jsonl").write_text("".join(queries))
    (tmp_path / "data" / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td3\t1\n")
    (tmp_path / "e.yaml").write_text(EXPERIMENT)

    def call(*options: str) -> tuple[int, str]:
        code = invoke(["prepare", "e.yaml", "--cache", "cache", *options])
        return code, capsys.readouterr().out

    return call


def test_each_part_is_told_and_nothing_is_run(prepare, tmp_path, monkeypatch):
    monkeypatch.setenv("IR_DATASETS_HOME", "sets")
    code, out = prepare()
    assert code == 0, out
    for line in (
        "ready   collection small: 2 queries, 3 documents",
        "ready   ranker bm25: ",
        "ready   attack keyword-stuffing: checked",
        "ready   plan t: 4 cells",
        "  IR_DATASETS_HOME=sets",
    ):
        assert line in out
    assert "the run trains it" in out
    assert not (tmp_path / "runs").exists()
    assert not list((tmp_path / "cache").rglob("*.db"))


def test_every_part_that_is_missing_is_told_with_the_exit_code_of_the_first(prepare):
    options = ["--set", "rankers.0=bi-encoder:model=no/such", "--set", "tasks.1.only={}"]
    options += ["--set", "attacks.0=random-edit:table=nowhere"]
    code, out = prepare(*options)
    assert code == 4
    assert out.count("missing") == 2
    assert "model 'no/such' not found" in out
    assert "missing attack random-edit:table=nowhere: the file cannot be read" in out
    assert "2 parts of 7 not ready" in out
    code, out = prepare(*options, "--json")
    content = json.loads(out)
    assert (code, content["exit_code"]) == (4, 4)
    assert [part["kind"] for part in content["parts"] if part["exit_code"]] == ["ranker", "attack"]
    assert "plan" not in {part["kind"] for part in content["parts"]}


def test_a_collection_that_is_not_there_is_a_part_that_is_missing(prepare):
    code, out = prepare("--set", "collections.small.folder=nowhere", "--json")
    assert code == 4
    (missing,) = [part for part in json.loads(out)["parts"] if part["exit_code"]]
    assert (missing["kind"], missing["name"]) == ("collection", "small")
