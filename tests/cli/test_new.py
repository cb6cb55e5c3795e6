"""``robustrank new``: what it writes works wherever it is moved, and names that would not work are refused."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from robustrank.analysis.load import load_rows
from robustrank.cli.main import invoke
from robustrank.plugins import KINDS
from tests.tiny_collection import write_tiny


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with a plug-in of each kind, moved from where it was written, beside a tiny collection."""
    folder = tmp_path_factory.mktemp("new")
    for kind in KINDS:
        assert invoke(["new", kind, f"my-{kind}", "--folder", str(folder / "first")]) == 0
    shutil.move(folder / "first", folder / "moved")
    write_tiny(folder / "tiny")
    return folder


def test_its_test_passes_in_another_folder(written):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(written / "moved")]
    tested = subprocess.run(command, cwd=written, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout
    assert " passed" in tested.stdout.splitlines()[-1]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_short_and_described(written, kind, capsys):
    file = written / "moved" / f"my_{kind}.py"
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 40
    assert "Mine" not in text
    assert invoke(["describe", kind, str(file)]) == 0
    assert "default" in capsys.readouterr().out


def test_plugins_of_all_kinds_run_by_path_in_one_experiment(written, monkeypatch):
    monkeypatch.chdir(written / "moved")
    Path("exp.yaml").write_text("""
name: all
collections: ["my_collection.py:retriever=my_retriever.py"]
rankers: [my_ranker.py]
defenses: [none, my_defense.py]
attacks: [my_attack.py]
tasks: [my_task.py, "document-attack:targets=[last-2]"]
""")
    assert invoke(["run", "exp.yaml", "--workers", "0", "--out", "run", "--cache", "cache", "--no-report"]) == 0
    rows = load_rows(written / "moved" / "run")
    assert set(rows["status"]) <= {"ok", "failed"}
    assert {"overlap@10", "success"} <= set(rows["measure"])
    assert set(rows["defense"]) == {"none", "my_defense.py"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_command_it_shows_runs_it_by_path(written, kind, capsys, monkeypatch, tmp_path):
    folder = tmp_path / "with space"
    assert invoke(["new", kind, f"my-{kind}", "--folder", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    (shown,) = (line for line in lines if "robustrank evaluate" in line)
    words = shlex.split(shown.partition("robustrank ")[2])
    tiny = f"beir:folder={written / 'tiny'}"  # in the place of lee
    words = [word.replace("lee:", f"{tiny},") if "lee:" in word else tiny if word == "lee" else word for word in words]
    words = [word.replace("targets=11-20", "targets=[last-2]") for word in words]
    monkeypatch.chdir(tmp_path)
    assert invoke([*words, "--workers", "0", "--out", "run", "--cache", "cache", "--quiet"]) == 0
    rows = load_rows(tmp_path / "run")
    assert len(rows) > 0
    assert f"my_{kind}.py" in (tmp_path / "run" / "experiment.yaml").read_text()


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("attack", "Mine", "is not a valid plug-in name"),
        ("attack", "my--attack", "is not a valid plug-in name"),
        ("attack", "test-attack", "is not a valid plug-in name"),
        ("attack", "none", "is not a valid plug-in name"),  # class None
        ("attack", "hotflip", "attack 'hotflip' exists already, from robustrank"),
        ("ranker", "numpy", "would hide the module 'numpy'"),
        ("attack", "perturbation", "the class Perturbation would hide"),
        ("attack", "taken", "exists already"),
        ("thing", "mine", "is not a kind of plug-in"),
    ],
)
def test_a_name_that_would_not_work_is_refused(kind, name, says, tmp_path, capsys):
    (tmp_path / "test_taken.py").write_text("")
    assert invoke(["new", kind, name, "--folder", str(tmp_path)]) == 2
    assert says in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["test_taken.py"]
