"""The units of a cell: its rows are the same in however many it is done, and what is done of it outlives a failure."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from robustrank.cli.main import invoke
from robustrank.engine import planning
from robustrank.engine.cell import Cell
from robustrank.engine.cell_result import finished_cell
from robustrank.engine.units import merged
from robustrank.plugins import find, registry
from robustrank.plugins.specification import Spec
from robustrank.rows import Row
from tests.engine.test_kill import SLOW
from tests.tiny_collection import QUERIES, write_experiment, write_tiny

EXPERIMENT = """
rankers: [bm25, {name: bm25, k1: 2, label: other}]
defenses: [none, {name: spamicity-filter, label: spam}, {name: certdr, samples: 5, threshold: 0.9, label: certdr}]
attacks: [keyword-stuffing, {name: character-typos, label: typos}]
tasks:
  - {name: iid-variance, only: {defenses: [none]}}
  - {name: document-attack, targets: [last-2, 2-3, 20-30], only: {rankers: [bm25]}}
  - {name: query-attack, only: {defenses: [none]}}
  - {name: certified-topk, ks: [1, 2], only: {rankers: [bm25]}}
"""
FAILS = '''
import os
from dataclasses import dataclass
from robustrank.attack import Attack
from robustrank.records import Perturbation

@dataclass
class Fails(Attack):
    """Fails on a query that the environment names."""

    def perturb(self, target, victim, rng):
        if target.query_id == os.environ.get("FAILING"):
            raise ValueError("this query")
        return Perturbation(target.document)
'''


def run(experiment: Path, folder: Path, *options: str) -> int:
    where = ["--out", str(folder / "out"), "--cache", str(folder / "cache"), "--no-report", "--executor", "local"]
    return invoke(["run", str(experiment), *where, *options])


def files(folder: Path) -> dict[str, bytes]:
    """Return what was measured, and the texts, certificates and lists beside it, by their paths."""
    cells = folder / "out" / "cells"
    kept = [path for name in ("adversarial.jsonl", "certificates.jsonl", "*.trec") for path in cells.rglob(name)]
    return {str(path.relative_to(folder)): path.read_bytes() for path in [*kept, folder / "out" / "rows.csv"]}


def units_of(folder: Path) -> dict[str, int]:
    """Return the number of units of each task's cells."""
    lines = (folder / "out" / "cells.jsonl").read_text().splitlines()
    cells = [cell for cell in map(json.loads, lines) if cell["status"] == "done"]
    facts = {cell["key"]: (folder / "out" / "cells" / cell["key"] / "cell.json").read_text() for cell in cells}
    named = [(f"{cell['task']['name']} {cell['defense']['label']}", json.loads(facts[cell["key"]])) for cell in cells]
    return {name: fact.get("units", 1) for name, fact in named}


@pytest.fixture
def in_units(monkeypatch):
    """Let cells be divided into so many units, however small."""

    def divide(units: int) -> None:
        monkeypatch.setattr(planning, "PAIRS_OF_TRADITIONAL", 1)
        monkeypatch.setattr(planning, "MOST_UNITS", units)

    return divide


def test_a_cell_has_the_same_rows_in_any_number_of_units(in_units, tmp_path):
    experiment = write_experiment(tmp_path / "e.yaml", write_tiny(tmp_path / "tiny"), EXPERIMENT)
    found = {}
    for units in (1, 3):
        in_units(units)
        assert run(experiment, tmp_path / str(units)) == 0
        found[units] = files(tmp_path / str(units))
        assert not list((tmp_path / str(units) / "out").glob("units/*")), "nothing is left of finished cells"
    assert found[1] == found[3]
    assert {name.rpartition("/")[2] for name in found[1]} >= {"adversarial.jsonl", "certificates.jsonl", "clean.trec"}
    assert units_of(tmp_path / "3") == {
        "iid-variance none": 3,
        "document-attack none": 3,
        "document-attack spam": 1,  # an area under the curve is of all targets
        "document-attack certdr": 3,
        "query-attack none": 1,
        "certified-topk certdr": 3,
    }


