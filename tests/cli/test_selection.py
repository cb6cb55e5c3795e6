"""``run --only``, ``--set``, ``--limit``: a part of a plan is run, the rest stays planned, and both are said."""

from __future__ import annotations

import json

import pytest
import yaml

from robustrank.cli.main import invoke
from robustrank.engine.cell import Cell
from robustrank.engine.selection import Selection
from robustrank.errors import UsageError
from robustrank.plugins.specification import Spec

EXPERIMENT = """
name: t
collections: [lee]
rankers: [bm25, {name: query-likelihood, label: "ql,tuned"}]
attacks: [{name: keyword-stuffing, sweep: {repeats: [1, 2]}}]
tasks:
  - {name: iid-variance, queries: 4}
  - {name: document-attack, queries: 2, targets: [last-1]}
"""


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "e.yaml").write_text(EXPERIMENT)

    def call(*options: str) -> tuple[int, str]:
        code = invoke(["run", "e.yaml", "--out", "out", "--cache", "cache", "--workers", "0", "--no-report", *options])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return call


def statuses(tmp_path) -> dict[str, str]:
    cells = map(json.loads, (tmp_path / "out" / "cells.jsonl").read_text().splitlines())
    return {" ".join(c[a]["label"] for a in ("task", "ranker", "attack") if c[a]): c["status"] for c in cells}


def test_a_selection_leaves_the_other_cells_planned_and_keeps_them(run, tmp_path):
    code, shown = run("--only", "task=iid-variance,ranker=ql,tuned", "--limit", "2", "--set", "rankers.bm25.k1=0.7")
    assert code == 0, shown
    assert "1 cell: 1 to do" in shown
    sentence = "--only task=iid-variance,ranker=ql,tuned: 1 of 6 cells of the plan are run, the other 5 not"
    notes = (tmp_path / "out" / "notes.txt").read_text()
    for said in (sentence, "--limit 2: at most 2 queries of each collection", "--set rankers.bm25.k1=0.7"):
        assert f"note: {said}" in shown
        assert said in notes
    assert list(statuses(tmp_path).values()).count("planned") == 5
    assert "5 of 6 cells of the plan have no result" in shown.splitlines()[-1]
    kept = yaml.safe_load((tmp_path / "out" / "experiment.yaml").read_text())
    assert kept["tasks"][0]["queries"] == 2
    assert kept["tasks"][1]["queries"] == 2
    assert kept["rankers"][0] == {"name": "bm25", "k1": 0.7}
    assert len((tmp_path / "out" / "rows.csv").read_text().splitlines()) == 1 + 2 * 3
    options = ["--only", "ranker=bm25", "--limit", "2", "--set", "rankers.bm25.k1=0.7"]
    code, shown = run("--only", "attack=keyword-stuffing:repeats=2", *options)
    assert code == 0, shown
    done = {cell for cell, status in statuses(tmp_path).items() if status == "done"}
    assert done == {
        "iid-variance:queries=2 ql,tuned",
        'document-attack:queries=2,targets=["last-1"] bm25:k1=0.7 keyword-stuffing:repeats=2',
    }, statuses(tmp_path)


ATTACKS = [Spec("stuffing", {"n": n}, f"mine:n={n}") for n in (1, 2)]  # a sweep with a label
CELLS = [
    Cell(Spec(task), Spec("lee"), ranker, Spec("none"), attack, 0)
    for task, attacks in (
        ("iid-variance", [None]),
        ("document-attack", [Spec("stuffing", {"n": n}, f"mine:n={n}") for n in (1, 2)]),
    )
    for ranker in (Spec("bm25"), Spec("query-likelihood", label="ql,tuned"))
    for attack in attacks
]


@pytest.mark.parametrize(
    ("only", "count"),
    [
        (["ranker=bm25"], 3),
        (["ranker=ql,tuned"], 3),
        (["ranker=query-likelihood,task=iid-variance"], 1),
        (["attack=stuffing"], 4),
        (["attack=mine"], 4),
        (["attack=mine:n=2,ranker=bm25,ranker=ql,tuned"], 2),
        (["task=document-attack", "seed=0"], 4),
    ],
)
def test_what_is_selected(only, count):
    assert len(Selection.parse(only).of(CELLS)) == count


@pytest.mark.parametrize(
    ("only", "says"),
    [
        ("attack=stufing", "no cell has the attack 'stufing'\n  allowed: mine:n=1, stuffing, mine:n=2"),
        ("ranker=bm52", "did you mean 'bm25'"),
        ("rankr=bm25", "'rankr=bm25' selects nothing"),
        ("seed=1", "allowed: 0"),
        (
            "task=iid-variance,attack=stuffing",
            "no cell has all of these\n  allowed: task: iid-variance, document-attack; ",
        ),
    ],
)
def test_a_selection_of_nothing_is_refused_with_what_there_is(only, says):
    with pytest.raises(UsageError) as caught:
        Selection.parse([only]).of(CELLS)
    assert says in str(caught.value)


def test_options_are_read_from_the_environment_and_the_command_line_wins(run, monkeypatch):
    monkeypatch.setenv("ROBUSTRANK_RUN_ONLY", "task=iid-variance ranker=bm25")
    monkeypatch.setenv("ROBUSTRANK_RUN_DRY_RUN", "1")
    assert "1 cell: 1 to run" in run()[1]
    assert "2 cells: 2 to run" in run("--only", "task=iid-variance")[1]
    assert run("--only", "task=iid")[0] == 2
