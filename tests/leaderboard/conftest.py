"""A board of a suite of seconds: runs of it by the commands, and a stranger's entry in another folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from robustrank.cli.main import invoke
from robustrank.engine import provenance
from robustrank.suites import suite as module

SUITE = """\
description: A suite of seconds.
minutes: 0.1
minimum_version: 0.2.0
access: scores
words: 12
collections: {lee: 40d86d961140016a375ebdf4168b81e5}
measures:
  - {name: success, direction: lower, task: attacks, measure: success, condition: attacked, over: worst case}
  - {name: CRQ, direction: higher, task: certificates, measure: certified, k: 3, radius: 1}
headline: success
tolerance: 0.01
reference: []
experiment:
  collections: lee
  attacks:
    - {name: random-edit, label: random words, threshold: 0.5, max_words: 1}
    - {name: greedy-substitution, label: greedy, threshold: 0.5, max_words: 1, trials: 4}
  tasks:
    - {name: certified-topk, label: certificates, ks: [3], radii: [1], queries: 5}
    - {name: document-attack, label: attacks, targets: [11-20, 21-30], queries: 5, budget_queries: 4, access: scores}
"""
CARD = """\
submitter: a stranger
name: BM25
kind: lexical
training: {saw_test_collection: "no"}
authors: Robertson and Walker
"""


@dataclass
class Board:
    """A folder with a run and entries, and the cache of all."""

    folder: Path
    cache: Path

    @property
    def entries(self) -> Path:
        return self.folder / "entries"

    def card(self) -> Path:
        path = self.folder / "card.yaml"
        path.write_text(CARD, encoding="utf-8")
        return path

    def submit(self, run: Path) -> int:
        return invoke(["submit", str(run), "--model-card", str(self.card()), "--entries", str(self.entries)])

    def verify(self, path: Path, *options: str) -> int:
        return invoke(["verify", str(path), *options, "--cache", str(self.cache)])

    def entry(self, path: Path) -> dict:
        return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def _seconds(tmp_path_factory):
    """The suite, a cache, and a run of it for BM25 with exact certificates."""
    folder = tmp_path_factory.mktemp("seconds")
    (folder / "seconds-v1.yaml").write_text(SUITE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        install(folder, patch)
        patch.setattr(provenance, "_commit", lambda _: "0" * 40)
        provenance._machine.cache_clear()
        line = "run suite:seconds-v1 --ranker bm25 --defense exact-certificate:table=synonyms --workers 0 --quiet"
        assert (
            invoke([*line.split(), "--no-report", "--out", str(folder / "run"), "--cache", str(folder / "cache")]) == 0
        )
        assert Board(folder, folder / "cache").submit(folder / "run") == 0
    provenance._machine.cache_clear()
    return folder


def install(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let the suite of seconds be the one that is installed."""
    patch.setattr(module, "suites", lambda: {"seconds-v1": folder / "seconds-v1.yaml"})


@pytest.fixture
def board(_seconds, tmp_path, monkeypatch):
    """A folder of a stranger: a copy of the run, and nothing else."""
    shutil.copytree(_seconds / "run", tmp_path / "run")
    install(_seconds, monkeypatch)
    monkeypatch.chdir(tmp_path)
    return Board(tmp_path, _seconds / "cache")


@pytest.fixture
def submitted(_seconds, board):
    """The board with the entry that the command wrote of the run, and its file."""
    shutil.copytree(_seconds / "entries", board.entries)
    return board, next(board.entries.glob("*/*.json"))
