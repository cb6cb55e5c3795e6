"""Each flag from rows that a task would leave."""

from __future__ import annotations

import pytest

from robustrank.analysis.load import load_run
from robustrank.leaderboard.flags import flags
from tests.report_rows import row, write_run

ATTACK = {"task": "document-attack", "condition": "attacked", "doc_id": "d"}
DEFENDED = {"task": "document-attack", "doc_id": "d", "defense": "spamicity-filter"}
HOTFLIP = "hotflip:surrogate={}"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row("nDCG@10", 0.5)], []),
        ([row("AP", 0.5, note="degenerate_scores: 9 of 9"), row("AP", 0.5, "q2")], ["degenerate-scores:0.500"]),
        ([row("noise_boost", 2.5, task="document-attack", condition="control", doc_id="d")], ["noise-floor:2.500"]),
        ([row("unparsable", 0.1), row("unparsable", 0.3, condition="attacked")], ["parse-failures:0.300"]),
        ([row("tau", 0.9, group="repeats")], ["randomised"]),
        ([row("tau", 1, group="repeats")], []),
        ([row("certificate_check", 0, **ATTACK, k=5)], ["certificate-contradicted"]),
        ([row("certificate_check", 0, **ATTACK, k=5, group="exact ranker")], []),
        ([row("queries", 0, **DEFENDED, attack="keyword-stuffing")], ["not-adaptively-attacked"]),
        ([row("queries", 3, **DEFENDED, attack="greedy-substitution")], []),
        ([row("queries", 0, **{**DEFENDED, "defense": "none"}, attack="keyword-stuffing")], []),
        (
            [
                row("success", 0, **ATTACK, attack=HOTFLIP.format("victim")),
                row("success", 1, **ATTACK, attack=HOTFLIP.format("minilm")),
            ],
            ["masked-gradients"],
        ),
        (
            [
                row("success", 1, **ATTACK, attack=HOTFLIP.format("victim")),
                row("success", 1, **ATTACK, attack=HOTFLIP.format("minilm")),
            ],
            [],
        ),
    ],
)  # fmt: skip
def test_a_flag_follows_from_rows(rows, expected, tmp_path):
    write_run(tmp_path, rows)
    run = load_run(tmp_path)
    assert flags(run.rows, run.cells) == expected
    assert flags(run.rows, run.cells, is_contradicted=True) == sorted({*expected, "certificate-contradicted"})
