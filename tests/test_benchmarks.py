"""Benchmarks keep what they measure: records of docs/performance.md come from them alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import all as every
from benchmarks.all import BENCHMARKS, ON_ACCELERATORS
from benchmarks.records import Records, command

ROOT = Path(__file__).parents[1]
LEAST = ("--cells", "3", "--documents", "50", "--run", "2")


def test_a_benchmark_writes_a_record_a_line_with_command_machine_load_and_code(tmp_path):
    out = tmp_path / "records" / "planning.jsonl"
    told = [sys.executable, "benchmarks/planning.py", *LEAST, "--out", str(out)]
    printed = subprocess.run(told, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (record,) = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert f"| 50 | 3 | {record['planning_ms']:.1f} | {record['again_ms']:.1f} |" in printed
    run = record["run"]
    assert run["command"].endswith("python benchmarks/planning.py --cells 3 --documents 50 --run 2")
    assert run["parameters"] == {"cells": 3, "documents": [50], "run": 2}
    assert run["hardware"]["cores"] >= 1
    assert run["packages"]["robustrank"]
    assert run["load"] >= 0
    assert {"when", "busy_cores", "commit", "features"} <= run.keys()
    assert [path.name for path in out.parent.iterdir()] == ["planning.jsonl"]


def test_records_take_the_place_of_earlier_ones_when_all_is_measured(tmp_path):
    out = tmp_path / "x.jsonl"
    out.write_text("earlier\n")
    records = Records(out, {"out": out})
    records.keep("a", wall_s=1.0)
    assert out.read_text() == "earlier\n", "a benchmark that fails leaves them"
    records.write()
    assert [json.loads(line)["what"] for line in out.read_text().splitlines()] == ["a"]


@pytest.mark.parametrize("given", [["--out", "x.jsonl"], ["--out=x.jsonl"]])
def test_the_command_is_that_without_the_file(monkeypatch, given):
    monkeypatch.setattr(sys, "argv", ["/somewhere/kill.py", "--only", "a b", *given, "--kills", "1"])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert command() == "OMP_NUM_THREADS=1 python benchmarks/kill.py --only 'a b' --kills 1"


def test_a_benchmark_that_fails_is_named_and_stops_no_other(tmp_path, monkeypatch, capfd):
    measured, published = tmp_path / "measured", tmp_path / "published"
    published.mkdir()
    (published / "absent.jsonl").write_text("earlier\n")
    monkeypatch.setattr(every, "BENCHMARKS", {"absent": [], "planning": list(LEAST)})
    monkeypatch.setattr(every, "MEASURED", measured)
    monkeypatch.setattr(every, "PUBLISHED", published)
    monkeypatch.setattr(sys, "argv", ["all.py"])
    assert every.main() == 1
    assert "failed, with the records that they had: absent;" in capfd.readouterr().out
    assert (published / "absent.jsonl").read_text() == "earlier\n"
    assert '"planning_ms"' in (published / "planning.jsonl").read_text()
    assert list(measured.iterdir()) == []


def test_the_results_have_the_records_of_every_benchmark_that_is_made_at_once():
    made = {path.name for path in (ROOT / "results" / "performance").iterdir()}
    assert made - {f"{name}.jsonl" for name in ON_ACCELERATORS} == {f"{name}.jsonl" for name in BENCHMARKS}
    assert [
        name for name in [*BENCHMARKS, *ON_ACCELERATORS] if not (ROOT / "benchmarks" / f"{name}.py").is_file()
    ] == []
