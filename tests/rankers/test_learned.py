"""Learning to rank: it learns what labels say, keeps it bit for bit, and refuses what it does not know."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from robustrank.errors import DataError, PluginError, UsageError
from robustrank.randomness import derive
from robustrank.rankers.lambda_mart import LambdaMART
from robustrank.rankers.learned import Lists
from robustrank.rankers.lexical import BM25
from robustrank.rankers.rank_svm import RankSVM, _differences
from robustrank.rankers.training import mean_ndcg, split_by_query

pytest.importorskip("gensim")
pytest.importorskip("sklearn")
pytest.importorskip("lightgbm")
RANKERS = {"rank-svm": (RankSVM, {"costs": [0.01, 0.1]}), "lambda-mart": (LambdaMART, {"trees": 60, "least": 20})}


@pytest.fixture(scope="module")
def parts():
    from robustrank.collections.lee import LeeReader

    lee = LeeReader(split="background", depth=15).read()
    lee = lee.only(list(lee.queries)[:150])
    learned, tested = split_by_query(lee, 0.3, derive(0, "test"))
    return *split_by_query(learned, 0.25, derive(0, "validation")), tested


def mixed(part):
    """Give every candidate the gain of another of its list."""
    qrels = {}
    for query_id, listed in part.candidates.items():
        gains = [part.qrels[query_id].get(d, 0) for d in listed]
        order = derive(7, "shuffle", query_id).permutation(len(listed))
        qrels[query_id] = {d: gains[i] for d, i in zip(listed, order, strict=True)}
    return replace(part, qrels=qrels)


def trained(name, parts, folder, **settings):
    ranker, defaults = RANKERS[name]
    ranker().fit(*parts[:2], 3, str(folder), {**defaults, **settings})
    found = ranker().load(str(folder))
    found.prepare(parts[0])
    return found


@pytest.mark.parametrize("name", RANKERS)
def test_true_labels_teach_and_shuffled_labels_do_not(name, parts, tmp_path):
    learnable, validation, tested = parts
    bm25 = BM25()
    bm25.prepare(learnable)
    best = mean_ndcg(bm25.score, tested)
    coins = [lambda pairs, rng=rng: rng.normal(size=len(pairs)) for rng in derive(0, "chance").spawn(20)]
    chance = float(np.mean([mean_ndcg(coin, tested) for coin in coins]))
    true = trained(name, parts, tmp_path / "true")
    shuffled = trained(name, (mixed(learnable), mixed(validation)), tmp_path / "shuffled")
    assert mean_ndcg(true.score, tested) > 0.95 * best
    assert mean_ndcg(shuffled.score, tested) < chance + 0.7 * (best - chance)


@pytest.mark.parametrize("name", RANKERS)
def test_training_repeats_and_a_score_depends_on_its_pair_alone(name, parts, tmp_path):
    pairs = [pair for query_id in list(parts[2].queries)[:5] for pair in parts[2].pairs(query_id)]
    one, other = (trained(name, parts, tmp_path / part) for part in "ab")
    together = one.score(pairs)
    assert together.tobytes() == other.score(pairs[::-1])[::-1].tobytes()
    assert together[:9].tobytes() == np.concatenate([one.score([pair]) for pair in pairs[:9]]).tobytes()
    assert one.fingerprint == other.fingerprint
    assert len(np.unique(together)) > 3
    card = json.loads((tmp_path / "a" / "card.json").read_text())
    assert card["train"]["queries"] == len(parts[0].queries)
    assert max(card["validation_nDCG@10"]) > 0


@pytest.mark.parametrize("name", RANKERS)
def test_what_cannot_be_done_is_said(name, parts, tmp_path):
    ranker, _ = RANKERS[name]
    untrained = ranker()
    untrained.prepare(parts[0])
    with pytest.raises(PluginError, match="train"):
        untrained.score([("a", "b")])
    with pytest.raises(UsageError, match="epochs"):
        ranker().fit(*parts[:2], 0, str(tmp_path / "x"), {"epochs": 3})
    found = trained(name, parts, tmp_path / "model")
    for path in (tmp_path / "model").iterdir():
        path.write_text("torn")
    with pytest.raises(DataError, match="train"):
        found.score([("a", "b")])


def test_rank_svm_separates_what_one_feature_separates():
    features = derive(0, "features").normal(size=(40, 3))
    gains = np.repeat([0, 1, 2, 3], 10)
    features[:, 1] = gains + derive(0, "noise").uniform(0, 0.5, size=40)
    lists = Lists(features, gains, (40,))
    differences, weights = _differences(lists, features, 10_000, 0)
    assert len(differences) == 6 * 100  # pairs of different gain
    assert (differences[:, 1] > 0).all()
    assert weights.sum() == pytest.approx(len(weights))
    with pytest.raises(DataError, match="different gains"):
        _differences(Lists(features, np.zeros(40, dtype=np.int64), (40,)), features, 10, 0)
