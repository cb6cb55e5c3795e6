"""A collection is read-only to whoever reads it, and still a value that can be copied, compared and pickled."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import pytest

from robustrank.collections.collection import Collection

COLLECTION = Collection(
    "c",
    {"q1": "wing", "q2": "heat"},
    {"d1": "wing lift", "d2": "heat flow"},
    {"q1": {"d1": 1}, "q2": {"d2": 2}},
    {"q1": ["d1", "d2"], "q2": ["d2"]},
    {"q1": "typo"},
)


@pytest.mark.parametrize(
    "write",
    [
        lambda c: c.queries.update(q1="other"),
        lambda c: c.documents.__setitem__("d1", "other"),
        lambda c: c.qrels.pop("q1"),
        lambda c: c.qrels["q1"].__setitem__("d2", 1),
        lambda c: c.candidates["q1"].append("d3"),
        lambda c: c.candidates["q1"].__setitem__(0, "d3"),
        lambda c: c.query_types.clear(),
        lambda c: c.only(["q1"]).qrels["q1"].__setitem__("d2", 1),
        lambda c: setattr(c, "documents", {}),
    ],
)
def test_nothing_can_be_written(write):
    before = repr(COLLECTION)
    with pytest.raises((TypeError, AttributeError)):
        write(COLLECTION)
    assert repr(COLLECTION) == before


def test_what_it_was_made_of_may_change_without_it():
    documents, listed = {"d1": "wing"}, ["d1"]
    collection = Collection("c", {"q": "wing"}, documents, {"q": {"d1": 1}}, {"q": listed})
    documents["d1"] = "other"
    listed.append("d2")
    assert collection.documents == {"d1": "wing"}
    assert collection.candidates == {"q": ("d1",)}


def test_it_survives_pickling_copying_and_replacing():
    read = pickle.loads(pickle.dumps(COLLECTION))
    assert read == COLLECTION
    assert read.fingerprint == COLLECTION.fingerprint
    with pytest.raises(TypeError):
        read.qrels["q1"]["d1"] = 2
    assert copy.deepcopy(COLLECTION) is COLLECTION
    assert replace(COLLECTION, name="other").documents == COLLECTION.documents


def test_a_part_shares_the_documents():
    assert COLLECTION.only(["q1"]).documents is COLLECTION.documents
