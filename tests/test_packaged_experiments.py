"""Experiments by name: those of the folder experiments/, wherever robustrank is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from robustrank.cli.main import invoke
from robustrank.experiment import load
from robustrank.packaged_experiments import packaged_experiments

ROOT = Path(__file__).parents[1]


def test_every_experiment_file_has_its_name_and_is_valid():
    names = [path.stem for path in (ROOT / "experiments").glob("*.yaml")]
    assert sorted(names) == list(packaged_experiments())
    for name in names:
        assert load(Path(name)).name == name
        assert load(Path(name)).description


def test_a_file_of_that_name_is_the_one_that_is_meant(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("quickstart").mkdir()  # a folder is no experiment file
    assert load(Path("quickstart")).name == "quickstart"
    Path("cranfield").write_text("name: mine\ncollections: [lee]\nrankers: [bm25]\ntasks: [iid-variance]\n")
    assert load(Path("cranfield")).name == "mine"


@pytest.mark.parametrize("given", ["quickstat", "quickstart.yaml", "folder/quickstart"])
def test_what_is_neither_a_file_nor_a_name_is_refused_with_the_names(given, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert invoke(["run", given]) == 3
    said = capsys.readouterr().err
    assert "not found" in said
    assert "quickstart, scifact-edits-read" in said


def test_the_experiments_are_listed_by_name_with_a_description(capsys):
    assert invoke(["list", "experiments", "--names"]) == 0
    assert capsys.readouterr().out.split() == list(packaged_experiments())
    assert invoke(["list", "experiments"]) == 0
    assert "Lee news corpus" in capsys.readouterr().out
