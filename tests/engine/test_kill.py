"""A run that is killed while it scores or trains, with one worker or two, resumes to the rows of an undisturbed one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from robustrank.cli.main import invoke
from tests.tiny_collection import write_experiment, write_tiny

SLOW = '''
"""Counts the words that query and document share; SLOW_RANKER says how many seconds a pair takes."""
import os
import time
from dataclasses import dataclass

import numpy as np

from robustrank.rankers.ranker import PointwiseRanker


@dataclass
class Slow(PointwiseRanker):
    """Counts shared words, slowly."""

    weight: float = 1.0  # of a word

    @property
    def fingerprint(self):
        return f"slow {self.weight}"

    def score(self, pairs):
        time.sleep(float(os.environ.get("SLOW_RANKER", 0)) * len(pairs))
        shared = [len(set(query.split()) & set(document.split())) for query, document in pairs]
        return np.array(shared, dtype=np.float32) * np.float32(self.weight)
'''
SCORING = """
rankers:
  - {name: 'SLOW:Slow', sweep: {weight: [1, 2, 3, 4]}}
attacks: [keyword-stuffing]
tasks: [iid-variance, {name: document-attack, targets: [last-2]}]
"""
TRAINING = """
rankers: [{name: knrm, label: knrm, train: {folds: 3, epochs: 20, patience: 20}}]
tasks: [iid-variance]
"""


def finished_cells(folder: Path) -> int:
    return len(list(folder.glob("out/cells/[0-9a-f]*")))


PHASES: dict[str, tuple[str, Callable[[Path], bool]]] = {
    "scoring": (SCORING, lambda folder: finished_cells(folder) > 0),
    "training": (TRAINING, lambda folder: any(folder.glob("cache/models/*.state"))),
}


@pytest.fixture(scope="module", params=["scoring", pytest.param("training", marks=pytest.mark.slow)])
def phase(request, tmp_path_factory) -> tuple[Path, bytes, Callable[[Path], bool]]:
    """An experiment, the rows of an undisturbed run of it, and what tells that it is in the midst of its work."""
    folder, (text, is_busy) = tmp_path_factory.mktemp(request.param), PHASES[request.param]
    (folder / "slow.py").write_text(SLOW)
    write_tiny(folder / "tiny")
    experiment = write_experiment(folder / "exp.yaml", folder / "tiny", text.replace("SLOW", str(folder / "slow.py")))
    assert invoke(["run", str(experiment), *options(folder), "--no-report", "--workers", "0"]) == 0
    return experiment, (folder / "out" / "rows.csv").read_bytes(), is_busy


def options(folder: Path) -> list[str]:
    return ["--out", str(folder / "out"), "--cache", str(folder / "cache")]


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_kill_9_and_resume_gives_the_same_rows(phase, workers, tmp_path, capsys):
    experiment, rows, is_busy = phase
    chance = random.Random(workers)
    for _ in range(3 - workers):
        command = [sys.executable, "-m", "robustrank", "run", str(experiment), *options(tmp_path), "--no-report"]
        process = subprocess.Popen(
            [*command, "--workers", str(workers)],
            env={**os.environ, "SLOW_RANKER": "0.02"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while not is_busy(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(0.3 * chance.random())
        assert process.poll() is None, "the run ended before it could be killed"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert invoke(["run", str(experiment), *options(tmp_path), "--no-report", "--workers", "0"]) == 0
    assert (tmp_path / "out" / "rows.csv").read_bytes() == rows
    said = capsys.readouterr().out
    assert not [words for words in ("moved to", "damaged", "checksum") if words in said], "a kill damages nothing"
    assert not any((tmp_path / "out" / "cells").glob(".*")), "nothing half written is left"
