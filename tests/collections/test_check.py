from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from robustrank.collections.check import checked
from robustrank.collections.collection import Collection
from robustrank.errors import DataError

GOOD = Collection(
    name="small",
    queries={"q1": "similarity laws", "q2": "heated aircraft"},
    documents={"d1": "laws of similarity", "d2": "aircraft at high speed", "d3": " \n"},
    qrels={"q1": {"d1": 2, "d2": 0}, "q2": {"d2": 1}},
    candidates={"q1": ["d1", "d2"], "q2": ["d2", "d1", "d3"]},
    query_types={"q1": "typo"},
    notes=("read from a test",),
)


def changed(**fields: Any) -> Collection:
    return replace(GOOD, **fields)


def test_a_consistent_collection_is_returned_whole() -> None:
    collection = checked(GOOD)
    assert (collection.queries, collection.documents, collection.qrels) == (GOOD.queries, GOOD.documents, GOOD.qrels)
    assert collection.candidates == {"q1": ("d1", "d2"), "q2": ("d2", "d1", "d3")}
    assert collection.query_types == {"q1": "typo"}
    assert collection.notes == ("read from a test", "1 of 3 documents are empty: 'd3'.")
    assert collection.fingerprint == GOOD.fingerprint


@pytest.mark.parametrize(
    ("collection", "message"),
    [
        (changed(queries={}), "no queries"),
        (changed(documents={}), "no documents"),
        (changed(queries={"q1": "similarity", "q2": " \t"}), "1 query without text, though judged: 'q2'"),
        (changed(candidates={"q9": ["d1"]}), "candidates for unknown queries: 'q9'"),
        (changed(candidates={"q1": ["d1", "d8", "d9"]}), "2 of 3 candidates have no document: 'd8', 'd9'"),
        (changed(candidates={"q1": ["d1", "d2", "d1"]}), "duplicate candidates: 'd1'"),
        (changed(candidates={}), "none of 2 queries has candidates"),
        (changed(qrels={}), "no judgements"),
        (
            changed(qrels={"7": {"d1": 1}}),
            "none of the 1 judged query ids, e.g. '7', is one of the 2 query ids",
        ),
        (changed(qrels={"q1": {"D1": 1}}), "none of the 1 judged document ids, e.g. 'D1', is one of the 3 "),
        (changed(qrels={"q1": {"d1": 0}, "q2": {"d2": -1}}), "none of 2 queries has a relevant document"),
        (changed(qrels={"q1": {"d1": 1.0}}), "the gain is 1.0"),
        (changed(qrels={"q1": {"d1": True}}), "the gain is True"),
        (changed(qrels={"q1": {"d1": "1"}}), "the gain is '1'"),
    ],
)
def test_an_inconsistent_collection_is_refused_with_its_place(collection: Collection, message: str) -> None:
    with pytest.raises(DataError) as caught:
        checked(collection)
    assert message in caught.value.what
    assert caught.value.where is not None
    assert "collection 'small'" in caught.value.where


@pytest.mark.parametrize(
    ("collection", "query_ids", "note"),
    [
        (changed(qrels={"q2": {"d2": 1}}), ["q2"], "1 of 2 queries excluded, with no judgements: 'q1'."),
        (
            changed(qrels={"q1": {"d1": 1}, "q2": {"d1": 0}}),
            ["q1"],
            "1 of 2 queries without a relevant document, left out: 'q2'.",
        ),
        (
            changed(candidates={"q1": ["d1"], "q2": []}),
            ["q1"],
            "1 of 2 queries without candidates, left out: 'q2'.",
        ),
        (
            changed(qrels={**GOOD.qrels, "q8": {"d1": 1}, "q9": {"d1": 1}}),
            ["q1", "q2"],
            "Judgements of 2 unknown queries were excluded: 'q8', 'q9'.",
        ),
        (
            changed(qrels={"q1": {"d1": 1, "gone": 1}, "q2": {"d2": 1}}),
            ["q1", "q2"],
            "1 of 3 judged documents have no text and count for ideal rankings alone.",
        ),
    ],
)
def test_exclusions_are_noted_with_their_count(collection: Collection, query_ids: list[str], note: str) -> None:
    collection = checked(collection, "leave-out")
    assert list(collection.queries) == list(collection.qrels) == list(collection.candidates) == query_ids
    assert note in collection.notes


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"qrels": {"q1": {"d1": 1}, "q2": {"d1": 0}}}, "a relevant document"),
        ({"candidates": {"q1": ["d1"], "q2": []}}, "candidates"),
        ({"candidates": {"q1": ["d1"]}}, "candidates"),
    ],
)
def test_a_judged_query_stays_and_its_zero_is_noted(fields: dict[str, Any], what: str) -> None:
    collection = checked(changed(**fields))
    assert list(collection.queries) == list(collection.qrels) == list(collection.candidates) == ["q1", "q2"]
    assert f"1 of 2 queries without {what}, 0 in every measure, as in trec_eval -c: 'q2'." in collection.notes
    assert list(collection.answered.queries) == ["q1"]


def test_judgements_of_documents_without_text_still_count_for_the_ideal_ranking() -> None:
    collection = checked(changed(qrels={"q1": {"d1": 1, "gone": 3}, "q2": {"d2": 1}}))
    assert collection.qrels["q1"] == {"d1": 1, "gone": 3}


def test_numpy_gains_become_plain_integers() -> None:
    collection = checked(changed(qrels={"q1": {"d1": np.int64(2)}, "q2": {"d2": np.int8(1)}}))
    assert all(type(gain) is int for gains in collection.qrels.values() for gain in gains.values())
