"""Exact certificates of lexical rankers against brute force: every allowed edit, scored by the ranker itself."""

from __future__ import annotations

import numpy as np
import pytest
from robustrank.defenses.exact_certificate import ExactCertificate

from robustrank.collections.collection import Collection
from robustrank.errors import UsageError
from robustrank.randomness import derive
from robustrank.rankers.lexical import BM25, QueryLikelihood
from robustrank.rankers.rm3 import RM3
from robustrank.testing.samples import Overlap
from robustrank.text.table import symmetric
from robustrank.text.words import replace_words
from tests.certification.enumeration import edits, rank_after, world
from tests.lists import served

RADII = (1, 2, None)


def exact(folder, ranker, collection, table):
    path = folder / "table.txt"
    table.save(path)
    ranker.prepare(collection)
    return ExactCertificate(table=str(path)).wrap(ranker, collection, derive(0, "x"))


def check_world(folder, seed, ranker, most):
    """Brute-force one world; return how many edits were scored, certified lists, witnesses, and bounds attained."""
    collection, table = world(seed)
    defended, (query_id, query) = exact(folder, ranker, collection, table), *collection.queries.items()
    ranked = served(defended, collection.documents, query, query_id)
    count = certified = broken = attained = kept = left = 0
    for radius in RADII:
        certificates = defended.certify(ranked, [1, 2, 4], radius)
        variants = {c.doc_id: list(edits(c.text, table, radius, most)) for c in ranked.candidates}
        scores = {name: defended.score([(query, text) for text in texts]) for name, texts in variants.items()}
        for document in certificates[0].documents:
            edited = scores[document.doc_id]
            assert document.lower <= edited.min()
            assert edited.max() <= document.upper
            attained += bool(edited.max() > document.mean and document.upper - edited.max() < 1e-5)
        for certificate in certificates:
            certificate.verify()
            outside = [d.doc_id for d in certificate.documents[certificate.k :]]
            enters = any(not certificate.keeps_out(name, score) for name in outside for score in scores[name].tolist())
            assert not (certificate.certified and enters)
            inside = [d.doc_id for d in certificate.documents[: certificate.k]]
            leaves = any(rank_after(d, s, certificate) > certificate.k for d in inside for s in scores[d].tolist())
            assert not (certificate.keeps_in() and leaves)
            kept, left = kept + certificate.keeps_in(), left + leaves
            if certificate.witness:
                texts = {c.doc_id: c.text for c in ranked.candidates}
                words = {int(index): key for index, key in certificate.witness.words.items()}
                text = replace_words(texts[certificate.witness.doc_id], words)
                assert text in variants[certificate.witness.doc_id] or len(variants[certificate.witness.doc_id]) == most
                attacked = served(defended, {**texts, certificate.witness.doc_id: text}, query)
                assert certificate.witness.doc_id in attacked.doc_ids[: certificate.k]
            certified, broken = certified + certificate.certified, broken + (certificate.witness is not None)
        count += sum(map(len, variants.values()))
    return np.array([count, certified, broken, attained, kept, left])


@pytest.mark.parametrize("ranker", [BM25, QueryLikelihood])
def test_no_allowed_edit_leaves_the_bounds_or_breaks_a_certified_list(tmp_path, ranker):
    count, *others = sum(check_world(tmp_path, seed, ranker(), 300) for seed in range(12))
    assert count > 3000
    assert min(others) > 10  # certified and broken, bounds attained; kept and left


@pytest.mark.slow
@pytest.mark.parametrize("ranker", [BM25, QueryLikelihood])
def test_no_allowed_edit_of_many_breaks_a_certified_list(tmp_path, ranker):
    count, *_ = sum(check_world(tmp_path, seed, ranker(), 3000) for seed in range(100, 260))
    assert count > 50_000


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
