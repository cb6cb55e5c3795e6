"""Imitation: pseudo-relevance labels, the queries to the victim, agreement with the victim, checkpoints."""

from __future__ import annotations

import numpy as np
import pytest

from robustrank.errors import UsageError
from robustrank.imitation import Imitation, imitate, pseudo_qrels
from robustrank.measures.ranking import ranking
from robustrank.measures.stability import top_k_overlap
from robustrank.plugins import create
from robustrank.plugins.specification import parse
from robustrank.randomness import derive
from robustrank.rankers.ranker import PointwiseRanker
from robustrank.rankers.serving import ServedRanker
from robustrank.victim import Access, QueryInterface

pytest.importorskip("gensim")
pytest.importorskip("lightgbm")


@pytest.fixture(scope="module")
def lee():
    return create("collection", parse("lee:split=background,depth=40")).read()


class Shortest(PointwiseRanker):
    """A victim that ranks the shortest document first."""

    def score(self, pairs):
        return np.array([-len(document) for _, document in pairs], dtype=np.float32)


def agreement(surrogate, victim, collection, query_ids):
    values = []
    for query_id in query_ids:
        doc_ids, pairs = list(collection.candidates[query_id]), collection.pairs(query_id)
        lists = [[doc_ids[i] for i in ranking(ranker.score(pairs), doc_ids)] for ranker in (surrogate, victim)]
        values.append(top_k_overlap(*lists, 10))
    return float(np.mean(values))


def test_gains_fall_with_the_rank_and_lists_keep_a_sample_of_lower_documents(lee):
    lists = {q: list(reversed(lee.candidates[q])) for q in list(lee.queries)[:3]}
    training_split = pseudo_qrels(lee.only(lists), lists, 5, 4, 0)
    for query_id, ranked in lists.items():
        gains = training_split.qrels[query_id]
        assert [gains[d] for d in ranked[:5]] == [5, 4, 3, 2, 1]
        assert len(training_split.candidates[query_id]) == 9
        assert {gains[d] for d in set(training_split.candidates[query_id]) - set(ranked[:5])} == {0}


def test_a_surrogate_agrees_with_its_victim_and_not_with_another_ranker(lee, tmp_path):
    query_ids = list(lee.queries)
    test_queries, training = query_ids[:10], lee.only(query_ids[10:60])
    surrogates = {}
    for name, victim in (("shortest", Shortest()), ("bm25", create("ranker", parse("bm25")))):
        if name == "bm25":
            victim.prepare(lee)
        interface = QueryInterface(ServedRanker(victim), Access.RANKS, checkpoint_dir=tmp_path)
        settings = Imitation(surrogate="lambda-mart", queries=20)
        surrogates[name] = imitate(interface, training, settings, derive(0, "imitation"))
        assert interface.meter.queries == 20 * 40
        assert agreement(surrogates[name], victim, lee, test_queries) > 0.7
    assert agreement(surrogates["bm25"], Shortest(), lee, test_queries) < 0.6
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 2


def test_the_checkpoint_of_a_surrogate_is_used_again(lee, tmp_path):
    settings, training = Imitation(surrogate="lambda-mart", queries=6), lee.only(list(lee.queries)[10:20])
    interface = QueryInterface(ServedRanker(Shortest()), Access.RANKS, checkpoint_dir=tmp_path)
    first = imitate(interface, training, settings, derive(0))
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.suffix != ".lock"}
    second = imitate(interface, training, settings, derive(0))
    assert stamps == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.suffix != ".lock"}
    pairs = lee.pairs(next(iter(lee.queries)))
    assert first.score(pairs).tolist() == second.score(pairs).tolist()


def test_an_untrainable_surrogate_is_refused(lee):
    with pytest.raises(UsageError, match="no weights to train"):
        imitate(QueryInterface(ServedRanker(Shortest()), Access.RANKS), lee, Imitation(surrogate="bm25"), derive(0))
