"""Exact certificates of lexical rankers against brute force: every allowed edit, scored by the ranker itself."""

from __future__ import annotations

from collections import Counter

import pytest
from robustrank.defenses.exact_certificate import ExactCertificate

from robustrank.collections.collection import Collection
from robustrank.errors import UsageError
from robustrank.randomness import derive
from robustrank.rankers.lexical import BM25, QueryLikelihood
from robustrank.rankers.rm3 import RM3
from robustrank.testing.samples import Overlap
from robustrank.text.table import symmetric
from tests.certification.enumeration import brute_force, world
from tests.lists import served

RADII = (1, 2, None)


def exact(folder, ranker, collection, table):
    path = folder / "table.txt"
    table.save(path)
    ranker.prepare(collection)
    return ExactCertificate(table=str(path)).wrap(ranker, collection, derive(0, "x"))


def check_world(folder, seed, ranker, most):
    """Brute-force one world with a ranker."""
    collection, table = world(seed)
    return brute_force(exact(folder, ranker, collection, table), collection, table, RADII, most, 1e-5)


@pytest.mark.parametrize("ranker", [BM25, QueryLikelihood])
def test_no_allowed_edit_leaves_the_bounds_or_breaks_a_certified_list(tmp_path, ranker):
    found = sum((check_world(tmp_path, seed, ranker(), 300) for seed in range(12)), Counter())
    assert found["edits"] > 3000
    assert len(found) == 7
    assert min(found.values()) > 10  # all that can be met was met


@pytest.mark.slow
@pytest.mark.parametrize("ranker", [BM25, QueryLikelihood])
def test_no_allowed_edit_of_many_breaks_a_certified_list(tmp_path, ranker):
    assert sum(check_world(tmp_path, seed, ranker(), 3000)["edits"] for seed in range(100, 260)) > 50_000


def test_the_bound_by_hand(tmp_path):
    # Two words can become `wing`, and the document has one: BM25 with b = 0 depends on the count alone.
    documents = {"d1": "wing wing wing wing", "d2": "wing rivers rivers stone"}
    collection = Collection("c", {"q": "wing"}, documents, {}, {"q": ("d1", "d2")})
    defended = exact(tmp_path, BM25(k1=1.0, b=0.0), collection, symmetric({"rivers": ["wing"]}, {}))
    ranked = served(defended, documents, "wing")
    idf = BM25.idf(defended.inner, "wing")
    for radius, count in ((1, 2), (2, 3), (None, 3)):
        (certificate,) = defended.certify(ranked, [1], radius)
        assert certificate.certified
        assert certificate.documents[1].upper == pytest.approx(idf * count / (count + 1), abs=1e-6)
        assert certificate.documents[0].lower == pytest.approx(
            idf * (4 - min(radius or 4, 4)) / (5 - min(radius or 4, 4)), abs=1e-6
        )


def test_a_text_whose_words_are_not_told_apart_is_never_certified_below_the_top(tmp_path):
    documents = {"d1": "桥 桥 wing", "d2": "河桥", "d3": "stone"}
    collection = Collection("c", {"q": "桥"}, documents, {}, {"q": tuple(documents)}, language="zh")
    defended = exact(tmp_path, BM25(), collection, symmetric({"河": ["桥"]}, {}))
    ranked = served(defended, documents, "桥")
    top_1, top_2 = defended.certify(ranked, [1, 2], None)
    assert not top_1.certified
    assert top_2.certified


def test_equal_scores_are_decided_by_the_document_ids(tmp_path):
    documents = {"a": "wing", "b": "wing", "c": "river"}
    collection = Collection("c", {"q": "wing"}, documents, {}, {"q": tuple(documents)})
    defended = exact(tmp_path, BM25(), collection, symmetric({"river": ["wing"]}, {}))
    certificates = defended.certify(served(defended, documents, "wing"), [1, 2], None)
    assert [certificate.certified for certificate in certificates] == [True, True]
    documents = {"b": "wing", "a": "river"}
    collection = Collection("c", {"q": "wing"}, documents, {}, {"q": tuple(documents)})
    defended = exact(tmp_path, BM25(), collection, symmetric({"river": ["wing"]}, {}))
    (certificate,) = defended.certify(served(defended, documents, "wing"), [1], None)
    assert not certificate.certified  # `a` would have the score of `b`, and comes before it
    assert certificate.witness.doc_id == "a"
    assert certificate.witness.words == {"0": "wing"}


def test_rankers_without_sums_over_terms_are_refused(tmp_path):
    symmetric({"aa": ["bb"]}, {}).save(tmp_path / "table.txt")
    collection, _ = world(0)
    for ranker in (Overlap(), RM3()):
        with pytest.raises(UsageError, match="sum over query terms"):
            ExactCertificate(table=str(tmp_path / "table.txt")).wrap(ranker, collection, derive(0, "x"))
