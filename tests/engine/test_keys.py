"""What makes a cell stale: edits of what its rows come from, and nothing else. Keys are those of a copy of the tree."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import robustrank
from robustrank import attacks, defenses, tasks
from robustrank.cli.main import invoke
from robustrank.engine.cell import plan
from robustrank.engine.resources import Resources
from robustrank.engine.worker import run_cell
from robustrank.errors import ExperimentError
from robustrank.experiment import check, load
from robustrank.plugins.identity import refresh

EXPERIMENT = """
name: keys
collections: [{name: beir, folder: FOLDER, label: toy}]
rankers: [bm25, rm3]
defenses: [none, spamicity-filter]
attacks: [keyword-stuffing, greedy-substitution, truncation, character-typos]
tasks: [iid-variance, {name: document-attack, targets: [last-1]}, {name: query-attack, variants: 1}]
"""
# A line of a file, what becomes of it, and the cells (by task, ranker, defense and attack) that are stale then.
EDITS = {
    "a report": ("robustrank/report/numbers.py", "\n\nCHANGED = 1\n", lambda *cell: False),
    "a command": ("robustrank/cli/list_command.py", "\n\nCHANGED = 1\n", lambda *cell: False),
    "a comment": ("robustrank/attacks/truncation.py", "\n# changed\n", lambda *cell: False),
    "a docstring": ("robustrank/victim.py", '\n"""Changed."""\n', lambda *cell: False),
    "another attack": ("robustrank/attacks/hotflip.py", "\n\nCHANGED = 1\n", lambda *cell: False),
    "another ranker": ("robustrank/rankers/transformer/cross_encoder.py", "\n\nCHANGED = 1\n", lambda *cell: False),
    "an attack": ("robustrank/attacks/truncation.py", "\n\nCHANGED = 1\n", lambda t, r, d, a: a == "truncation"),
    "a helper of an attack": (
        "robustrank/attacks/parts/insertion.py",
        "\n\nCHANGED = 1\n",
        lambda t, r, d, a: a == "keyword-stuffing",
    ),
    "a control": (
        "robustrank/attacks/random_edit.py",
        "\n\nCHANGED = 1\n",
        lambda t, r, d, a: a == "greedy-substitution",
    ),
    "a ranker": ("robustrank/rankers/rm3.py", "\n\nCHANGED = 1\n", lambda t, r, d, a: r == "rm3"),
    "a defense": ("robustrank/defenses/spamicity_filter.py", "\n\nCHANGED = 1\n", lambda t, r, d, a: d != "none"),
    "a helper of a defense": (
        "robustrank/defenses/parts/filtering.py",
        "\n\nCHANGED = 1\n",
        lambda t, r, d, a: d != "none",
    ),
    "a task": ("robustrank/tasks/query_attack.py", "\n\nCHANGED = 1\n", lambda t, r, d, a: t == "query-attack"),
    "the victim": ("robustrank/victim.py", "\n\nCHANGED = 1\n", lambda t, r, d, a: True),
    "the engine": ("robustrank/engine/worker.py", "\n\nCHANGED = 1\n", lambda *cell: True),
    # of the substitution table that greedy substitution and its control draw from
    "a data file": (
        "robustrank/text/data/antonyms.txt",
        "\nchanged | same\n",
        lambda t, r, d, a: a == "greedy-substitution",
    ),
}
KEYS = """
import json, sys
from pathlib import Path
from robustrank.engine.cell import plan
from robustrank.engine.resources import Resources
from robustrank.engine.worker import run_cell
from robustrank.experiment import load
from robustrank.plugins import source_code
import robustrank

def keys():
    source_code._loaded.clear()  # as a new process: it reads the files as they are now
    experiment = load(Path(sys.argv[1]))
    resources = Resources(experiment, Path(sys.argv[2]))
    cells = plan(experiment, resources)
    return {json.dumps([c.task.name, c.ranker.name, c.defense.name, c.attack and c.attack.name]): c.key for c in cells}

root = Path.cwd()
assert Path(robustrank.__file__).parents[1] == root
answers = {"": keys()}
for name, (path, text) in json.loads(sys.argv[3]).items():
    before = (root / path).read_text(encoding="utf-8")
    (root / path).write_text(before + text, encoding="utf-8")
    answers[name] = keys()
    (root / path).write_text(before, encoding="utf-8")
