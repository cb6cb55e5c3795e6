"""The scoring engine, its cache, and the lexical rankers behind it."""

from __future__ import annotations

import math

import bm25s
import numpy as np
import pytest

from robustrank.collections.collection import Collection
from robustrank.errors import PluginError
from robustrank.rankers.cache import ScoreCache
from robustrank.rankers.lexical import BM25, QueryLikelihood
from robustrank.rankers.ranker import Ranker
from robustrank.rankers.scoring import Scorer
from robustrank.text.analysis import analyze

DOCUMENTS = {
    "d1": "wings lift the aircraft",
    "d2": "the budget of the ministers",
    "d3": "aircraft aircraft wings pressure lift pressure",
    "d4": "nothing of note",
}
COLLECTION = Collection("c", {"q": "aircraft wings"}, DOCUMENTS, {"q": {"d1": 1}}, {"q": tuple(DOCUMENTS)})


class Counting(Ranker):
    fingerprint = "counting"

    def __init__(self, answer=lambda pairs: [len(document) for _, document in pairs]):
        self.asked, self.answer = [], answer

    def score(self, pairs):
        self.asked += pairs
        return np.array(self.answer(pairs), dtype=np.float32)


def test_a_pair_is_scored_once_in_this_run_and_the_next(tmp_path):
    ranker = Counting()
    pairs = [("q", "aa"), ("q", "b"), ("q", "aa")]
    assert Scorer(ranker, ScoreCache(tmp_path)).score(pairs).tolist() == [2, 1, 2]
    again = Scorer(ranker, ScoreCache(tmp_path))
    assert again.score([*pairs, ("q", "new")]).tolist() == [2, 1, 2, 3]
    assert ranker.asked == [("q", "aa"), ("q", "b"), ("q", "new")]
    assert (again.scored, again.cached) == (1, 2)


def test_the_cache_keeps_every_bit_and_tells_rankers_and_texts_apart(tmp_path):
    cache = ScoreCache(tmp_path)
    value = float(np.float32(0.1))
    cache.put("one", {("ab", "c"): value})
    assert cache.get("one", [("ab", "c")]) == {("ab", "c"): value}
    assert cache.get("one", [("a", "bc")]) == cache.get("two", [("ab", "c")]) == {}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda pairs: [math.nan] * len(pairs), "nan"),
        (lambda pairs: [math.inf] * len(pairs), "inf"),
        (lambda pairs: [0.0], "shape"),
        (lambda pairs: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_a_bad_answer_is_refused(answer, says):
    with pytest.raises(PluginError, match=says):
        Scorer(Counting(answer)).score([("q", "some text"), ("q", "other text")])


def test_bm25_agrees_with_bm25s_on_indexed_documents():
    ranker = BM25()
    ranker.prepare(COLLECTION)
    ours = ranker.score(COLLECTION.pairs("q"))
    index = bm25s.BM25(k1=0.9, b=0.4, method="lucene")
    index.index([analyze(text) for text in DOCUMENTS.values()], show_progress=False)
    theirs = index.get_scores(analyze(COLLECTION.queries["q"]))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert ours[0] > 0


def test_query_likelihood_by_hand():
    ranker = QueryLikelihood(mu=10)
    ranker.prepare(COLLECTION)
    tokens = sum(len(analyze(text)) for text in DOCUMENTS.values())
    aircraft, wings = 3 / tokens, 2 / tokens
    length = len(analyze(DOCUMENTS["d3"]))
    expected = math.log((2 + 10 * aircraft) / (length + 10)) + math.log((1 + 10 * wings) / (length + 10))
    assert ranker.score([("aircraft wings unheard", DOCUMENTS["d3"])])[0] == pytest.approx(expected, rel=1e-6)


def test_statistics_decide_the_fingerprint():
    ranker = BM25()
    ranker.prepare(COLLECTION)
    other = BM25()
    other.prepare(Collection("c", {}, {"d": "x"}, {}, {}))
    assert len({ranker.fingerprint, other.fingerprint, BM25(k1=1.2).fingerprint}) == 3


def test_a_lexical_ranker_without_statistics_says_so():
    with pytest.raises(PluginError, match="prepare"):
        BM25().score([("a", "b")])
