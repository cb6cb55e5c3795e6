"""The header of a run says what was left out of its collections and how its rankers are read, each sentence once."""

from __future__ import annotations

import json

import pytest

from robustrank.cli.main import invoke
from tests.tiny_collection import write_experiment, write_tiny

RANKERS = '''
"""Rankers that tell how they are read."""
from dataclasses import dataclass
from pathlib import Path
import numpy as np
from robustrank.rankers.ranker import PointwiseRanker


@dataclass
class Cut(PointwiseRanker):
    """Says that it reads the first character."""

    def score(self, pairs):
        return np.array([sum(map(ord, document)) for _, document in pairs], dtype=np.float32)

    def reading(self, collection):
        with Path("reads").open("a") as file:
            file.write("read\\n")
        return [f"It reads 1 character of {len(collection.documents)} documents.", "It ignores the query."]


@dataclass
class Trained(PointwiseRanker):
    """Says that it has a weight."""

    def score(self, pairs):
        return np.array([sum(map(ord, document)) for _, document in pairs], dtype=np.float32)

    def reading(self, collection):
        return ["It reads nothing."]

    def fit(self, train, validation, seed, folder, settings):
        Path(folder).mkdir()

    def load(self, folder):
        return self


@dataclass
class Mute(Trained):
    """Says nothing, in one of two ways."""

    how: str = "raise"  # raise or text

    def reading(self, collection):
        if self.how == "raise":
            raise RuntimeError("no voice")
        return "a sentence, not a list"
'''


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Writes a collection of which a query is left out, and an experiment on it; runs it as often as called."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "1000")
    (tmp_path / "plug.py").write_text(RANKERS)
    folder = write_tiny(tmp_path / "tiny")
    with (folder / "queries.jsonl").open("a") as file:
        file.write('{"_id": "q4", "text": "nobody judged this"}\n')

    def call(rankers: str, rest: str = "", workers: str = "0", more: str = "") -> list[str]:
        path = write_experiment(tmp_path / "e.yaml", folder, f"rankers: {rankers}\ntasks: [iid-variance]\n{rest}")
        path.write_text(path.read_text().replace("label: tiny}]", f"label: tiny}}{more}]"))
        code = invoke(["run", str(path), "--out", "out", "--cache", "cache", "--no-report", "--workers", workers])
        assert code == 0
        return [line for line in capsys.readouterr().out.splitlines() if line.startswith("note: ")]

    return call


CUT = "[{name: 'plug.py:Cut', label: cut}]"
LEFT_OUT = "note: tiny: 1 of 4 queries excluded, with no judgements: 'q4'."


@pytest.mark.parametrize("workers", ["0", pytest.param("2", marks=pytest.mark.slow)])
def test_notes_and_readings_are_said_once_and_kept(run, tmp_path, workers):
    notes = run(CUT, "seeds: [0, 1]\n", workers)
    assert notes == [LEFT_OUT, "note: cut on tiny: It reads 1 character of 8 documents. It ignores the query."]
    assert (tmp_path / "reads").read_text() == "read\n", "asked once, whatever the number of cells"
    record = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert record["collections"]["tiny"]["notes"] == [LEFT_OUT.removeprefix("note: tiny: ")]
    assert record["rankers"]["cut on tiny"]["reading"][1] == "It ignores the query."


def test_a_resume_says_them_again_where_a_cell_is_run(run):
    assert LEFT_OUT in run(CUT)
    assert run(CUT) == [], "nothing is left to do"
    assert LEFT_OUT in run(CUT, "seeds: [0, 1]\n")


def test_the_same_words_about_two_collections_are_one_line(run):
    notes = run("[{name: 'plug.py:Trained', label: t}]", more=", {name: lee, label: lee}")
    assert "note: t on tiny, lee: It reads nothing." in notes


def test_a_ranker_to_be_trained_says_so_and_its_training_collection_has_its_notes_printed(run, tmp_path):
    write_tiny(tmp_path / "more", {"d1": "", "d2": "rye", "d3": "ferry", "d5": "stone"})
    source = "'beir:folder=more'"
    notes = run(f"[{{name: 'plug.py:Trained', label: t, train: {{collection: {source}}}}}]")
    assert notes[-1] == "note: t on tiny: It reads nothing. It is read before its training."
    assert any(note.startswith("note: beir:folder=more: 1 of 4 documents are empty: 'd1'") for note in notes)


@pytest.mark.parametrize(("how", "says"), [("raise", "RuntimeError: no voice"), ("text", "not a list of sentences")])
def test_a_reading_that_fails_is_said_and_costs_no_cell(run, how, says):
    notes = run(f"[{{name: 'plug.py:Mute', how: {how}, label: mute}}]")
    assert [note for note in notes if note.startswith("note: mute on tiny: How it is read cannot be told")]
    assert says in notes[-1]
