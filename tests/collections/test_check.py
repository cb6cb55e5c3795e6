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


def test_a_collection_that_fits_comes_back_whole() -> None:
    found = checked(GOOD)
    assert (found.queries, found.documents, found.qrels) == (GOOD.queries, GOOD.documents, GOOD.qrels)
    assert found.candidates == {"q1": ("d1", "d2"), "q2": ("d2", "d1", "d3")}
    assert found.query_types == {"q1": "typo"}
    assert found.notes == ("read from a test", "1 of 3 documents kept though empty: 'd3'.")
    assert found.fingerprint == GOOD.fingerprint


@pytest.mark.parametrize(
    ("collection", "message"),
    [
        (changed(queries={}), "there are no queries"),
        (changed(documents={}), "there are no documents"),
        (changed(queries={"q1": "similarity", "q2": " \t"}), "1 query without text: 'q2'"),
        (changed(candidates={"q9": ["d1"]}), "candidates for unknown queries: 'q9'"),
        (changed(candidates={"q1": ["d1", "d8", "d9"]}), "2 of 3 candidates have no document: 'd8', 'd9'"),
        (changed(candidates={"q1": ["d1", "d2", "d1"]}), "candidates stand twice: 'd1'"),
        (changed(candidates={}), "none of 2 queries has candidates"),
        (changed(qrels={}), "none of the 0 judged query ids is one of the 2 query ids"),
        (
            changed(qrels={"7": {"d1": 1}}),
            "none of the 1 judged query ids, as '7', is one of the 2 query ids",
        ),
        (changed(qrels={"q1": {"D1": 1}}), "none of the 1 judged document ids, as 'D1', is one of the 3 "),
        (changed(qrels={"q1": {"d1": 0}, "q2": {"d2": -1}}), "none of 2 queries has a relevant document"),
        (changed(qrels={"q1": {"d1": 1.0}}), "the gain is 1.0"),
        (changed(qrels={"q1": {"d1": True}}), "the gain is True"),
        (changed(qrels={"q1": {"d1": "1"}}), "the gain is '1'"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(collection: Collection, message: str) -> None:
    with pytest.raises(DataError) as caught:
        checked(collection)
    assert message in caught.value.what
    assert caught.value.where is not None
    assert "collection 'small'" in caught.value.where


@pytest.mark.parametrize(
    ("collection", "kept", "note"),
    [
        (changed(qrels={"q2": {"d2": 1}}), ["q2"], "1 of 2 queries left out, with no judgements: 'q1'."),
        (
            changed(qrels={"q1": {"d1": 1}, "q2": {"d1": 0}}),
            ["q1"],
            "1 of 2 queries left out, with no relevant document: 'q2'.",
        ),
        (
            changed(candidates={"q1": ["d1"], "q2": []}),
            ["q1"],
            "1 of 2 queries left out, without candidates: 'q2'.",
        ),
        (
            changed(qrels={**GOOD.qrels, "q8": {"d1": 1}, "q9": {"d1": 1}}),
            ["q1", "q2"],
            "Judgements of 2 unknown queries were left out: 'q8', 'q9'.",
        ),
        (
            changed(qrels={"q1": {"d1": 1, "gone": 1}, "q2": {"d2": 1}}),
            ["q1", "q2"],
            "1 of 3 judged documents kept in the judgements without a text.",
        ),
    ],
)
def test_what_is_left_out_is_noted_with_its_count(collection: Collection, kept: list[str], note: str) -> None:
    found = checked(collection)
    assert list(found.queries) == list(found.qrels) == list(found.candidates) == kept
    assert note in found.notes


def test_judgements_of_documents_without_text_still_count_for_the_ideal_ranking() -> None:
    found = checked(changed(qrels={"q1": {"d1": 1, "gone": 3}, "q2": {"d2": 1}}))
    assert found.qrels["q1"] == {"d1": 1, "gone": 3}


def test_numpy_gains_become_plain_integers() -> None:
    found = checked(changed(qrels={"q1": {"d1": np.int64(2)}, "q2": {"d2": np.int8(1)}}))
    assert all(type(gain) is int for gains in found.qrels.values() for gain in gains.values())
