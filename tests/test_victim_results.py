"""The figures of the standard victim in docs/rankers.md, computed anew from the rows of results/victim."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.result_rows import published_rows
from tests.shown import interval, with_interval

ROOT = Path(__file__).parents[1]
COLLECTIONS = {"dl19": 43, "scifact": 300, "cranfield": 225}
RANKERS = {  # how the docs call them
    "BM25": "BM25",
    "bi-encoder": "bi-encoder (all-MiniLM-L6-v2, 256 tokens)",
    "rr-minilm-ce": "rr-minilm-ce, 256 tokens",
    "rr-minilm-ce, 128 tokens": "the same, 128 tokens",
    "earlier recipe": "`cross-encoder:model=minilm` on 240 queries of SciFact, 96 tokens",
}


@cache
def values():
    """(ranker, collection) to float[queries]: nDCG@10 in the order of query ids."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for row in published_rows("victim"):
        if row["measure"] == "nDCG@10" and row["query_id"]:
            found.setdefault((row["ranker"], row["collection"]), {})[row["query_id"]] = float(row["value"])
    return {key: np.array([of_query[q] for q in sorted(of_query)]) for key, of_query in found.items()}


def line(ranker):
    """The line of the table in the docs."""
    cells = [RANKERS[ranker], *(with_interval(values()[ranker, collection]) for collection in COLLECTIONS)]
    return f"| {' | '.join(cells)} |"


def above(collection, other, ranker="rr-minilm-ce"):
    """What the victim has more than another ranker, paired by query."""
    return with_interval(values()[ranker, collection] - values()[other, collection])


def test_every_query_is_measured():
    expected = {(ranker, collection): count for ranker in RANKERS for collection, count in COLLECTIONS.items()}
    assert {key: len(of_queries) for key, of_queries in values().items()} == expected


@pytest.mark.parametrize("ranker", RANKERS)
def test_the_docs_say_what_the_rows_say(ranker):
    assert line(ranker) in (ROOT / "docs" / "rankers.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("other", ["BM25", "bi-encoder", "earlier recipe"])
def test_the_docs_say_how_much_it_is_above_others(other):
    cells = (above(collection, other) for collection in COLLECTIONS)
    assert f"| {' | '.join([RANKERS[other], *cells])} |" in (ROOT / "docs" / "rankers.md").read_text(encoding="utf-8")


def test_the_docs_say_how_much_half_of_the_tokens_change():
    text = (ROOT / "docs" / "rankers.md").read_text(encoding="utf-8")
    assert above("cranfield", "BM25", "rr-minilm-ce, 128 tokens") in text
    assert above("scifact", "BM25", "rr-minilm-ce, 128 tokens") in text


def test_the_victim_is_above_bm25_everywhere_and_its_teacher_on_dl_2019():
    victim, teacher, bm25 = (values()[ranker, "dl19"] for ranker in ("rr-minilm-ce", "bi-encoder", "BM25"))
    assert victim.mean() >= 0.66
    assert interval(victim - teacher)[0] > 0
    assert interval(victim - bm25)[0] > 0
    for collection in COLLECTIONS:
        assert values()["rr-minilm-ce", collection].mean() > values()["BM25", collection].mean()
