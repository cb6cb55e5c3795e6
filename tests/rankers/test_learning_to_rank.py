"""Learning to rank: it fits the labels, training repeats bit for bit, and misuse is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from robustrank.errors import DataError, PluginError, UsageError
from robustrank.randomness import derive
from robustrank.rankers.lambda_mart import LambdaMART
from robustrank.rankers.learning_to_rank import FeatureLists
from robustrank.rankers.lexical import BM25
from robustrank.rankers.rank_svm import RankSVM, _differences
from robustrank.rankers.training import mean_ndcg, split_by_query

pytest.importorskip("gensim")
pytest.importorskip("sklearn")
pytest.importorskip("lightgbm")
RANKERS = {"rank-svm": (RankSVM, {"costs": [0.01, 0.1]}), "lambda-mart": (LambdaMART, {"trees": 60, "least": 20})}


@pytest.fixture(scope="module")
def splits():
    from robustrank.collections.lee import LeeReader

    lee = LeeReader(split="background", depth=15).read()
    lee = lee.only(list(lee.queries)[:150])
    rest, test = split_by_query(lee, 0.3, derive(0, "test"))
    return *split_by_query(rest, 0.25, derive(0, "validation")), test


def mixed(split):
    """Shuffle the gains of each candidate list."""
    qrels = {}
    for query_id, listed in split.candidates.items():
        gains = [split.qrels[query_id].get(d, 0) for d in listed]
        order = derive(7, "shuffle", query_id).permutation(len(listed))
        qrels[query_id] = {d: gains[i] for d, i in zip(listed, order, strict=True)}
    return replace(split, qrels=qrels)


def trained(name, splits, folder, **settings):
    ranker, defaults = RANKERS[name]
    ranker().fit(*splits[:2], 3, str(folder), {**defaults, **settings})
    model = ranker().load(str(folder))
    model.prepare(splits[0])
    return model


@pytest.mark.parametrize("name", RANKERS)
def test_true_labels_help_and_shuffled_labels_do_not(name, splits, tmp_path):
    train, validation, test = splits
    bm25 = BM25()
    bm25.prepare(train)
    best = mean_ndcg(bm25.score, test)
    coins = [lambda pairs, rng=rng: rng.normal(size=len(pairs)) for rng in derive(0, "chance").spawn(20)]
    chance = float(np.mean([mean_ndcg(coin, test) for coin in coins]))
    true = trained(name, splits, tmp_path / "true")
    shuffled = trained(name, (mixed(train), mixed(validation)), tmp_path / "shuffled")
    assert mean_ndcg(true.score, test) > 0.95 * best
    assert mean_ndcg(shuffled.score, test) < chance + 0.7 * (best - chance)


@pytest.mark.parametrize("name", RANKERS)
def test_training_repeats_and_a_score_depends_on_its_pair_alone(name, splits, tmp_path):
    pairs = [pair for query_id in list(splits[2].queries)[:5] for pair in splits[2].pairs(query_id)]
    first, second = (trained(name, splits, tmp_path / folder) for folder in "ab")
    together = first.score(pairs)
    assert together.tobytes() == second.score(pairs[::-1])[::-1].tobytes()
    assert together[:9].tobytes() == np.concatenate([first.score([pair]) for pair in pairs[:9]]).tobytes()
    assert len(np.unique(together)) > 3
    card = json.loads((tmp_path / "a" / "card.json").read_text())
    assert card["train"]["queries"] == len(splits[0].queries)
    assert max(card["validation_nDCG@10"]) > 0


@pytest.mark.parametrize("name", RANKERS)
def test_misuse_is_refused(name, splits, tmp_path):
    ranker, _ = RANKERS[name]
    untrained = ranker()
    untrained.prepare(splits[0])
    with pytest.raises(PluginError, match="train"):
        untrained.score([("a", "b")])
    with pytest.raises(UsageError, match="epochs"):
        ranker().fit(*splits[:2], 0, str(tmp_path / "x"), {"epochs": 3})
    model = trained(name, splits, tmp_path / "model")
    for path in (tmp_path / "model").iterdir():
        path.write_text("torn")
    with pytest.raises(DataError, match="train"):
        model.score([("a", "b")])


def test_rank_svm_separates_what_one_feature_separates():
    features = derive(0, "features").normal(size=(40, 3))
    gains = np.repeat([0, 1, 2, 3], 10)
    features[:, 1] = gains + derive(0, "noise").uniform(0, 0.5, size=40)
    lists = FeatureLists(features, gains, (40,))
    differences, weights = _differences(lists, features, 10_000, 0)
    assert len(differences) == 6 * 100  # pairs of different gain
    assert (differences[:, 1] > 0).all()
    assert weights.sum() == pytest.approx(len(weights))
    with pytest.raises(DataError, match="different gains"):
        _differences(FeatureLists(features, np.zeros(40, dtype=np.int64), (40,)), features, 10, 0)