print(json.dumps(answers))
"""


def toy(folder: Path) -> Path:
    """Write a collection of four documents."""
    (folder / "qrels").mkdir(parents=True)
    texts = {"d1": "wings lift the aircraft", "d2": "rye bread and flour", "d3": "a ferry on the lake", "d4": "stone"}
    records = [json.dumps({"_id": doc_id, "title": "", "text": text}) for doc_id, text in texts.items()]
    (folder / "corpus.jsonl").write_text("\n".join(records) + "\n")
    queries = {"q1": "aircraft wings", "q2": "bread flour", "q3": "ferry lake"}
    (folder / "queries.jsonl").write_text("".join(json.dumps({"_id": q, "text": t}) + "\n" for q, t in queries.items()))
    lines = [f"q{n}\td{n}\t1" for n in (1, 2, 3)]
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def experiment(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    path = folder / "keys.yaml"
    path.write_text(EXPERIMENT.replace("FOLDER", str(toy(folder / "toy"))))
    return path


@pytest.fixture(scope="module")
def keys(experiment, tmp_path_factory) -> dict[str, dict[str, str]]:
    """Return the keys by edit, of a copy of the tree that is laid out as in a wheel."""
    copy = tmp_path_factory.mktemp("wheel")
    for package in (robustrank, attacks, defenses, tasks):
        folder = copy / package.__name__.replace(".", "/")
        shutil.copytree(Path(package.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    edits = json.dumps({name: edit[:2] for name, edit in EDITS.items()})
    command = [sys.executable, "-c", KEYS, str(experiment), str(copy / "cache"), edits]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=copy, env=environment, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_changes_the_keys_of_the_cells_that_depend_on_it(keys, edit):
    before, after = keys[""], keys[edit]
    stale = EDITS[edit][2]
    assert {name for name in before if before[name] != after[name]} == {
        name for name in before if stale(*json.loads(name))
    }


def test_each_seed_and_each_fold_is_a_cell_of_its_own(tmp_path):
    raw = {"name": "x", "collections": [{"name": "beir", "folder": str(toy(tmp_path / "toy")), "label": "toy"}]}
    ranker = {"name": "knrm", "train": {"folds": 3}}
    checked = check({**raw, "rankers": ["bm25", ranker], "seeds": [0, 1], "tasks": ["iid-variance"]}, "test")
    cells = plan(checked, Resources(checked, tmp_path))
    assert len({cell.key for cell in cells}) == len(cells) == 2 + 2 * 3


def test_a_wheel_has_the_keys_of_an_editable_install(keys, experiment, tmp_path):
    checked = load(experiment)
    cells = plan(checked, Resources(checked, tmp_path))
    assert sorted(cell.key for cell in cells) == sorted(keys[""].values())
    assert len({cell.key for cell in cells}) == len(cells) == 20


LABELS = """
name: renamed
collections: [{name: beir, folder: FOLDER, label: games}]
rankers: [{name: bm25, label: lexical, k1: 0.9}]
defenses: [{name: none, label: undefended}, {name: spamicity-filter, label: filtered}]
attacks: [{name: truncation, label: cut}]
tasks: [{name: document-attack, targets: [last-1], label: attacks}]
"""
PLAIN = """
name: plain
collections: [{name: beir, folder: FOLDER, label: toy}]
rankers: [bm25]
defenses: [none, spamicity-filter]
attacks: [truncation]
tasks: [{name: document-attack, targets: [last-1]}]
"""


ATTACK = """
from dataclasses import dataclass
from robustrank.attack import Attack
from robustrank.records import Perturbation

@dataclass
class Keeps(Attack):
    def perturb(self, target, victim, rng):
        return Perturbation(target.document)
"""


def test_a_cell_that_changed_after_the_plan_was_made_is_not_run_under_its_old_key(tmp_path):
    plugin = tmp_path / "keeps.py"
    plugin.write_text(ATTACK)
    raw = {"name": "x", "collections": [{"name": "beir", "folder": str(toy(tmp_path / "toy")), "label": "toy"}]}
    raw |= {
        "rankers": ["bm25"],
        "attacks": [str(plugin)],
        "tasks": [{"name": "document-attack", "targets": ["last-1"]}],
    }
    checked = check(raw, "test")
    (cell,) = plan(checked, Resources(checked, tmp_path))
    assert run_cell(cell, Resources(checked, tmp_path)).status == "done"
    plugin.write_text(ATTACK.replace("target.document)", "target.document.upper())"))
    refresh()  # as a worker process that begins now
    result = run_cell(cell, Resources(checked, tmp_path))
    assert result.status == "error"
    assert "changed after the run was planned: attack" in result.rows[0].note


def test_a_relabelled_experiment_runs_no_cell_again(tmp_path, capsys):
    folder = toy(tmp_path / "toy")
    shutil.copytree(folder, tmp_path / "moved")
    options = ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), "--no-report", "--workers", "0"]
    path = tmp_path / "e.yaml"
    path.write_text(PLAIN.replace("FOLDER", str(folder)))
    assert invoke(["run", str(path), *options]) == 0
    assert "2 to do" in capsys.readouterr().out
    path.write_text(LABELS.replace("FOLDER", str(tmp_path / "moved")))
    assert invoke(["run", str(path), *options]) == 0
    assert "0 to do, 2 done before" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"tasks": ["iid-variance", "iid-variance"]}, "tasks: duplicate 'iid-variance'"),
        ({"tasks": ["iid-variance", {"name": "iid-variance", "label": "again"}]}, "'iid-variance' and 'again'"),
        ({"rankers": ["bm25", {"name": "bm25", "k1": 0.9}]}, "rankers: 'bm25' and 'bm25:k1=0.9'"),
    ],
)
def test_a_cell_that_is_in_the_plan_twice_is_refused(entries, says, tmp_path):
    folder = toy(tmp_path / "toy")
    raw = {"name": "x", "collections": [{"name": "beir", "folder": str(folder), "label": "toy"}], "rankers": ["bm25"]}
    experiment = check({"tasks": ["iid-variance"], **raw, **entries}, "test")
    with pytest.raises(ExperimentError, match=says):
        plan(experiment, Resources(experiment, tmp_path))


def test_a_repeated_key_of_the_file_is_refused_with_its_line(tmp_path):
    path = tmp_path / "e.yaml"
    path.write_text("name: x\ncollections: [lee]\nrankers: [bm25]\ntasks: [iid-variance]\nrankers: [rm3]\n")
    with pytest.raises(ExperimentError, match=r"duplicate key 'rankers'[^$]*line 5"):
        load(path)
