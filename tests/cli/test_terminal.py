"""What a run shows: 20 lines at 80 columns, no bars in a pipe, notes once, and nothing but errors where quiet."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from robustrank.cli import progress
from robustrank.cli.main import invoke
from robustrank.cli.progress import NOTES, RunProgress, clock
from robustrank.engine.cell import Cell
from robustrank.engine.cell_result import CellResult
from robustrank.engine.estimate import Timings
from robustrank.plugins.specification import Spec

EXPERIMENT = """
name: t
collections: [lee]
rankers: [bm25, query-likelihood]
attacks: [character-typos, {name: keyword-stuffing, sweep: {repeats: [1, 2]}}]
tasks:
  - {name: iid-variance, queries: 4}
  - {name: query-attack, queries: 3, variants: 1}
  - {name: document-attack, queries: 2, targets: [last-1]}
"""
BROKEN = "name: t\ncollections: [lee]\nrankers: [bm25]\ntasks: [{name: iid-variance, queries: 2}, './task.py:Broken']\n"
TASK = """
from dataclasses import dataclass
from robustrank.notices import notice
from robustrank.task import Task

@dataclass(frozen=True)
class Broken(Task):
    def run(self, context):
        for number in range(12):
            notice(f"remark {number}")
        raise RuntimeError("out of ideas")
        yield

    def calls(self, context):
        return 0
"""


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Runs an experiment; returns exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "task.py").write_text(TASK)

    def call(text: str, *options: str) -> tuple[int, str, str]:
        (tmp_path / "e.yaml").write_text(text)
        code = invoke(["run", "e.yaml", "--out", "out", "--cache", "cache", "--workers", "0", *options])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.mark.slow
def test_a_run_ends_in_20_lines_of_80_columns_and_report_shows_the_same(run, capsys):
    code, out, err = run(EXPERIMENT)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    finished = [line for line in lines if line.startswith("done ")]
    assert len(finished) == 8
    assert all(re.search(r"seed 0  [\d.]+ s  \S+( \w+)? -?\d*\.\d\d$", line) for line in finished), finished
    assert any(re.search(r"  success attacked (1\.00|\.\d\d)$", line) for line in finished)
    last = max(i for i, line in enumerate(lines) if line.startswith(("done", "note")))
    summary = lines[last + 1 :]
    assert len(summary) <= 20
    assert max(map(len, summary)) <= 80
    assert "…" not in "".join(summary)
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", out)
    assert "━" not in out, "a pipe has no bars"
    assert invoke(["report", "out"]) == 0
    assert capsys.readouterr().out.splitlines() == summary[:-1]
    assert invoke(["report", "out", "--full"]) == 0
    full = capsys.readouterr().out
    assert "Cost of the attacks on documents" in " ".join(full.split())
    assert invoke(["report", "out", "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines() == summary[-2:-1]
    assert invoke(["report", "out", "--quiet", "--full"]) == 2


@pytest.mark.slow
def test_a_quiet_run_has_one_line(run):
    code, out, err = run(EXPERIMENT, "--quiet")
    assert (code, err) == (0, "")
    (line,) = out.splitlines()
    assert line.endswith("rows of 8 cells in out (8 done now)")


@pytest.mark.parametrize("quiet", [False, True])
def test_failures_are_told_and_notes_once_up_to_a_number(run, tmp_path, quiet):
    code, out, _ = run(BROKEN, *["--quiet"] * quiet)
    assert code == 5
    assert out.count("out of ideas") == 1
    assert "1 failed)" in out.splitlines()[-1]
    notes = re.findall("^note: (.*)$", out, re.MULTILINE)
    kept = (tmp_path / "out" / "notes.txt").read_text().splitlines()
    assert {f"remark {i}" for i in range(12)} < set(kept)
    assert notes == ([] if quiet else kept[:NOTES])
    assert (f"and {len(kept) - NOTES} more notes in notes.txt" in out) is not quiet
    run(BROKEN)
    again = (tmp_path / "out" / "notes.txt").read_text().splitlines()
    assert sorted(again) == sorted(kept), "each once, however often the run is resumed"


def test_no_color_holds_on_a_terminal(run, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    _, out, _ = run(BROKEN)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", out)


def cell(ranker: str, attack: str | None = None) -> Cell:
    name = f"{ranker} {attack}"
    return Cell(Spec("t"), Spec("lee"), Spec(ranker), Spec("none"), Spec(attack) if attack else None, 0, key=name)


def done(of: Cell, seconds: float) -> CellResult:
    return CellResult(of, "done", [], {"seconds": seconds}, {})


def test_the_time_left_is_told_by_the_cells_that_are_most_alike(monkeypatch):
    timings = Timings()
    assert timings.total([(cell("bm25"), 100)]) is None
    timings.add(cell("bm25"), 100, 1.0)
    timings.add(cell("minilm"), 100, 50.0)
    timings.add(cell("minilm", "unbounded"), None, 7.0)
    assert timings.seconds(cell("bm25"), 300) == 3.0
    assert timings.seconds(cell("minilm"), 300) == 150.0
    assert timings.seconds(cell("minilm", "unbounded"), None) == 7.0
    assert timings.seconds(cell("bm25", "unbounded"), None) == 1.0, "the ranker decides more than the attack"
    assert timings.total([(cell("bm25"), 300), (cell("minilm"), 300)]) == 153.0
    assert clock(3725.4) == "1:02:05"


def test_bars_tell_cells_and_the_cell_in_work_and_are_erased(monkeypatch):
    monkeypatch.setattr(progress.time, "monotonic", lambda: 5.0)
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    todo = [cell("bm25"), cell("minilm"), cell("ql")]
    with RunProgress(console, workers=2) as told:
        told.planned([*todo, cell("done")], todo, 0, {one.key: 60 for one in todo})
        told.finished(done(todo[0], 30.0))
        for unit in ("pairs", "model inputs", "queries", "targets"):
            told.advanced(5, 20, unit)
        told.advanced(6, 20, "model inputs")
        cells, *inner = told._bars.tasks
        assert (cells.total, cells.completed, cells.fields["left"]) == (3, 1, "ETA 0:00:30")
        assert {bar.description.strip(): bar.completed for bar in inner} == {
            "model inputs": 6,
            "queries": 5,
            "targets": 5,
        }
        told.finished(done(todo[1], 90.0))
        assert len(told._bars.tasks) == 1
        assert told._bars.tasks[0].fields["left"] == "ETA 0:00:30"
    assert "\x1b[2K" in console.file.getvalue()


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, ".50"), (1.0, "1.00"), (-0.25, "-.25"), (10.05, "10.05"), (0.999, "1.00"), (0.0, ".00")]
)
def test_figures_of_finished_lines(value, text):
    assert progress._figure(value) == text
