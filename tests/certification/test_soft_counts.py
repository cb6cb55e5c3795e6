"""Interval certificates of KNRM and DRMM against brute force: every allowed edit, scored by the ranker itself."""

from __future__ import annotations

import numpy as np
import pytest
from robustrank.defenses.interval_certificate import IntervalCertificate

from robustrank.collections.collection import Collection
from robustrank.errors import UsageError
from robustrank.randomness import derive
from robustrank.rankers.lexical import BM25
from robustrank.rankers.neural.rankers import ConvKNRMRanker, DRMMRanker, KNRMRanker
from robustrank.text.table import symmetric
from robustrank.text.words import replace_words
from tests.certification.enumeration import edits, rank_after, world
from tests.lists import served
from tests.tiny_neural import untrained

RADII = (1, 2, 3, None)


def certified_ranker(folder, ranker, collection, table):
    path = folder / "table.txt"
    table.save(path)
    return IntervalCertificate(table=str(path)).wrap(ranker, collection, derive(0, "x"))


def check_world(folder, seed, kind, most, **parameters):
    """Brute-force one world; return counts: edits, certified lists, witnesses, bounds attained, bounded, kept, left."""
    collection, table = world(seed)
    ranker = untrained(kind, collection, seed, **parameters)
    defended, (query_id, query) = certified_ranker(folder, ranker, collection, table), *collection.queries.items()
    ranked = served(defended, collection.documents, query, query_id)
    count = certified = broken = attained = bounded = kept = left = 0
    variants = {
        radius: {c.doc_id: list(edits(c.text, table, radius, most)) for c in ranked.candidates} for radius in RADII
    }
    for radius in RADII:
        certificates = defended.certify(ranked, [1, 2, 4], radius)
        scores = {n: defended.score([(query, text) for text in texts]) for n, texts in variants[radius].items()}
        for document in certificates[0].documents:
            least, most_of_all = float(scores[document.doc_id].min()), float(scores[document.doc_id].max())
            assert document.lower <= least
            assert most_of_all <= document.upper
            attained += document.mean < most_of_all > document.upper - 1e-2
            bounded += document.upper < 1e300
        for certificate in certificates:
            certificate.verify()
            outside = [d.doc_id for d in certificate.documents[certificate.k :]]
            enters = any(not certificate.keeps_out(name, score) for name in outside for score in scores[name].tolist())
            assert not (certificate.certified and enters)
            inside = [d.doc_id for d in certificate.documents[: certificate.k]]
            leaves = any(rank_after(d, s, certificate) > certificate.k for d in inside for s in scores[d].tolist())
            assert not (certificate.keeps_in() and leaves)
            if certificate.witness:
                words = {int(index): key for index, key in certificate.witness.words.items()}
                text = replace_words(collection.documents[certificate.witness.doc_id], words)
                attacked = served(defended, {**collection.documents, certificate.witness.doc_id: text}, query)
                assert certificate.witness.doc_id in attacked.doc_ids[: certificate.k]
            certified, broken = certified + certificate.certified, broken + (certificate.witness is not None)
            kept, left = kept + certificate.keeps_in(), left + leaves
        count += sum(map(len, variants[radius].values()))
    return np.array([count, certified, broken, attained, bounded, kept, left])


@pytest.mark.parametrize("kind", [KNRMRanker, DRMMRanker])
def test_no_allowed_edit_leaves_the_bounds_or_breaks_a_certified_list(tmp_path, kind):
    count, *others = sum(check_world(tmp_path, seed, kind, 100) for seed in range(6))
    assert count > 1500
    assert min(others) > 10


@pytest.mark.slow
@pytest.mark.parametrize("kind", [KNRMRanker, DRMMRanker])
def test_no_allowed_edit_of_many_breaks_a_certified_list(tmp_path, kind):
    count, *_ = sum(check_world(tmp_path, seed, kind, 1000) for seed in range(100, 220))
    assert count > 50_000


@pytest.mark.parametrize("kind", [KNRMRanker, DRMMRanker])
def test_bounds_hold_where_the_end_of_a_document_is_not_read(tmp_path, kind):
    read = [check_world(tmp_path, seed, kind, 100, document_length=3) for seed in range(20, 26)]
    whole = [check_world(tmp_path, seed, kind, 100) for seed in range(20, 26)]
    assert 10 < sum(read)[4] < sum(whole)[4]  # some documents have a bound, and some have none any more


def test_one_replaced_word_is_bounded_by_its_own_scores(tmp_path):
    collection = Collection(
        "c", {"q": "wing flow"}, {"a": "wing", "b": "river tide", "c": ""}, {}, {"q": ("a", "b", "c")}
    )
    table = symmetric({"river": ["flow"], "tide": ["wing"]}, {})
    ranker = untrained(KNRMRanker, collection, 3)
    defended = certified_ranker(tmp_path, ranker, collection, table)
    certificate = defended.certify(served(defended, collection.documents, "wing flow", "q"), [1], 1)[0]
    scores = ranker.score([("wing flow", text) for text in ("river tide", "flow tide", "river wing")])
    bounds = next((d.lower, d.upper) for d in certificate.documents if d.doc_id == "b")
    assert bounds == pytest.approx((scores.min(), scores.max()), abs=1e-2)


def test_other_rankers_are_refused(tmp_path):
    collection, table = world(0)
    for ranker in (BM25(), ConvKNRMRanker()):
        assert "KNRM and DRMM" in IntervalCertificate().refuses(ranker)
        with pytest.raises(UsageError, match="has no interval certificates"):
            certified_ranker(tmp_path, ranker, collection, table)
