"""The command line: fast start, errors on a screen, exit codes by cause."""

from __future__ import annotations

import subprocess
import sys

import pytest

from robustrank.cli.main import invoke

HEAVY = (
    "torch",
    "transformers",
    "textattack",
    "sentence_transformers",
    "pandas",
    "matplotlib",
    "socket_opened",
)

EXPERIMENT = "name: t\ncollections: [lee]\nrankers: [bm25]\ntasks: [iid-variance]\n"


@pytest.mark.parametrize("args", [["--help"], ["list"], ["describe", "attack", "word-substitution"]])
def test_a_light_command_imports_nothing_heavy(args):
    code = (
        "import sys\nfrom robustrank.cli.main import invoke\n"
        f"code = invoke({args!r})\n"
        f"print('HEAVY', [m for m in {HEAVY!r} if m in sys.modules])\nsys.exit(code)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert "HEAVY []" in process.stdout


BAD = {
    "broken YAML": ("name: [", 3, "YAML"),
    "not a mapping": ("- a", 3, "mapping"),
    "empty file": ("", 3, "mapping"),
    "unknown key": (EXPERIMENT + "seed: [1]\n", 3, "unknown key `seed`, did you mean 'seeds'?"),
    "no rankers": ("name: t\ncollections: [lee]\ntasks: [iid-variance]\n", 3, "required key `rankers` is missing"),
    "wrong type": (
        EXPERIMENT.replace("[bm25]", "3"),
        3,
        "rankers.0: expected a name, name:key=value,…, or a mapping with `name`, not 3",
    ),
    "seeds are words": (EXPERIMENT + "seeds: [one]\n", 3, "`seeds.0` must be an integer, not 'one'"),
    "bad name": (EXPERIMENT.replace("name: t", "name: a/b"), 3, "not 'a/b'"),
    "unknown ranker": (EXPERIMENT.replace("bm25", "bm26"), 2, "bm25"),
    "unknown task": (EXPERIMENT.replace("iid-variance", "iid"), 2, "iid-variance"),
    "unknown collection": (EXPERIMENT.replace("lee", "leee"), 2, "lee"),
    "unknown parameter": (EXPERIMENT.replace("bm25", "'bm25:k=1'"), 2, "k1"),
    "parameter of the wrong type": (EXPERIMENT.replace("bm25", "'bm25:k1=high'"), 2, "number"),
    "the same ranker twice": (EXPERIMENT.replace("bm25", "bm25, bm25"), 3, "duplicate label bm25"),
    "unknown key of only": (
        EXPERIMENT.replace("[iid-variance]", "[{name: iid-variance, only: {ranker: [bm25]}}]"),
        3,
        "unknown key `tasks.0.only.ranker`, did you mean 'rankers'?",
    ),
    "empty list": (EXPERIMENT.replace("[bm25]", "[]"), 3, "`rankers` is empty; at least 1 is needed"),
    "an entry without a name": (
        EXPERIMENT.replace("[bm25]", "[{k1: 1}]"),
        3,
        "rankers.0: required key `name` is missing",
    ),
    "only names nothing": (
        EXPERIMENT.replace("[iid-variance]", "[{name: iid-variance, only: {rankers: [x]}}]"),
        3,
        "bm25",
    ),
    "baseline names nothing": (EXPERIMENT + "report: {baseline: bm26}\n", 3, "not one of: bm25; did you mean 'bm25'?"),
    "a missing model": (
        EXPERIMENT.replace("bm25", "'bi-encoder:model=/no/such/folder'"),
        4,
        "/no/such/folder",
    ),
    "a missing folder": (EXPERIMENT.replace("lee", "'beir:folder=/no/such/folder'"), 4, "/no/such/folder"),
    "training a ranker without weights": (
        EXPERIMENT.replace("[bm25]", "[{name: bm25, train: {collection: lee}}]"),
        3,
        "no weights",
    ),
    "bad targets": (
        EXPERIMENT.replace("[iid-variance]", "[{name: document-attack, targets: [top]}]")
        + "attacks: [keyword-stuffing]\n",
        2,
        "easy-5",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_short_error_with_the_exit_code_of_its_cause(case, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    text, code, says = BAD[case]
    path = tmp_path / "e.yaml"
    path.write_text(text)
    options = ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), "--no-report"]
    where = [] if case == "a missing model" else ["--workers", "0"]  # a worker process says it just as well
    exit_code = invoke(["run", str(path), *options, *where])
    printed = capsys.readouterr()
    shown = printed.err + printed.out
    assert (exit_code, says in shown) == (code, True), shown
    assert len(printed.err.splitlines()) < 25
    assert "Traceback" not in shown


def test_an_experiment_that_is_not_utf8_or_missing_is_refused(tmp_path, capsys):
    path = tmp_path / "e.yaml"
    path.write_bytes(b"name: \xff\xfe")
    assert invoke(["run", str(path)]) == 3
    assert invoke(["run", str(tmp_path / "none.yaml")]) == 3
    assert "none.yaml" in capsys.readouterr().err


def test_an_unwritable_folder_is_refused(tmp_path, capsys):
    path = tmp_path / "e.yaml"
    path.write_text(EXPERIMENT)
    (tmp_path / "file").write_text("")
    folders = ["--out", str(tmp_path / "file" / "out"), "--cache", str(tmp_path / "c")]
    code = invoke(["run", str(path), *folders, "--workers", "0"])
    assert code == 4
    assert "cannot write" in capsys.readouterr().err


def test_an_unknown_command_names_the_nearest(capsys):
    assert invoke(["rum"]) == 2
    assert "run" in capsys.readouterr().err


def test_new_attack_writes_an_attack_that_keeps_the_contract(tmp_path, capsys):
    assert invoke(["new", "attack", "my-attack", "--folder", str(tmp_path)]) == 0
    assert "robustrank.attacks" in capsys.readouterr().out
    process = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path / "test_my_attack.py")],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stdout
    assert " passed" in process.stdout
