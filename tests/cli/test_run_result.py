"""What programs get of a run: JSON alone on standard output, a JUnit file, times in a dry run; nothing twice."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from robustrank.analysis.gates import Outcome
from robustrank.cli.main import invoke
from robustrank.cli.run_result import write_junit
from robustrank.engine.run import CellOutcome

EXPERIMENT = """
name: t
collections: [lee]
rankers: [bm25]
attacks: [hotflip]
tasks:
  - {name: iid-variance, queries: 2}
  - {name: document-attack, queries: 2, targets: [last-1]}
  - {name: './task.py:Broken'}
"""
TASK = """
from dataclasses import dataclass
from robustrank.task import Task

@dataclass(frozen=True)
class Broken(Task):
    def run(self, context):
        raise RuntimeError("out of \\x07 ideas")
        yield

    def calls(self, context):
        return 0
"""


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Runs an experiment; returns exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "task.py").write_text(TASK)

    def call(text: str, *options: str) -> tuple[int, str, str]:
        (tmp_path / "e.yaml").write_text(text)
        code = invoke(["run", "e.yaml", "--out", "out", "--cache", "cache", "--workers", "0", "--no-report", *options])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def test_json_and_junit_tell_every_cell_and_its_reason(run, tmp_path):
    code, out, err = run(EXPERIMENT, "--json", "--junit", "deep/out.xml", "--only", "task=iid-variance", "--limit", "1")
    assert code == 0, err
    result = json.loads(out)
    assert result["cells"] == {"done": 1, "skipped": 0, "error": 0, "planned": 2, "total": 3, "run_now": 1}
    assert any("50 queries without a relevant document" in note for note in result["notes"])
    assert any("--only task=iid-variance: 1 of 3 cells" in note for note in result["notes"])
    assert "done iid-variance" in err
    skipped = ET.parse(tmp_path / "deep" / "out.xml").findall(".//skipped")
    assert [case.get("message") for case in skipped] == ["it was not selected by --only"] * 2

    code, out, _ = run(EXPERIMENT.replace("queries: 2}\n", "queries: 1}\n", 1), "--json", "--junit", "out.xml")
    assert code == 5
    result = json.loads(out)
    assert result["exit_code"] == 5
    by_status = {cell["status"]: cell for cell in result["results"]}
    assert by_status["skipped"]["reason"] == "the attack needs gradients, and this ranker has none"
    assert "out of" in by_status["error"]["reason"]
    assert set(result["files"]) == {"experiment.yaml", "provenance.json", "cells.jsonl", "rows.csv", "notes.txt"}
    suite = ET.parse(tmp_path / "out.xml").getroot()[0]
    assert {name: suite.get(name) for name in ("tests", "errors", "skipped", "failures")} == {
        "tests": "3", "errors": "1", "skipped": "1", "failures": "0",
    }  # fmt: skip
    assert r"out of \x07 ideas" in suite.find(".//error").text


def test_a_run_that_measures_nothing_says_so_once(run, capsys):
    code, out, _ = run(EXPERIMENT, "--only", "task=document-attack")
    assert (code, out.count("nothing was measured")) == (7, 1)
    invoke(["run", "e.yaml", "--out", "out", "--cache", "cache", "--workers", "0", "--only", "task=document-attack"])
    assert capsys.readouterr().out.count("nothing was measured") == 1, "with a report, too"


def test_a_gate_that_is_broken_is_a_failure(tmp_path):
    cell = CellOutcome("k", "a cell", "done", 1.5, "", True)
    write_junit(
        tmp_path / "out.xml", "t", [cell], [Outcome("asr > 0.5", ("asr of hotflip is 0.8",)), Outcome("asr > 0.9", ())]
    )
    suite = ET.parse(tmp_path / "out.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("time")) == ("3", "1", "1.50")
    assert suite.find("testcase[@classname='t.gates']/failure").text == "asr of hotflip is 0.8"


def test_gates_of_an_experiment_are_in_the_result_or_said_to_be_unchecked(run, tmp_path, capsys):
    text = EXPERIMENT + "report: {gates: [{measure: nDCG@10, min: 0.9999}, {refuse: [failed]}]}\n"
    options = ["--only", "task=iid-variance", "--limit", "2"]
    code, out, _ = run(text, *options)
    assert code == 0
    assert "the experiment's gates are not checked: --no-report" in out
    where = ["--out", "out", "--cache", "cache", "--workers", "0", "--json", "--junit", "out.xml"]
    assert invoke(["run", "e.yaml", *where, *options]) == 1
    result = json.loads(capsys.readouterr().out)
    assert result["exit_code"] == 1
    assert [bool(gate["breaches"]) for gate in result["gates"]] == [True, False]
    assert result["files"]["report/summary.json"]
    assert ET.parse(tmp_path / "out.xml").getroot()[0].get("failures") == "1"


@pytest.mark.slow
def test_a_dry_run_estimates_times_from_the_cells_of_another_run(run):
    text = EXPERIMENT.replace("hotflip", "keyword-stuffing").replace("  - {name: './task.py:Broken'}\n", "")
    _, out, _ = run(text, "--dry-run")
    assert "time: not known; --timings RUN" in out
    assert run(text, "--only", "task=iid-variance", "--limit", "1")[0] == 0
    code, out, _ = run(text, "--dry-run", "--timings", "out")
    assert code == 0
    assert "most alike of 1 finished cell" in " ".join(out.split())
    assert "time of 1 cell (?): a guess" in " ".join(out.split())
    plan = json.loads(run(text, "--dry-run", "--timings", "out", "--json")[1])
    first, second = (cell["seconds"] / cell["calls_at_most"] for cell in plan["cells"])
    assert first == pytest.approx(second)
    assert first > 0
    code, _, err = run(text, "--dry-run", "--timings", "none")
    assert (code, "no finished cell" in err) == (4, True)
    assert run(text, "--timings", "out")[0] == 2


@pytest.mark.parametrize(
    ("command", "keys"),
    [
        (["list", "attacks"], {"kind", "name", "summary", "origin", "available", "reason"}),
        (
            ["describe", "attack", "word-substitution"],
            {"kind", "name", "origin", "documentation", "metadata", "parameters"},
        ),
    ],
)
def test_plug_ins_as_json(command, keys, capsys):
    assert invoke([*command, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    for record in content if isinstance(content, list) else [content]:
        assert set(record) == keys
    if command[0] == "describe":
        described = {parameter["name"]: parameter for parameter in content["parameters"]}
        assert described["max_words"]["allowed"]
        assert content["metadata"]["access"] == "scores"
