"""docs/coverage.md: every system of the field and every set of its survey has a state, and what runs is registered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from robustrank.plugins import KINDS, registry

PAGE = (Path(__file__).parents[1] / "docs" / "coverage.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("|---")
]
ENTRIES = [row for row in ROWS if row[1] != "state"]
STATES = ("runs", "how to", "not yet")
PLUGINS = {name for kind in KINDS for name in registry(kind)}
SETTINGS = {"loss", "augment", "invariance", "spam"}  # of training and of tasks
# Systems and sets that the survey, its list of sets and the papers of this project name: each is in some row.
NAMED = """
BM25 RankSVM LambdaMART DSSM DRMM Conv-KNRM Duet BERT ColBERT SPLADE FirstP MaxP QUITE monoT5 duoT5 UPR PRP Setwise
Rank-R1 RankGPT RankZephyr RankVicuna LiT5 ReasonRank Rearank Rank1 Qwen3-Reranker ERank FIRST InsertRank TDPart
GroupRank IRanker E2Rank rank_llm Rankify PyTerrier DLA ListNet NeuralNDCG RankList VacancySBERT PhoRanker xMEN
SemRe-Rank UniME-V2 PRADA PAT IDEM HotFlip Brittle-BERT EMPRA TARA MCARA RL-MARA AttChain CRAFT VerTox FSAP
StealthRank RAF CORE STS TextFooler CertDR RobustMask PIAT RobustRAG De-Ranker NevIR ABNIRML VNAP ClueWeb09-B NQ
TriviaQA MB14 ASRC Q-MSMARCO Q-ClueWeb09 DARA BEIR CDI-MS CDI-NQ LL-LoTTE LL-MultiCPR DL-Typo ORCAS ANTIQUE L4
Cranfield ZacLegalTextRetrieval
""".split()


@pytest.mark.parametrize("row", ENTRIES, ids=lambda row: row[0])
def test_a_row_has_a_state_and_says_where_or_why_not(row):
    name, state, where = row
    assert name
    assert state in STATES
    assert where
    plugins = re.findall(r"`([a-z][a-z0-9-]+)`", where)
    if state == "runs":
        assert plugins or "robustrank.measures" in where or "task of your own" in where, "what runs is named"
        assert set(plugins) <= PLUGINS | SETTINGS
    if state == "how to":
        assert "](" in where, "a recipe has a page"
    if state == "not yet":
        assert len(where.split()) > 3, "and why"


def test_no_system_of_the_field_and_no_set_of_its_survey_is_left_out():
    text = " ".join(f"{row[0]} {row[2]}" for row in ENTRIES)
    assert len(ENTRIES) > 70
    assert [name for name in NAMED if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)] == []
