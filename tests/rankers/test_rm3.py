"""RM3 by hand, and its limits: without feedback it is BM25."""

from __future__ import annotations

import pytest

from robustrank.collections.collection import Collection
from robustrank.rankers.lexical import BM25
from robustrank.rankers.rm3 import RM3

DOCUMENTS = {
    "d1": "wing lift lift stall",
    "d2": "wing drag",
    "d3": "heat transfer transfer",
    "d4": "lift stall angle angle",
}


@pytest.fixture
def collection() -> Collection:
    return Collection("tiny", {"q": "wing"}, DOCUMENTS, {"q": {"d1": 1}}, {"q": list(DOCUMENTS)})


def prepared(ranker, collection):
    ranker.prepare(collection)
    return ranker


def test_the_expansion_by_hand(collection):
    s1, s2 = prepared(BM25(), collection).score([("wing", DOCUMENTS["d1"]), ("wing", DOCUMENTS["d2"])]).astype(float)
    weights = {"wing": s1 / 4 + s2 / 2, "lift": s1 * 2 / 4, "stall": s1 / 4, "drag": s2 / 2}
    total = sum(weights.values())
    expected = {term: 0.4 * weight / total for term, weight in weights.items()}
    expected["wing"] += 0.6
    found = prepared(RM3(original_weight=0.6), collection).expand("wing")
    assert found == pytest.approx(expected, rel=1e-5)
    two = prepared(RM3(feedback_terms=2, feedback_documents=1), collection).expand("wing")
    assert two == pytest.approx({"wing": 0.75, "drag": 0.25})  # d2, the shorter, is first


def test_a_document_without_the_query_s_terms_is_found_through_the_expansion(collection):
    pairs = [("wing", text) for text in DOCUMENTS.values()]
    plain, expanded = prepared(BM25(), collection).score(pairs), prepared(RM3(), collection).score(pairs)
    assert plain[3] == 0 < expanded[3]
    assert expanded[2] == 0


def test_with_all_weight_on_the_query_the_order_is_bm25_s(collection):
    pairs = [("wing lift", text) for text in DOCUMENTS.values()]
    plain = prepared(BM25(), collection).score(pairs)
    kept = prepared(RM3(original_weight=1.0), collection).score(pairs)
    assert kept * 2 == pytest.approx(plain)  # weights of a query sum to 1


@pytest.mark.parametrize("query", ["", "the of", "unknown"])
def test_a_query_that_finds_nothing_stays_as_it_is(collection, query):
    ranker = prepared(RM3(), collection)
    assert sum(ranker.expand(query).values()) in (0, 1)
    assert (ranker.score([(query, text) for text in DOCUMENTS.values()]) == 0).all()


def test_another_collection_gives_another_expansion(collection):
    from dataclasses import replace

    ranker = prepared(RM3(), collection)
    before = dict(ranker.expand("wing"))
    ranker.prepare(replace(collection, documents={**DOCUMENTS, "d1": "wing moment"}))
    assert ranker.expand("wing") != before
