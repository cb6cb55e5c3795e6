"""Clicks: the models against brute force, and what is learned from them where the answer is known."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from robustrank.tasks.click_noise import ClickNoise
from robustrank.tasks.parts.click_learning import ShownLists, learn_by_em, learn_dual, learn_weighted
from robustrank.tasks.parts.click_models import attractiveness, draw_clicks, examination, rank_examination

from robustrank.cli.main import invoke
from robustrank.randomness import derive
from tests.result_rows import read_rows
from tests.tiny_collection import write_experiment, write_tiny

RANKS, QUERIES = 6, 300
STEPS = 300


def world(eta, noise, sessions, seed=0, model="pbm"):
    """Return lists in random order, whose grade is a function of three features, labels, and the true examination."""
    rng = derive(seed, "world")
    features = np.concatenate([rng.normal(size=(QUERIES, RANKS, 3)), np.ones((QUERIES, RANKS, 1))], axis=2)
    gains = np.clip(np.round(features @ np.array([1.0, -0.5, 0.0, 0.0]) + 0.5), 0, 2)
    ranks = rank_examination(eta, RANKS)
    attract = attractiveness(gains, 2, noise)
    clicks = draw_clicks(model, ranks, attract, sessions, rng).astype(float)
    lists = ShownLists(features, np.ones(gains.shape, dtype=bool), clicks, np.full(QUERIES, float(sessions)))
    return lists, attractiveness(gains, 2, 0.0), examination(model, ranks, attract)


def by_ipw(lists, examined):
    return learn_weighted(lists, lists.clicks * examined[:, :1] / examined, examined.mean(axis=0), STEPS).weights


def naive(lists):
    return learn_weighted(lists, lists.clicks, np.ones(RANKS), STEPS).weights


def cosine(first, second):
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


def test_attractiveness_and_examination_by_hand():
    assert attractiveness(np.array([0.0, 1.0, 2.0]), 2, 0.1).tolist() == pytest.approx([0.1, 0.4, 1.0])
    assert rank_examination(0, 12).tolist() == [1.0] * 12
    assert rank_examination(2, 12)[[0, 1, 9, 11]].tolist() == pytest.approx([0.4624, 0.3721, 0.0036, 0.0036])


def test_the_cascade_is_that_of_all_walks():
    ranks, attract = rank_examination(1, 3), np.array([[0.9, 0.2, 0.5]])
    clicked = np.zeros(3)
    for events in itertools.product((False, True), repeat=3):  # would each place be clicked if it were reached?
        chance = np.prod([p * a if event else 1 - p * a for p, a, event in zip(ranks, attract[0], events, strict=True)])
        if True in events:
            clicked[events.index(True)] += chance
    assert examination("cascade", ranks, attract)[0] * attract[0] == pytest.approx(clicked)
    drawn = draw_clicks("cascade", ranks, attract, 20_000, derive(0, "clicks"))
    assert drawn[0] / 20_000 == pytest.approx(clicked, abs=0.01)
    assert drawn.sum() <= 20_000
    sure = examination("cascade", np.ones(2), np.ones((1, 2)))
    assert draw_clicks("cascade", np.ones(2), np.ones((1, 2)), 9, derive(0, "c")).tolist() == [[9, 0]]
    assert sure.tolist() == [[1, 0]]


def test_without_position_bias_naive_and_inverse_propensities_give_the_same_model():
    lists, _, examined = world(eta=0, noise=0.1, sessions=20)
    assert (by_ipw(lists, examined) == naive(lists)).all()
    biased, _, examined = world(eta=1, noise=0.1, sessions=20)
    assert (by_ipw(biased, examined) != naive(biased)).any()


@pytest.mark.parametrize("model", ["pbm", "cascade"])
def test_true_propensities_approach_the_labels_as_sessions_grow(model):
    distances = []
    for sessions in (1, 10, 100, 1000):
        lists, labels, examined = world(eta=1, noise=0.0, sessions=sessions, model=model)
        target = learn_weighted(lists, labels, np.ones(RANKS), STEPS).weights
        distances.append(float(np.linalg.norm(by_ipw(lists, examined) - target)))
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.2 * distances[0]
    assert np.linalg.norm(naive(lists) - target) > 3 * distances[-1]


def test_clicks_that_do_not_depend_on_relevance_teach_none():
    lists, labels, examined = world(eta=1, noise=1.0, sessions=1000)
    target = learn_weighted(lists, labels, np.ones(RANKS), STEPS).weights
    assert np.linalg.norm(by_ipw(lists, examined)) < 0.05 * np.linalg.norm(target)


def test_dual_learning_and_em_find_propensities_where_lists_are_in_random_order():
    lists, labels, _ = world(eta=1, noise=0.1, sessions=100)
    target, true = learn_weighted(lists, labels, np.ones(RANKS), STEPS).weights, rank_examination(1, RANKS)
    for learned in (learn_dual(lists, 100.0, STEPS), learn_by_em(lists, STEPS)):
        assert np.abs(np.log(learned.propensities / (true / true[0]))).mean() < 0.2
        assert cosine(learned.weights[:3], target[:3]) > 0.95


def test_a_gradient_is_that_of_the_weighted_softmax_loss():
    from robustrank.tasks.parts.click_learning import _ranking_gradient, _scores

    lists, labels, _ = world(eta=1, noise=0.1, sessions=5)
    lists = replace(lists, present=lists.present & (np.arange(RANKS) < 4))
    weights, ranker = labels * lists.present, np.array([0.3, -0.2, 0.1, 0.0])

    def loss(values):
        scores = np.where(lists.present, _scores(lists, values), -np.inf)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return -(weights[lists.present] * logs[lists.present]).sum() / weights.sum()

    numeric = [(loss(ranker + step) - loss(ranker - step)) / 2e-6 for step in np.eye(4) * 1e-6]
    assert _ranking_gradient(lists, ranker, weights) == pytest.approx(numeric, abs=1e-6)


def test_rows_of_the_task(tmp_path):
    collection = write_tiny(tmp_path / "tiny")
    experiment = write_experiment(
        tmp_path / "e.yaml",
        collection,
        "rankers: [bm25]\n"
        "tasks: [{name: click-noise, eta: 0, tested: 1, sessions: 50, steps: 20, spam: 0.5, label: none},\n"
        "  {name: click-noise, tested: 9, label: nothing left}]\n",
    )
    assert invoke(["run", str(experiment), "--out", str(tmp_path / "out"), "--workers", "0", "--no-report"]) == 0
    rows = read_rows(tmp_path / "out")
    of_task = [row for row in rows if row["task"] == "none"]
    groups = {row["group"] for row in of_task if (row["measure"], row["condition"]) == ("nDCG@10", "clean")}
    assert groups == {"production", *ClickNoise.__dataclass_fields__["methods"].default}
    cosines = {row["group"]: row["value"] for row in of_task if row["measure"] == "weight_cosine"}
    assert cosines["naive"] == cosines["ipw-true"] == cosines["ipw-wrong"]
    errors = {row["group"]: row["value"] for row in of_task if row["measure"] == "propensity_error"}
    assert errors["naive"] == errors["ipw-true"] == 0
    assert {row["condition"] for row in of_task if row["measure"] == "boost"} == {"attacked"}
    (left,) = [row for row in rows if row["task"] == "nothing left"]
    assert (left["status"], left["note"]) == ("skipped", "no query is left to learn from")
