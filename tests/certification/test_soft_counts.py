"""Interval certificates of KNRM and DRMM against brute force: every allowed edit, scored by the ranker itself."""

from __future__ import annotations

from collections import Counter

import pytest
from robustrank.defenses.interval_certificate import IntervalCertificate

from robustrank.collections.collection import Collection
from robustrank.errors import UsageError
from robustrank.randomness import derive
from robustrank.rankers.lexical import BM25
from robustrank.rankers.neural.rankers import ConvKNRMRanker, DRMMRanker, KNRMRanker
from robustrank.text.table import symmetric
from tests.certification.enumeration import brute_force, world
from tests.lists import served
from tests.tiny_neural import untrained

RADII = (1, 2, 3, None)


def certified_ranker(folder, ranker, collection, table):
    path = folder / "table.txt"
    table.save(path)
    return IntervalCertificate(table=str(path)).wrap(ranker, collection, derive(0, "x"))


def check_world(folder, seed, kind, most, **parameters):
    """Brute-force one world with a ranker of random weights."""
    collection, table = world(seed)
    defended = certified_ranker(folder, untrained(kind, collection, seed, **parameters), collection, table)
    return brute_force(defended, collection, table, RADII, most, 1e-2)


@pytest.mark.parametrize("kind", [KNRMRanker, DRMMRanker])
def test_no_allowed_edit_leaves_the_bounds_or_breaks_a_certified_list(tmp_path, kind):
    found = sum((check_world(tmp_path, seed, kind, 100) for seed in range(6)), Counter())
    assert found["edits"] > 1500
    assert len(found) == 7
    assert min(found.values()) > 10  # all that can be met was met


@pytest.mark.slow
@pytest.mark.parametrize("kind", [KNRMRanker, DRMMRanker])
def test_no_allowed_edit_of_many_breaks_a_certified_list(tmp_path, kind):
    assert sum(check_world(tmp_path, seed, kind, 1000)["edits"] for seed in range(100, 220)) > 50_000


@pytest.mark.parametrize("kind", [KNRMRanker, DRMMRanker])
def test_bounds_hold_where_the_end_of_a_document_is_not_read(tmp_path, kind):
    read = sum(check_world(tmp_path, seed, kind, 100, document_length=3)["bounded"] for seed in range(20, 26))
    whole = sum(check_world(tmp_path, seed, kind, 100)["bounded"] for seed in range(20, 26))
    assert 10 < read < whole  # some documents have a bound, and some have none any more


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
