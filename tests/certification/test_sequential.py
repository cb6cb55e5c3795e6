"""Sampling on demand: it stops early, agrees with what the exact scores say, and misses as rarely as it promises."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robustrank.certification.bounds import sequential
from robustrank.certification.sequential import FIRST, certify_sequentially


class Coins:
    """Documents whose copies score 1 or 0, with a share of ones each."""

    def __init__(self, shares, seed=0):
        self.shares, self.seed, self.rounds = shares, seed, []

    def draw(self, spans):
        self.rounds.append(dict(spans))
        found = {}
        for i, (start, stop) in spans.items():
            rng = np.random.default_rng([self.seed, i])
            found[i] = (rng.random(stop) < self.shares[i]).astype(np.float32)[start:]
        return found

    def certificates(self, rhos, ks, alpha=0.05, most=1000):
        ids = [f"d{i}" for i in range(len(self.shares))]
        return certify_sequentially("q", ids, self.draw, rhos, ks, alpha=alpha, most=most)


def test_documents_far_below_stop_after_the_first_rounds():
    coins = Coins([0.98, 0.96, *([0.02] * 30)])
    (one, two) = coins.certificates([1.0] * 32, [1, 2])
    assert two.certified
    counts = {d.doc_id: d.samples for d in two.documents}
    assert max(counts[f"d{i}"] for i in range(2, 32)) <= 4 * FIRST
    assert counts["d0"] == counts["d1"] == 1000  # their order is what is hard to tell
    assert not one.certified
    one.recheck()
    two.recheck()


def test_a_hopeless_list_is_given_up_and_a_certain_one_is_too():
    coins = Coins([0.9, 0.1, 0.1])
    (given_up,) = coins.certificates([1.0, 0.05, 1.0], [1])
    assert not given_up.certified
    assert max(d.samples for d in given_up.documents) <= 8 * FIRST
    (vacuous,) = Coins([0.5, 0.5]).certificates([1.0, 1.0], [2])
    assert vacuous.certified
    assert {d.samples for d in vacuous.documents} == {FIRST}


def test_nothing_is_drawn_twice_and_no_more_than_allowed():
    coins = Coins([0.5, 0.49, 0.1])
    coins.certificates([1.0] * 3, [1], most=100)
    spans = [span for asked in coins.rounds for i, span in asked.items() if i == 0]
    assert spans == [(0, 16), (16, 32), (32, 64), (64, 100)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), min_size=2, max_size=5),
    st.lists(st.sampled_from([1.0, 0.9, 0.5]), min_size=5, max_size=5),
    st.integers(0, 10_000),
)
def test_no_certified_list_is_one_the_exact_scores_do_not_certify(shares, rhos, seed):
    ks = range(1, len(shares))
    for found in Coins(shares, seed).certificates(rhos[: len(shares)], ks, alpha=1e-6, most=200):
        exact = {f"d{i}": share for i, share in enumerate(shares)}
        loss = {f"d{i}": 1 - rho for i, rho in enumerate(rhos)}
        inside, outside = found.documents[: found.k], found.documents[found.k :]
        pairs = itertools.product(inside, outside)
        if found.certified:
            assert all(exact[i.doc_id] > exact[o.doc_id] + loss[o.doc_id] for i, o in pairs)


def test_a_bound_looked_at_after_every_sample_misses_no_more_often_than_promised():
    delta, rounds, missed = 0.1, 400, 0
    for seed in range(rounds):
        samples = (np.random.default_rng(seed).random(120) < 0.3).astype(np.float64)
        missed += any(sequential(samples[:n], delta) > 0.3 for n in range(5, 121, 5))
    assert missed / rounds <= delta + 3 * np.sqrt(delta * (1 - delta) / rounds)


def test_a_place_is_counted_from_one():
    with pytest.raises(ValueError, match="from 1"):
        Coins([0.5, 0.4]).certificates([1.0, 1.0], [0])
