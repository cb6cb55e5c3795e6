"""Whatever a plug-in does ends as one error row of its cell; the other cells are done, and the exit code tells."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path

import pytest

from robustrank.cli.main import invoke

BAD = Path(__file__).with_name("misbehaving.py")
DOCUMENTS = {
    "d1": "the ferry crosses the lake at noon",
    "d2": "rye bread is baked with flour",
    "d3": "a stone bridge over the river",
    "d4": "the lake is cold in the morning",
}
QUERIES = {"q1": "ferry on the lake", "q2": "rye flour bread"}


@pytest.fixture(scope="module")
def collection(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "qrels").mkdir()
    for name, texts in (("corpus", DOCUMENTS), ("queries", QUERIES)):
        lines = (json.dumps({"_id": key, "text": text}) for key, text in texts.items())
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n")
    return f"{{name: beir, folder: {folder}, label: tiny}}"


def run(tmp_path: Path, text: str, *options: str) -> tuple[int, list[dict[str, str]]]:
    """Run an experiment; return the exit code and the rows."""
    path = tmp_path / "e.yaml"
    path.write_text(text)
    out = tmp_path / "out"
    code = invoke(["run", str(path), "--out", str(out), "--cache", str(tmp_path / "cache"), "--no-report", *options])
    if not (out / "rows.csv").exists():
        return code, []
    with (out / "rows.csv").open(encoding="utf-8", newline="") as file:
        return code, list(csv.DictReader(file))


def attacks(cls: str, ways: list[str]) -> str:
    return "\n".join(f"  - {{name: '{BAD}:{cls}', how: {how}, label: '{cls} {how}'}}" for how in ways)


ENDS = {  # what a plug-in does -> what the row says
    "sys.exit": "left the interpreter: sys.exit(0)",
    "os._exit": "the process died while it ran this cell: exit status 0",
    "kill": "the process died while it ran this cell: signal 9 (SIGKILL)",
    "segfault": "signal 11 (SIGSEGV)",
    "fork": "forked this process, and the child went on with the run",
    "channel": "a plug-in closed its connection to the run",
    "group": "signal 15 (SIGTERM)",
    "base": "raised BaseException: bare",
    "generator": "raised GeneratorExit",
    "interrupt": "raised KeyboardInterrupt",
    "stop": "raised StopIteration: stopped",
    "memory": "raised MemoryError",
    "unprintable": "raised Unprintable, whose message cannot be printed",
    "unpicklable": "raised Unpicklable: ('holds a lock', ",
    "surrogate": "raised ValueError: half \\ud800 of a pair",
    "chdir": "raised ValueError: from another folder",
}


_DEATHS = ("os._exit", "kill", "segfault", "fork", "channel", "group")  # after each of which a process is started
_QUICK = [how for how in ENDS if how not in _DEATHS[1:]]


@pytest.mark.parametrize(
    ("workers", "ways"),
    [("1", [*_QUICK, "kill"]), *(pytest.param(workers, list(ENDS), marks=pytest.mark.slow) for workers in "12")],
)
def test_an_attack_that_leaves_or_breaks_is_one_error_row(workers, ways, collection, tmp_path, capfd):
    text = f"""
name: e
collections: [{collection}]
rankers: [bm25]
attacks:
{attacks("BadAttack", ways)}
{attacks("BadPrepare", ["sys.exit", "os._exit", "fork"])}
  - keyword-stuffing
tasks: [{{name: document-attack, targets: [last-1]}}, '{BAD}:BadTask']
"""
    code, rows = run(tmp_path, text, "--workers", workers)
    assert code == 5
    for how in ways:
        (row,) = [row for row in rows if row["attack"] == f"BadAttack {how}"]
        assert (row["measure"], row["status"], row["value"]) == ("error", "error", ""), how
        assert ENDS[how] in row["note"]
    for how in ("sys.exit", "os._exit", "fork"):
        (row,) = [row for row in rows if row["attack"] == f"BadPrepare {how}"]
        assert ENDS[how] in row["note"]
    measured = [row for row in rows if row["status"] == "ok"]
    assert sum(row["measure"] == "success" for row in measured if row["attack"] == "keyword-stuffing") > 0
    assert sum(row["measure"] == "lists" for row in measured if not row["attack"]) == len(QUERIES)
    assert f"{len(ways) + 3} cells failed" in capfd.readouterr().out


@pytest.mark.parametrize("how", [pytest.param("sys.exit", marks=pytest.mark.slow), "os._exit", "unprintable"])
def test_rankers_defenses_and_tasks_end_as_error_rows(how, collection, tmp_path):
    text = f"""
name: e
collections: [{collection}]
rankers: [bm25, {{name: '{BAD}:BadRanker', how: {how}, label: bad}}]
defenses: [none, {{name: '{BAD}:BadDefense', how: {how}, label: bad}}]
tasks:
  - {{name: '{BAD}:BadTask', label: good}}
  - {{name: '{BAD}:BadTask', how: {how}, label: bad, only: {{rankers: [bm25], defenses: [none]}}}}
