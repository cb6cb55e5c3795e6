"""RM3 by hand, and its limits: without feedback it is BM25."""

from __future__ import annotations

from dataclasses import replace

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


def scores(ranker, collection, texts=None):
    request = collection.request("q").replaced(texts or {})
    return ranker.rank([request])[0].scores


def test_the_expansion_by_hand(collection):
    s1, s2 = prepared(BM25(), collection).score([("wing", DOCUMENTS["d1"]), ("wing", DOCUMENTS["d2"])]).astype(float)
    weights = {"wing": s1 / 4 + s2 / 2, "lift": s1 * 2 / 4, "stall": s1 / 4, "drag": s2 / 2}
    total = sum(weights.values())
    expected = {term: 0.4 * weight / total for term, weight in weights.items()}
    expected["wing"] += 0.6
    request = collection.request("q")
    assert prepared(RM3(original_weight=0.6), collection).expand(request) == pytest.approx(expected, rel=1e-5)
    two = prepared(RM3(feedback_terms=2, feedback_documents=1), collection).expand(request)
    assert two == pytest.approx({"wing": 0.75, "drag": 0.25})  # d2, the shorter, is first


def test_a_document_without_the_query_s_terms_is_found_through_the_expansion(collection):
    plain = prepared(BM25(), collection).score(collection.pairs("q"))
    expanded = scores(prepared(RM3(), collection), collection)
    assert plain[3] == 0 < expanded[3]
    assert expanded[2] == 0


def test_the_feedback_sees_the_changed_text(collection):
    ranker = prepared(RM3(), collection)
    clean, attacked = (scores(ranker, collection, texts) for texts in ({}, {"d2": "wing wing heat transfer"}))
    assert clean[2] == 0 < attacked[2]  # "heat transfer" of d2 expands the query, and lifts d3


def test_with_all_weight_on_the_query_the_order_is_bm25_s(collection):
    collection = replace(collection, queries={"q": "wing lift"})
    plain = prepared(BM25(), collection).score(collection.pairs("q"))
    assert scores(prepared(RM3(original_weight=1.0), collection), collection) * 2 == pytest.approx(plain)


@pytest.mark.parametrize("query", ["", "the of", "unknown"])
def test_a_query_that_finds_nothing_stays_as_it_is(collection, query):
    collection = replace(collection, queries={"q": query})
    ranker = prepared(RM3(), collection)
    assert sum(ranker.expand(collection.request("q")).values()) in (0, 1)
    assert (scores(ranker, collection) == 0).all()


def test_another_collection_has_other_document_frequencies(collection):
    ranker = prepared(RM3(), collection)
    before = scores(ranker, collection)
    ranker.prepare(replace(collection, documents={**DOCUMENTS, "d9": "wing moment"}))
    assert (scores(ranker, collection) != before).any()
