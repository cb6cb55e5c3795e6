"""The canonical ranker: no allowed edit changes a score, by enumeration of all edits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from robustrank.defenses.canonical import Canonical

from robustrank.collections.collection import Collection
from robustrank.defense import CertifiedRanker
from robustrank.randomness import derive
from robustrank.rankers.lexical import BM25
from robustrank.rankers.ranker import PointwiseRanker
from robustrank.rankers.rm3 import RM3
from robustrank.text.table import symmetric
from robustrank.text.words import in_case_of, replace_words, words
from tests.lists import served

DOCUMENTS = {
    "d1": "The jet wings lift the plane, a Plane needs air.",
    "d2": "Ministers met to discuss rivers and the economy.",
    "d3": "A quick fox jumps over the RIVER near the jet, fast.",
    "d4": "Wings and more wings over the river.",
    "d5": "",
}
QUERY = "wings of a plane over the river"
COLLECTION = Collection("c", {"q": QUERY}, DOCUMENTS, {}, {"q": tuple(DOCUMENTS)})
RELATION = {"plane": ["jet", "aircraft"], "fast": ["quick"], "river": ["rivers"], "wings": ["wing"]}


def defended(folder, relation=RELATION):
    table = folder / "table.txt"
    symmetric(relation, {}).save(table)
    ranker = BM25()
    ranker.prepare(COLLECTION)
    return Canonical(table=str(table)).wrap(ranker, COLLECTION, np.random.default_rng(0))


def allowed_edits(text, table):
    """Yield every text that the substitutions of the table allow."""
    choices = [[word.text, *(in_case_of(k, word.text) for k in table.substitutes(word.key))] for word in words(text)]
    for substitutes in itertools.product(*choices):
        yield replace_words(text, {i: word.lower() for i, word in enumerate(substitutes)})


WORDS = st.lists(st.sampled_from("aircraft wing rivers quick lift fox near".split()), min_size=1, max_size=3)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from("plane jet wings river fast over".split()), WORDS, min_size=1, max_size=4))
def test_no_allowed_edit_changes_a_score(tmp_path_factory, relation):
    ranker = defended(tmp_path_factory.mktemp("tables"), relation)
    for document in DOCUMENTS.values():
        variants = list(itertools.islice(dict.fromkeys(allowed_edits(document, ranker.table)), 2000))
        scores = ranker.score([(QUERY, text) for text in variants])
        assert len(set(scores.tolist())) == 1


def test_two_steps_through_the_table_are_covered_too(tmp_path):
    ranker = defended(tmp_path, {"plane": ["jet"], "jet": ["rocket"]})
    a, b = ranker.score([(QUERY, "a plane"), (QUERY, "a rocket")])
    assert a == b


def test_the_representative_is_the_most_frequent_word_in_the_case_of_the_word_it_replaces(tmp_path):
    ranker = defended(tmp_path)
    assert ranker.rewritten_document("An AIRCRAFT, a Plane: rivers!") == "An JET, a Jet: river!"


def test_queries_and_statistics_are_those_of_the_canonical_collection(tmp_path):
    ranker = defended(tmp_path)
    (mapped,) = ranker.score([("an aircraft", "a plane")])
    assert mapped == ranker.score([("a jet", "the jet")])[0] > 0
    assert ranker.inner.statistics.document_frequency["jet"] == 2  # of `jet` and `plane` in one document, and of `jet`
    assert ranker.inner.statistics.document_frequency["plane"] == 0


def test_it_certifies_every_list_and_the_certificates_are_consistent(tmp_path):
    ranker = defended(tmp_path)
    assert isinstance(ranker, CertifiedRanker)
    certificates = ranker.certify(served(ranker, DOCUMENTS, QUERY), [1, 3], None)
    assert [(c.k, c.certified, c.holds) for c in certificates] == [(1, True, True), (3, True, True)]
    for certificate in certificates:
        certificate.verify()
    scores = dict(zip(DOCUMENTS, ranker.score([(QUERY, text) for text in DOCUMENTS.values()]).tolist(), strict=True))
    order = [document.doc_id for document in certificates[0].documents]
    assert order == sorted(DOCUMENTS, key=lambda d: (-scores[d], d))


def test_every_overlap_is_1(tmp_path):
    ranker = defended(tmp_path)
    assert pytest.approx(ranker.overlaps("a plane")) == [1, 1]


def test_lists_of_a_list_ranker_cannot_be_changed_either(tmp_path):
    symmetric(RELATION, {}).save(tmp_path / "table.txt")
    inner = RM3()
    inner.prepare(COLLECTION)
    ranker = Canonical(table=str(tmp_path / "table.txt")).wrap(inner, COLLECTION, derive(0, "defense"))
    assert not isinstance(ranker, PointwiseRanker)
    clean = served(ranker, DOCUMENTS, QUERY)
    assert ranker.certify(clean, [1], None)[0].certified
    for doc_id, text in DOCUMENTS.items():
        for variant in itertools.islice(allowed_edits(text, ranker.table), 50):
            assert served(ranker, {**DOCUMENTS, doc_id: variant}, QUERY).doc_ids == clean.doc_ids