"""
    code, rows = run(tmp_path, text)
    assert code == 5
    errors = {(r["task"], r["ranker"], r["defense"]) for r in rows if r["status"] == "error"}
    assert errors == {
        ("good", "bm25", "bad"),
        ("good", "bad", "none"),
        ("good", "bad", "bad"),
        ("bad", "bm25", "none"),
    }
    assert {(r["ranker"], r["defense"]) for r in rows if r["status"] == "ok"} == {("bm25", "none")}


@pytest.mark.slow
@pytest.mark.parametrize("how", ["hang", "loop"])
def test_a_cell_that_hangs_is_ended_at_its_limit(how, collection, tmp_path):
    text = f"""
name: e
collections: [{collection}]
rankers: [bm25]
attacks: [keyword-stuffing, {{name: '{BAD}:BadAttack', how: {how}, label: bad}}]
tasks: [{{name: document-attack, targets: [last-1]}}, '{BAD}:BadTask']
"""
    started = time.monotonic()
    code, rows = run(tmp_path, text, "--cell-seconds", "5")
    assert code == 5
    assert time.monotonic() - started < 60
    (row,) = [row for row in rows if row["attack"] == "bad"]
    assert "the limit of 5 s a cell is over" in row["note"]
    assert {row["attack"] for row in rows if row["status"] == "ok"} == {"keyword-stuffing", ""}


def test_what_does_not_make_its_text_is_an_error_of_its_target_alone(collection, tmp_path, capfd):
    labels = ", ".join(
        f"{{name: '{BAD}:{cls}', what: {what}, label: {cls} {what}}}"
        for cls in ("Liar", "QueryLiar")
        for what in ("text", "outside", "nothing")
    )
    text = f"""
name: e
collections: [{collection}]
rankers: [bm25]
attacks: [{labels}]
tasks: [{{name: document-attack, targets: [last-1]}}, {{name: query-attack, variants: 2}}]
"""
    code, rows = run(tmp_path, text, "--workers", "0")
    assert code == 5
    for label in (
        "Liar text",
        "Liar outside",
        "Liar nothing",
        "QueryLiar text",
        "QueryLiar outside",
        "QueryLiar nothing",
    ):
        own = [row for row in rows if row["attack"] == label]
        (error,) = [row for row in own if row["status"] == "error"]
        assert (error["query_id"], error["value"]) == ("q1", "")
        assert "handed back" in error["note"]
        assert [row for row in own if row["query_id"] == "q1"] == [error], "nothing of this target is measured"
        measure = "success" if label.startswith("Liar") else "nDCG@10"
        assert any(row["measure"] == measure and row["query_id"] == "q2" and row["value"] for row in own)
    statuses = [json.loads(path.read_text())["status"] for path in (tmp_path / "out" / "cells").glob("*/cell.json")]
    assert statuses == ["error"] * 6  # so that a resumed run does them again
    assert "6 cells failed" in capfd.readouterr().out


def test_search_state_on_self_is_each_target_s_own(collection, tmp_path):
    text = f"""
name: e
collections: [{collection}]
rankers: [bm25]
attacks: ['{BAD}:GreedyDelete']
tasks:
  - {{name: document-attack, targets: [last-3], label: together}}
  - {{name: document-attack, targets: [last-3], budget_seconds: 10000, label: one by one}}
"""
    assert run(tmp_path, text, "--workers", "0")[0] == 0
    texts = []
    for path in (tmp_path / "out" / "cells").glob("*/adversarial.jsonl"):
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        texts.append({(record["query_id"], record["doc_id"]): record["after"] for record in records})
    assert len(texts[0]) == 6
    assert texts[0] == texts[1]


@pytest.mark.parametrize("how", ["hang", pytest.param("loop", marks=pytest.mark.slow)])
def test_a_time_limit_holds_against_an_attack_that_never_asks(how, collection, tmp_path):
    text = f"""
name: e
collections: [{collection}]
rankers: [bm25]
attacks: [{{name: '{BAD}:BadAttack', how: {how}, label: bad}}]
tasks: [{{name: document-attack, targets: [last-1], queries: 1, budget_seconds: 0.5}}, '{BAD}:BadTask']
"""
    code, rows = run(tmp_path, text)
    assert code == 0
    (success,) = [
        row for row in rows if row["measure"] == "success" and (row["condition"], row["cutoff"]) == ("attacked", "")
    ]
    assert (success["status"], float(success["value"])) == ("budget_exhausted", 0.0)
    assert "the limit of 0.5 s a target is over" in success["note"]
    assert any(row["measure"] == "lists" for row in rows)


@pytest.mark.slow
def test_an_attack_that_holds_the_interpreter_costs_its_cell(collection, tmp_path):
    text = f"""
