"""The served ranker: answers checked, cached, probed; lists reranked; and the lexical rankers behind it."""

from __future__ import annotations

import math
from dataclasses import replace

import bm25s
import numpy as np
import pytest

from robustrank.collections.collection import Collection
from robustrank.errors import PluginError
from robustrank.rankers import serving
from robustrank.rankers.cache import ScoreCache
from robustrank.rankers.lexical import BM25, QueryLikelihood
from robustrank.rankers.ranker import PointwiseRanker, Ranker, Ranking, ranking_by_score
from robustrank.rankers.serving import ServedRanker
from robustrank.records import RankedList, Request
from robustrank.testing.samples import Overlap
from robustrank.text.analysis import analyser

DOCUMENTS = {
    "d1": "wings lift the aircraft",
    "d2": "the budget of the ministers",
    "d3": "aircraft aircraft wings pressure lift pressure",
    "d4": "nothing of note",
}
COLLECTION = Collection("c", {"q": "aircraft wings"}, DOCUMENTS, {"q": {"d1": 1}}, {"q": tuple(DOCUMENTS)})


class Counting(PointwiseRanker):
    def __init__(self, answer=lambda pairs: [len(document) for _, document in pairs]):
        self.asked, self.answer = [], answer

    def score(self, pairs):
        self.asked += pairs
        return self.answer(pairs)


def test_a_pair_is_scored_once_in_this_run_and_the_next(tmp_path):
    ranker = Counting()
    pairs = [("q", "aa"), ("q", "b"), ("q", "aa")]
    assert ServedRanker(ranker, "id", ScoreCache(tmp_path)).score(pairs).tolist() == [2, 1, 2]
    again = ServedRanker(ranker, "id", ScoreCache(tmp_path))
    assert again.score([*pairs, ("q", "new")]).tolist() == [2, 1, 2, 3]
    assert ranker.asked[-1:] == [("q", "new")]
    assert set(ranker.asked[:-1]) == set(pairs)  # the probe asks for some pairs several times
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
        (lambda pairs: ["high"] * len(pairs), "high"),
        (lambda pairs: [1j] * len(pairs), "real number"),
        (lambda pairs: None, "NoneType"),
        (lambda pairs: [None] * len(pairs), "real number"),
        (lambda pairs: [[0.0]] * len(pairs), "shape"),
    ],
)
def test_a_bad_answer_is_refused(answer, says):
    with pytest.raises(PluginError, match=says):
        ServedRanker(Counting(answer)).score([("q", "some text"), ("q", "other text")])


class Listwise(PointwiseRanker):
    """Says it is pointwise, and scores by the place among the documents of the call."""

    def score(self, pairs):
        order = sorted(range(len(pairs)), key=lambda i: -len(pairs[i][1]))
        return np.array([-order.index(i) for i in range(len(pairs))], dtype=np.float32)


class Padded(PointwiseRanker):
    """Scores move with the longest text of the call, as where padding is read."""

    def __init__(self, move):
        self.move = move

    def score(self, pairs):
        longest = max(len(document) for _, document in pairs)
        return np.array([len(document) + self.move * longest for _, document in pairs], dtype=np.float32)


@pytest.mark.parametrize("ranker", [Listwise(), Padded(1e-2)])
def test_a_ranker_of_lists_is_refused_as_pointwise_with_what_to_declare(ranker):
    with pytest.raises(PluginError, match=r"declared pointwise.*\n(.*\n)*.*implement rank\(requests\)"):
        ServedRanker(ranker).rank([COLLECTION.request("q")])


class Running(PointwiseRanker):
    """A document after a longer one gains: scores are those of pairs alone while the lengths of a call ascend."""

    def score(self, pairs):
        lengths = np.array([len(document) for _, document in pairs], dtype=np.float32)
        return lengths + (np.maximum.accumulate(lengths) > lengths)


def test_a_ranker_that_reads_the_order_of_a_call_is_refused():
    with pytest.raises(PluginError, match="in reversed company"):
        ServedRanker(Running()).score([("q", "a"), ("q", "bb"), ("q", "ccc")])


def test_a_wrong_score_does_not_enter_the_cache(tmp_path):
    cache = ScoreCache(tmp_path)
    with pytest.raises(PluginError):
        ServedRanker(Listwise(), "id", cache).rank([COLLECTION.request("q")])
    assert cache.get("id", COLLECTION.pairs("q")) == {}


def test_rounding_is_no_reason_to_refuse():
    served = ServedRanker(Padded(1e-8))
    assert served.rank([COLLECTION.request("q")])[0].order == (2, 1, 0, 3)


