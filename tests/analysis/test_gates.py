"""Gates: kept, broken, and broken by what is missing; the exit code of a run is theirs."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from robustrank.analysis.catalogue import catalogue_of
from robustrank.analysis.gates import outcomes
from robustrank.analysis.load import load_run
from robustrank.cli.main import invoke
from robustrank.errors import UsageError
from robustrank.report.write import write_report
from robustrank.report_settings import Gate
from tests.report_rows import row
from tests.tiny_collection import write_tiny

from .test_user_tables import attacked


def breaches(folder, **gate):
    run = load_run(folder)
    (outcome,) = outcomes([Gate(**gate)], catalogue_of(run.rows, rounds=200), run)
    return outcome.breaches


def test_every_row_has_to_keep_the_limit(write):
    folder = write(attacked())
    assert breaches(folder, measure="asr", max=0.75) == ()
    broken = breaches(folder, measure="asr", max=0.5)
    assert [text.partition(":")[0] for text in broken] == ["b · bm25", "b · minilm"]
    assert all("0.75" in text and "is above 0.5" in text for text in broken)
    assert breaches(folder, measure="asr", max=0.5, attack="a:size=1") == ()
    assert len(breaches(folder, measure="asr", max=0.5, ranker="bm25")) == 1
    assert len(breaches(folder, measure="nDCG@10", min=0.6)) == 1
    assert len(breaches(folder, measure="asr", max=0.75, use="high")) == 4, "the ends of the intervals count"


def test_what_was_not_measured_breaks_its_gate(write):
    folder = write([*attacked(), row("AP", None, status="failed", note="undefined", ranker="other")])
    assert breaches(folder, measure="vnap", max=9) == ("other: vnap has no estimate",)
    with pytest.raises(UsageError, match="no column 'crq'"):
        breaches(folder, measure="crq", max=1)
    with pytest.raises(UsageError, match="no row is about attack 'c'"):
        breaches(folder, measure="asr", max=1, attack="c")


def test_a_run_is_held_against_another(write, tmp_path):
    folder = write(attacked())
    write_report(folder)
    earlier = tmp_path / "earlier.json"
    earlier.write_text((folder / "report" / "summary.json").read_text())
    gate = {"measure": "asr", "compare": str(earlier), "max_increase": 0.05}
    assert breaches(folder, **gate) == ()
    content = json.loads(earlier.read_text())
    for figure in content["figures"]:
        figure["estimate"] = None if figure["estimate"] is None else figure["estimate"] - 0.1
    earlier.write_text(json.dumps(content))
    assert len(breaches(folder, **gate)) == 4
    assert breaches(folder, measure="asr", compare=str(earlier), max_decrease=0.05) == ()


def test_statuses_of_cells_can_be_refused(write):
    folder = write(attacked())
    assert breaches(folder, refuse="failed") == ()
    lines = (folder / "cells.jsonl").read_text().splitlines()
    lines[0] = lines[0].replace('"status": "done"', '"status": "error"')
    (folder / "cells.jsonl").write_text("\n".join(lines) + "\n")
    assert breaches(folder, refuse=["failed", "skipped"]) == ("1 cells are failed",)


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("asr > 0.5", {"measure": "asr", "max": 0.5}),
        ("nDCG@10/clean<.45", {"measure": "nDCG@10/clean", "min": 0.45}),
    ],
)
def test_conditions_are_gates(text, gate):
    assert Gate.of(text) == Gate(**gate)


@pytest.mark.parametrize("text", ["asr", "asr > x", "> 0.5", "asr > ..", "asr = 1"])
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(UsageError, match="is not a condition"):
        Gate.of(text)


@pytest.mark.parametrize(
    "gate", [{}, {"measure": "asr"}, {"measure": "asr", "refuse": "failed"}, {"measure": "a", "max_increase": 1}]
)
def test_a_gate_without_a_limit_is_refused(gate):
    with pytest.raises(ValidationError):
        Gate(**gate)


def test_the_exit_code_tells(write, capsys):
    folder = write(attacked())
    assert invoke(["report", str(folder), "--fail-if", "asr > 0.9"]) == 0
    assert "gate kept: measure: asr, max: 0.9" in capsys.readouterr().out
    assert invoke(["report", str(folder), "--fail-if", "asr > 0.5"]) == 1
    assert "is above 0.5" in capsys.readouterr().out
    assert invoke(["report", str(folder), "--json", "--fail-if", "asr > 0.5"]) == 1
    captured = capsys.readouterr()
    assert {figure["table"] for figure in json.loads(captured.out)["figures"]} >= {"summary", "document-attack"}
    assert "gate broken" in captured.err
    assert invoke(["report", str(folder), "--table", "document-attack", "--format", "csv"]) == 0
    assert capsys.readouterr().out.startswith("table,attack,ranker,column")


def test_a_run_tells_by_its_exit_code(tmp_path, capsys):
    write_tiny(tmp_path / "tiny")
    line = ["evaluate", "bm25", "--collection", f"beir:folder={tmp_path / 'tiny'}", "--out", str(tmp_path / "run")]
    line += ["--cache", str(tmp_path / "cache"), "--workers", "0"]
    assert invoke([*line, "--fail-if", "nDCG@10 > 1"]) == 0
    assert invoke([*line, "--fail-if", "nDCG@10 < 1.01"]) == 1
    assert "gate broken: measure: nDCG@10, min: 1.01" in capsys.readouterr().out
    assert invoke([*line, "--fail-if", "nDCG"]) == 2, "before anything is run"