name: e
collections: [{collection}]
rankers: [bm25]
attacks: [{{name: '{BAD}:BadAttack', how: regex, label: bad}}]
tasks: [{{name: document-attack, targets: [last-1], queries: 1, budget_seconds: 0.5}}, '{BAD}:BadTask']
"""
    code, rows = run(tmp_path, text)
    assert code == 5
    (error,) = [row for row in rows if row["status"] == "error"]
    assert "does not let go of the interpreter" in error["note"]
    assert any(row["measure"] == "lists" for row in rows)


def test_a_task_that_yields_no_rows_of_ours_is_an_error(collection, tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text(
        "from dataclasses import dataclass\n"
        "from robustrank.task import Task\n"
        "from robustrank.rows import Row\n"
        "@dataclass(frozen=True)\n"
        "class Bad(Task):\n"
        "    what: str = 'number'\n"
        "    def run(self, context):\n"
        "        value = {'text': '3', 'nan': float('nan')}.get(self.what)\n"
        "        yield 3.5 if self.what == 'number' else Row('q', '', 'm', value=value)\n"
        "    def calls(self, context):\n"
        "        return 0\n"
    )
    says = {"number": "yielded a float", "text": "value is '3'", "nan": "value is nan"}
    tasks = ", ".join(f"{{name: {bad}, what: {what}, label: {what}}}" for what in says)
    code, rows = run(
        tmp_path, f"name: e\ncollections: [{collection}]\nrankers: [bm25]\ntasks: [{tasks}]\n", "--workers", "0"
    )
    assert code == 5
    assert {row["task"]: says[row["task"]] in row["note"] for row in rows} == dict.fromkeys(says, True)


PLANNING = {
    "sys.exit": ("left the interpreter", "collection"),
    "os._exit": ("a plug-in ended the process that plans the run: exit status 0", ""),
    "unprintable": ("raised Unprintable, whose message cannot be printed", "collection"),
    "base": ("raised BaseException: bare", "collection"),
}


@pytest.mark.parametrize(
    "how", [pytest.param(how, marks=[pytest.mark.slow] if how in ("unprintable", "base") else []) for how in PLANNING]
)
def test_what_breaks_the_plan_is_a_refusal(how, tmp_path, capfd):
    text = f"name: e\ncollections: ['{BAD}:BadReader:how={how}']\nrankers: [bm25]\ntasks: [iid-variance]\n"
    assert run(tmp_path, text) == (5, [])
    shown = capfd.readouterr().err
    for part in PLANNING[how]:
        assert part in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize("how", ["sys.exit", pytest.param("base", marks=pytest.mark.slow)])
def test_a_constructor_that_breaks_is_a_refusal(how, collection, tmp_path, capfd):
    text = f"""
name: e
collections: [{collection}]
rankers: [bm25]
attacks: ['{BAD}:BadConstructor:how={how}']
tasks: [document-attack]
"""
    assert run(tmp_path, text) == (5, [])
    assert ENDS[how] in capfd.readouterr().err


def test_code_that_changes_in_the_run_is_not_taken_for_the_code_that_was_planned(collection, tmp_path):
    (tmp_path / "mine.py").write_text(EDITS_ITSELF)
    text = f"""
name: e
collections: [{collection}]
rankers: [bm25]
attacks: ['{tmp_path}/mine.py:Mine:leaves=true', '{tmp_path}/mine.py']
tasks: [{{name: document-attack, targets: [last-1]}}]
"""
    code, rows = run(tmp_path, text)
    assert code == 5
    assert [row["status"] for row in rows] == ["error", "error"]
    assert "the process died" in rows[0]["note"]
    assert "changed after the run was planned" in rows[1]["note"]  # the next process imports the edited file


EDITS_ITSELF = """
import os
from dataclasses import dataclass
from robustrank.attack import Attack, Perturbation

@dataclass
class Mine(Attack):
    leaves: bool = False

    def perturb(self, target, victim, rng):
        if self.leaves:
            with open(__file__, "a") as file:
                file.write("OTHER = 1\\n")
            os._exit(1)
        return Perturbation(target.document)
"""


def test_a_time_limit_needs_a_process(collection, tmp_path, capfd):
    text = f"name: e\ncollections: [{collection}]\nrankers: [bm25]\ntasks: [iid-variance]\n"
    assert run(tmp_path, text, "--workers", "0", "--cell-seconds", "5") == (2, [])
    assert "--workers 1 or more" in capfd.readouterr().err


def test_processes_are_gone_after_a_run(collection, tmp_path):
    sleeper = tmp_path / "sleeper.py"
    sleeper.write_text(
        "import os, subprocess\n"
        "from dataclasses import dataclass\n"
        "from robustrank.attack import Attack, Perturbation\n"
        "@dataclass\n"
        "class Sleeper(Attack):\n"
        "    def perturb(self, target, victim, rng):\n"
        f"        child = subprocess.Popen(['sleep', '3600'])\n"
        f"        open({str(tmp_path / 'pids')!r}, 'a').write(f'{{os.getpid()}} {{child.pid}} ')\n"
        "        return Perturbation(target.document)\n"
    )
    text = f"""
name: e
collections: [{collection}]
rankers: [bm25]
attacks: [{sleeper}]
tasks: [{{name: document-attack, targets: [last-1]}}]
"""
    code, _ = run(tmp_path, text)
    assert code == 0
    deadline = time.monotonic() + 10
    for pid in (tmp_path / "pids").read_text().split():
        while _runs(pid):
            assert time.monotonic() < deadline, f"process {pid} is left"
            time.sleep(0.05)


def _runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
