"""The lines of the standard cross-encoder in docs/five-tasks.md, computed from the tables of results/five-tasks-victim.

The tables are the report's, which tests/test_results.py holds against the rows.
"""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

import pytest

from tests.result_rows import report_table
from tests.shown import number

ROOT = Path(__file__).parents[1]
COLLECTIONS = {"cranfield": "Cranfield", "scifact": "SciFact"}
RANKERS = ("BM25", "bi-encoder", "cross-encoder")
LINES = {  # what the page calls it: table, column, attack, and whether it is a share in %
    "nDCG@10": ("summary", "ndcg", None, False),
    "variance (VNAP)": ("summary", "vnap", None, False),
    "typos, change of nDCG@10, %": ("query-attack-ndcg-10", "attacked-change", "typos", True),
    "dropped words, change of nDCG@10, %": ("query-attack-ndcg-10", "attacked-change", "dropped words", True),
    "keyword stuffing, ASR %": ("document-attack", "asr", "keyword stuffing", True),
    "word substitution, ASR %": ("document-attack", "asr", "word substitution", True),
    "its control, ASR %": ("document-attack", "control-asr", "word substitution", True),
    "greedy substitution, ASR %": ("document-attack", "asr", "greedy substitution", True),
}


table = cache(partial(report_table, "five-tasks-victim"))


def cell(name, column, attack, is_share, ranker, collection):
    """An estimate with its interval."""
    wanted = {"id": column, "ranker": ranker, "collection": collection} | ({"attack": attack} if attack else {})
    (row,) = [row for row in table(name) if wanted.items() <= row.items() and row["estimate"]]
    factor, places = (100, 0) if is_share else (1, 3)
    estimate, low, high = (number(factor * float(row[bound]), places) for bound in ("estimate", "low", "high"))
    return f"{estimate} [{low}, {high}]"


def line(said, collection):
    cells = " | ".join(cell(*LINES[said], ranker, collection) for ranker in RANKERS)
    return f"| {said} | {COLLECTIONS[collection]} | {cells} |"


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_the_page_says_what_the_tables_say(collection):
    text = (ROOT / "docs" / "five-tasks.md").read_text(encoding="utf-8")
    assert [missing for said in LINES if (missing := line(said, collection)) not in text] == []