class Shortest(Ranker):
    """A list ranker: the shortest document first; scores are minus the places."""

    def __init__(self, order=lambda order: order, scores=lambda n: None):
        self.requests, self.order, self.scores = [], order, scores

    def rank(self, requests):
        self.requests += requests
        lengths = [[len(candidate.text) for candidate in request.candidates] for request in requests]
        return [Ranking(tuple(self.order(np.argsort(n, kind="stable").tolist())), self.scores(len(n))) for n in lengths]


def test_a_list_is_ranked_once_and_every_bit_is_kept(tmp_path):
    request = COLLECTION.request("q")
    scores = np.array([0.1, -3, 1e-30, 7], dtype=np.float32)
    ranker = Shortest(scores=lambda n: scores)
    first, same = ServedRanker(ranker, "id", ScoreCache(tmp_path)).rank([request, request])
    again = ServedRanker(ranker, "id", ScoreCache(tmp_path))
    (kept,) = again.rank([request])
    assert first.order == same.order == kept.order == (3, 0, 1, 2)
    assert kept.scores.tobytes() == scores.tobytes()
    assert (len(ranker.requests), again.ranked, again.lists_cached) == (1, 0, 1)
    ServedRanker(ranker, "other", ScoreCache(tmp_path)).rank([request])
    again.rank([request.replaced({"d1": "wings"})])
    assert len(ranker.requests) == 3


def killed_by(text, answer):
    def answer_or_die(questions):
        if any(text in str(question) for question in questions):
            raise KeyboardInterrupt
        return answer(questions)

    return answer_or_die


def test_pairs_scored_before_a_kill_are_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(serving, "BATCH", 2)
    monkeypatch.setattr(serving, "SLICE", 2)
    pairs = [("q", "a"), ("q", "bb"), ("q", "ccc"), ("q", "the last")]
    ranker = Counting(killed_by("last", lambda pairs: [len(document) for _, document in pairs]))
    with pytest.raises(KeyboardInterrupt):
        ServedRanker(ranker, "id", ScoreCache(tmp_path)).score(pairs)
    assert ScoreCache(tmp_path).get("id", pairs) == {("q", "a"): 1, ("q", "bb"): 2}


def test_batches_scored_before_a_kill_are_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(serving, "SECONDS", 0.0)
    pairs = [("q", str(number)) for number in range(6)]

    class InBatches(Counting):
        def score_in_batches(self, pairs):
            for positions in np.arange(len(pairs))[::-1].reshape(-1, 2):
                yield positions, self.score([pairs[i] for i in positions])

    ranker = InBatches(killed_by("0", lambda pairs: [float(document) for _, document in pairs]))
    served = ServedRanker(ranker, "id", ScoreCache(tmp_path))
    served._is_probed = True
    with pytest.raises(KeyboardInterrupt):
        served.score(pairs)
    assert ScoreCache(tmp_path).get("id", pairs) == {("q", str(number)): number for number in (2, 3, 4, 5)}


def test_scores_that_a_batch_leaves_out_are_refused():
    class LeavesOut(Counting):
        def score_in_batches(self, pairs):
            yield np.arange(1), self.score(pairs[:1])

    with pytest.raises(PluginError, match="nan"):
        ServedRanker(LeavesOut(lambda pairs: [1.0] * len(pairs))).score([("q", "a"), ("q", "b")])


def test_lists_ranked_before_a_kill_are_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(serving, "LIST_SLICE", 2)
    requests = [replace(COLLECTION.request("q"), query=query) for query in ("a", "b", "c", "the last")]
    ranker = Shortest()
    monkeypatch.setattr(ranker, "rank", killed_by("last", ranker.rank))
    with pytest.raises(KeyboardInterrupt):
        ServedRanker(ranker, "id", ScoreCache(tmp_path)).rank(requests)
    assert set(ScoreCache(tmp_path).get_rankings("id", requests)) == set(requests[:2])


@pytest.mark.parametrize(
    ("order", "scores", "says"),
    [
        (lambda order: order[:-1], lambda n: None, "permutation"),
        (lambda order: [*order[:-1], order[0]], lambda n: None, "permutation"),
        (lambda order: [str(i) for i in order], lambda n: None, "permutation"),
        (lambda order: [i + 0.5 for i in order], lambda n: None, "permutation"),
        (lambda order: order, lambda n: [0.0] * (n - 1), "shape"),
        (lambda order: order, lambda n: [math.nan] * n, "nan"),
    ],
)
def test_what_is_no_ranking_is_refused(order, scores, says):
    with pytest.raises(PluginError, match=says):
        ServedRanker(Shortest(order, scores)).rank([COLLECTION.request("q")])


