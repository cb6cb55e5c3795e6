"""Whatever happens to a finished file, the next run gives the same rows and says what was wrong, or refuses."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from robustrank.cli.main import invoke
from tests.damages import DAMAGES
from tests.tiny_collection import write_experiment, write_tiny

pytest.importorskip("sklearn")

EXPERIMENT = """
rankers: [bm25, {name: rank-svm, label: rank-svm, train: {folds: 3}}]
attacks: [keyword-stuffing]
defenses: [none, {name: canonical, label: canonical, table: TABLE}]
tasks:
  - {name: iid-variance, only: {defenses: [none]}}
  - {name: document-attack, targets: [last-2], only: {defenses: [none], rankers: [bm25]}}
  - {name: certified-topk, ks: [1], only: {rankers: [bm25], defenses: [canonical]}}
"""
FEWER = "rankers: [bm25]\ntasks: [iid-variance]\n"  # a plan without most of the cells
OF_A_RUN = ["experiment.yaml", "provenance.json", "cells.jsonl", "rows.csv", "manifest.json"]
OF_A_CELL = [
    "cells/*/rows.jsonl",
    "cells/*/cell.json",
    "cells/*/provenance.json",
    "cells/*/manifest.json",
    "cells/*/adversarial.jsonl",
    "cells/*/certificates.jsonl",
    "cells/*/runs/*.trec",
]
REPLAY = """
rankers: [bm25]
attacks: [{name: replay, path: RUN}]
tasks: [{name: document-attack, targets: [last-2]}]
"""
OF_WEIGHTS = ["models/*/rank_svm.json", "models/*/card.json", "models/*/manifest.json"]


@pytest.fixture(autouse=True)
def _no_hang_and_no_line_breaks(monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    signal.alarm(60)
    yield
    signal.alarm(0)


class Workspace:
    """An experiment with its run folder and cache."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out, self.cache = folder, folder / "out", folder / "cache"

    def run(self, experiment: str = "exp.yaml", out: str = "out") -> int:
        return invoke(["run", *self.options(experiment, out), "--no-report", "--workers", "0"])

    def options(self, experiment: str, out: str) -> list[str]:
        return [str(self.folder / experiment), "--out", str(self.folder / out), "--cache", str(self.cache)]

    def rows(self, out: str = "out") -> bytes:
        return (self.folder / out / "rows.csv").read_bytes()


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Workspace:
    folder = tmp_path_factory.mktemp("finished")
    write_tiny(folder / "tiny")
    (folder / "table.tsv").write_text("# {}\nrye\twheat\nwheat\trye\n")
    write_experiment(folder / "exp.yaml", folder / "tiny", EXPERIMENT.replace("TABLE", str(folder / "table.tsv")))
    write_experiment(folder / "fewer.yaml", folder / "tiny", FEWER)
    workspace = Workspace(folder)
    assert workspace.run() == 0
    return workspace


@pytest.fixture
def workspace(finished, tmp_path) -> Workspace:
    """A copy to damage; the experiment names the collection of the original."""
    shutil.copytree(finished.folder, tmp_path / "copy")
    return Workspace(tmp_path / "copy")


def first(folder: Path, pattern: str) -> Path:
    return next(iter(sorted(folder.glob(pattern))))


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", OF_A_CELL)
def test_a_damaged_cell_is_done_again_and_named(finished, workspace, name, damage, capsys):
    file = first(workspace.out, name)
    DAMAGES[damage](file)
    assert workspace.run() == 0
    assert workspace.rows() == finished.rows()
    said = capsys.readouterr().out
    assert f"{file.relative_to(workspace.out / 'cells')}: " in said
    assert "6 cells: 1 to do, 5 done before" in said


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", OF_A_RUN)
def test_a_damaged_file_of_the_run_is_written_anew(finished, workspace, name, damage, capsys):
    DAMAGES[damage](workspace.out / name)
    assert workspace.run() == 0
    assert "0 to do" in capsys.readouterr().out
    for name_in_run in OF_A_RUN:
        assert (workspace.out / name_in_run).read_bytes() == (finished.out / name_in_run).read_bytes(), name_in_run


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", OF_WEIGHTS)
def test_damaged_weights_are_trained_again(finished, workspace, name, damage, capsys):
    file = first(workspace.cache, name)
    DAMAGES[damage](file)
    shutil.rmtree(workspace.cache / "scores")
    assert workspace.run(out="again") == 0
    assert workspace.rows("again") == finished.rows()
    said = capsys.readouterr().out
    assert f"{file.relative_to(workspace.cache)}: " in said
    assert "trained again" in said


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_score_cache_is_begun_anew(finished, workspace, damage, capsys):
    DAMAGES[damage](workspace.cache / "scores" / "scores.sqlite")
    assert workspace.run(out="again") == 0
    assert workspace.rows("again") == finished.rows()
    if damage not in ("one bit changed", "emptied", "deleted"):  # which is half unused, or an empty cache
        assert "scores.sqlite.damaged-1" in capsys.readouterr().out


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", OF_A_CELL[:4])
def test_a_cell_that_was_damaged_in_retirement_is_done_again(finished, workspace, name, damage, capsys):
    assert workspace.run("fewer.yaml") == 0
    file = first(workspace.out / "retired", name.removeprefix("cells/"))
    DAMAGES[damage](file)
    assert workspace.run() == 0
    assert workspace.rows() == finished.rows()
    assert "run again" in capsys.readouterr().out


READERS = [
    ("rows.csv", "compare"),
    ("cells.jsonl", "compare"),
    ("manifest.json", "compare"),
    ("experiment.yaml", "report"),
    ("rows.csv", "report"),
    ("cells/*/certificates.jsonl", "verify"),
    ("cells/*/manifest.json", "verify"),
    ("cells/*/adversarial.jsonl", "replay"),
    ("cells/*/cell.json", "replay"),
]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(("name", "command"), READERS)
def test_whoever_reads_a_damaged_run_folder_is_told_the_file(finished, workspace, name, command, damage, capsys):
    file = first(workspace.out, name)
    DAMAGES[damage](file)
    if command == "replay":
        text = REPLAY.replace("RUN", f"'{workspace.out}'")
        write_experiment(workspace.folder / "replay.yaml", finished.folder / "tiny", text)
        status = workspace.run("replay.yaml", "replayed")
    else:
        status = invoke([command, str(workspace.out), *([str(finished.out)] if command == "compare" else [])])
    shown = "".join(capsys.readouterr())
    assert status == 4, shown
    assert file.name in shown
    assert len(shown.splitlines()) < 24