def test_what_is_done_of_a_cell_outlives_its_failure(in_units, tmp_path, monkeypatch, capsys):
    (tmp_path / "fails.py").write_text(FAILS)
    text = f"rankers: [bm25]\nattacks: ['{tmp_path / 'fails.py'}:Fails']\n"
    text += "tasks: [{name: document-attack, targets: [last-2]}]\n"
    experiment = write_experiment(tmp_path / "e.yaml", write_tiny(tmp_path / "tiny"), text)
    assert run(experiment, tmp_path / "whole") == 0
    in_units(3)
    monkeypatch.setenv("FAILING", "q3")
    assert run(experiment, tmp_path) == 5
    kept = sorted((tmp_path / "out").glob("units/*/*.json"))
    assert [path.name for path in kept] == ["1-of-3.json", "2-of-3.json"]
    kept[1].write_text(kept[1].read_text().replace("keyword", "x") + " ")
    monkeypatch.setenv("FAILING", "q1")  # which is done already
    capsys.readouterr()
    assert run(experiment, tmp_path) == 0
    said = capsys.readouterr().out
    assert "2-of-3.json: damaged; these queries are measured again" in said
    assert files(tmp_path) == files(tmp_path / "whole")
    assert run(experiment, tmp_path, "--redo", "all") == 5, "all is done again"


def test_units_that_differ_in_what_they_say_of_the_whole_cell_are_an_error():
    cell = Cell(Spec("mine"), Spec("lee"), Spec("bm25"), Spec("none"), None, 0)

    def unit(number: int, value: float | None, status="ok"):
        rows = [Row("", "", "share", value=value, status=status), Row(f"q{number}", "", "nDCG@10", value=1.0)]
        part = replace(cell, unit=number, units=2)
        return finished_cell(part, rows, {"seconds": 1}, {}, ("", ""))

    whole = merged(cell, [unit(0, 0.5), unit(1, 0.5)])
    assert [(row.query_id, row.value) for row in whole.rows] == [("", 0.5), ("q0", 1), ("q1", 1)]
    assert (whole.status, whole.facts["seconds"], whole.facts["units"]) == ("done", 2, 2)
    differs = merged(cell, [unit(0, 0.5), unit(1, 0.6)])
    assert differs.status == "error"
    assert "'mine' measures 'share' of the whole cell, and its units differ in it" in differs.reason


def test_every_task_that_is_not_divided_says_why(capsys):
    undivided = {name: find("task", name).undivided for name in registry("task")}
    divided = {name for name, why in undivided.items() if not why}
    assert divided == {"certified-topk", "document-attack", "iid-variance", "poisoning-bound", "query-typos"}
    assert invoke(["describe", "task", "imitation"]) == 0
    assert "the surrogate model is trained in the cell" in capsys.readouterr().out


@pytest.mark.slow
def test_a_kill_loses_the_units_in_work_alone(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    folder = write_tiny(tmp_path / "tiny")
    with (folder / "queries.jsonl").open("a") as queries, (folder / "qrels" / "test.tsv").open("a") as judged:
        for number in range(40):
            queries.write(
                json.dumps({"_id": f"more{number}", "text": f"{random.Random(number).random()} rye lake"}) + "\n"
            )
            judged.write("".join(f"more{number}\td{doc}\t{int(doc < 3)}\n" for doc in range(1, 9)))
    text = f"rankers: ['{tmp_path / 'slow.py'}:Slow']\nattacks: [{{name: greedy-substitution, table: encoder}}]\n"
    text += "tasks: [{name: document-attack, targets: [last-2]}]\n"
    experiment = write_experiment(tmp_path / "e.yaml", folder, text)
    where = ["--out", tmp_path / "out", "--cache", tmp_path / "cache", "--no-report", "--workers", "2"]
    command = [sys.executable, "-m", "robustrank", "run", experiment, *where]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env={**os.environ, "SLOW_RANKER": "0.005"}, **quiet)
    deadline = time.monotonic() + 120
    while len(list(tmp_path.glob("out/units/*/*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert process.poll() is None, "the run ended before it could be killed"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("out/units/*/*.json")}
    assert len(kept) >= 2
    assert run(experiment, tmp_path) == 0
    assert run(experiment, tmp_path / "undisturbed") == 0
    assert files(tmp_path) == files(tmp_path / "undisturbed")
    rows = csv.DictReader(files(tmp_path)["out/rows.csv"].decode().splitlines())
    assert {row["query_id"] for row in rows if row["query_id"]} == {
        *QUERIES,
        *(f"more{number}" for number in range(40)),
    }