def test_pairs_are_no_question_for_a_list_ranker():
    with pytest.raises(PluginError, match="ranks lists"):
        ServedRanker(Shortest()).score([("q", "text")])


def served_list(served):
    request = COLLECTION.request("q")
    return RankedList(request, served.rank([request])[0])


@pytest.mark.parametrize(
    "make", [lambda: Counting(lambda pairs: np.array([float(len(d)) for _, d in pairs])), Shortest]
)
def test_new_texts_are_ranked_in_their_documents_places(make):
    served = ServedRanker(make())
    clean = served_list(served)
    edits = [{"d4": "aircraft " * 20}, {"d4": ""}, {"d1": "x", "d2": "longer than all the others of this list, by far"}]
    for texts, ranking in zip(edits, served.rerank([(clean, texts) for texts in edits]), strict=True):
        (whole,) = ServedRanker(make()).rank([clean.request.replaced(texts)])
        assert ranking.order == whole.order
    assert served_list(served).ranking.order == clean.ranking.order


def test_reranking_asks_a_pointwise_ranker_for_the_new_texts_alone():
    ranker = Counting()
    served = ServedRanker(ranker)
    clean = served_list(served)
    ranker.asked.clear()
    (ranking,) = served.rerank([(clean, {"d4": "new"})])
    assert ranker.asked == [("aircraft wings", "new")]
    assert ranking.cost.calls == 1


def test_ties_are_broken_by_document_id():
    request = COLLECTION.request("q")
    assert ranking_by_score(request, np.zeros(4, np.float32)).order == (0, 1, 2, 3)
    turned = Request("q", "q", request.candidates[::-1])
    assert ranking_by_score(turned, np.zeros(4, np.float32)).order == (3, 2, 1, 0)


def test_a_list_as_a_run_keeps_the_served_order():
    request = COLLECTION.request("q")
    scored = RankedList(request, Ranking((3, 0, 1, 2), np.array([2, 1, 1, 5], np.float32)))
    assert scored.run() == {"d4": 5, "d1": 2, "d2": 1, "d3": 1}
    assert RankedList(request, Ranking((3, 0, 1, 2))).run() == {"d4": 4, "d1": 3, "d2": 2, "d3": 1}
    partitioned = RankedList(request, Ranking((0, 1, 2, 3), np.array([2, 1, 1, 5], np.float32)))
    assert list(partitioned.run()) == ["d1", "d2", "d3", "d4"]
    assert list(partitioned.run().values()) == [4, 3, 3, 2], "a tie stays one"
    assert list(partitioned.run(no_match=1)) == ["d1", "d4"]


def test_bm25_agrees_with_bm25s_on_indexed_documents():
    ranker = BM25()
    ranker.prepare(COLLECTION)
    ours = ranker.score(COLLECTION.pairs("q"))
    index = bm25s.BM25(k1=0.9, b=0.4, method="lucene")
    index.index([analyser("en").terms(text) for text in DOCUMENTS.values()], show_progress=False)
    theirs = index.get_scores(analyser("en").terms(COLLECTION.queries["q"]))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert ours[0] > 0


def test_query_likelihood_by_hand():
    ranker = QueryLikelihood(mu=10)
    ranker.prepare(COLLECTION)
    tokens = sum(len(analyser("en").terms(text)) for text in DOCUMENTS.values())
    aircraft, wings = 3 / tokens, 2 / tokens
    length = len(analyser("en").terms(DOCUMENTS["d3"]))
    expected = math.log((2 + 10 * aircraft) / (length + 10)) + math.log((1 + 10 * wings) / (length + 10))
    assert ranker.score([("aircraft wings unheard", DOCUMENTS["d3"])])[0] == pytest.approx(expected, rel=1e-6)


def test_a_lexical_ranker_without_statistics_says_so():
    with pytest.raises(PluginError, match="prepare"):
        BM25().score([("a", "b")])


class ForeignGradients(Overlap):
    def score(self, pairs):
        return super().score(pairs) + 0.5


def test_gradients_of_another_input_than_the_scored_one_are_refused():
    ServedRanker(Overlap()).refuse_foreign_gradients("wings lift", "wings of aircraft")
    with pytest.raises(PluginError, match="gradients"):
        ServedRanker(ForeignGradients()).refuse_foreign_gradients("wings lift", "wings of aircraft")
