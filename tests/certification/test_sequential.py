"""Sequential sampling: it stops early, agrees with the exact scores, and its error rate is at most alpha."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robustrank.certification import sequential as module
from robustrank.certification.bounds import sequential
from robustrank.certification.sequential import FIRST, certify_sequentially


class Coins:
    """Documents whose copies score 1 or 0, each with its share of 1."""

    def __init__(self, shares, seed=0):
        self.shares, self.seed, self.rounds = shares, seed, []

    def draw(self, spans):
        self.rounds.append(dict(spans))
        scores = {}
        for i, (start, stop) in spans.items():
            rng = np.random.default_rng([self.seed, i])
            scores[i] = (rng.random(stop) < self.shares[i]).astype(np.float32)[start:]
        return scores

    def certificates(self, rhos, ks, alpha=0.05, most=1000, first=FIRST):
        """The certificates of the list that the first samples give."""
        means = [scores.mean() for scores in self.draw(dict.fromkeys(range(len(self.shares)), (0, first))).values()]
        self.rounds.clear()
        order = sorted(range(len(self.shares)), key=lambda i: (-means[i], i))

        def draw(spans):
            scores = self.draw({order[i]: span for i, span in spans.items()})
            return {i: scores[order[i]] for i in spans}

        ids, ranked = [f"d{i}" for i in order], [rhos[i] for i in order]
        return certify_sequentially("q", ids, draw, ranked, ks, alpha=alpha, most=most, first=first)


def counts(certificate):
    return {document.doc_id: document.samples for document in certificate.documents}


def test_the_closest_two_documents_are_sampled_before_the_others():
    coins = Coins([0.75, 0.7, 0.4, 0.38, 0.36, 0.35])
    (top2,) = coins.certificates([1.0] * 6, [2], most=1000, first=20)
    assert top2.certified
    sampled = [len(spans) for spans in coins.rounds]
    assert sampled[0] == 6
    assert max(sampled[1:4]) <= 2 < max(sampled[4:])


def test_documents_far_below_stop_after_the_first_rounds():
    coins = Coins([0.98, 0.9, *([0.02] * 30)])
    (top1, top2) = coins.certificates([1.0] * 32, [1, 2])
    assert top1.certified
    assert top2.certified
    samples = counts(top1)
    assert max(samples[f"d{i}"] for i in range(2, 32)) <= 4 * FIRST
    assert min(samples["d0"], samples["d1"]) > 8 * FIRST  # their order is hard to decide
    top1.verify()
    top2.verify()


def test_a_list_is_given_up_where_the_maximum_number_of_samples_would_not_suffice():
    (tied,) = Coins([0.5, 0.5, 0.02]).certificates([1.0] * 3, [1], most=100_000)
    assert not tied.certified
    assert max(counts(tied).values()) < 10_000
    (close,) = Coins([0.9, 0.6]).certificates([1.0, 0.71], [1])  # a margin of 0.01, and bounds of 0.03 at the best
    assert not close.certified
    assert max(counts(close).values()) <= 500


def test_no_copy_is_sampled_beyond_the_first_round_where_rho_is_0():
    (hopeless,) = Coins([1.0, 0.9, 0.0]).certificates([1.0, 0.0, 0.0], [1], first=20)
    assert not hopeless.certified
    assert set(counts(hopeless).values()) == {20}


shares_of_1 = st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.8, 0.9, 1.0]), min_size=2, max_size=5)
five_rhos = st.lists(st.sampled_from([1.0, 0.95, 0.9, 0.5]), min_size=5, max_size=5)


@settings(max_examples=100, deadline=None)
@given(shares_of_1, five_rhos, st.integers(1, 4), st.integers(0, 10_000))
def test_giving_up_certifies_no_list_that_the_full_run_does_not(shares, rhos, k, seed):
    (certificate,) = Coins(shares, seed).certificates(rhos[: len(shares)], [k], most=400)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "OPTIMISM", math.inf)
        (full,) = Coins(shares, seed).certificates(rhos[: len(shares)], [k], most=400)
    assert full.certified >= certificate.certified
    assert sum(counts(full).values()) >= sum(counts(certificate).values())


@pytest.mark.slow
def test_giving_up_saves_samples_and_loses_hardly_a_certificate(monkeypatch):
    def total():
        certificates = [
            certificate
            for seed in range(60)
            for certificate in Coins(np.random.default_rng(seed).random(8), seed).certificates([1.0] * 8, [2], most=600)
        ]
        return sum(c.certified for c in certificates), sum(sum(counts(c).values()) for c in certificates)

    certified, samples = total()
    monkeypatch.setattr(module, "OPTIMISM", math.inf)
    full, all_samples = total()
    assert full >= certified >= full - 1
    assert full >= 10
    assert samples < all_samples / 2


def test_a_hopeless_list_is_given_up_and_a_trivial_list_stops_after_the_first_round():
    coins = Coins([0.9, 0.1, 0.1])
    (given_up,) = coins.certificates([1.0, 0.05, 1.0], [1])
    assert not given_up.certified
    assert max(d.samples for d in given_up.documents) <= 8 * FIRST
    (trivial,) = Coins([0.5, 0.5]).certificates([1.0, 1.0], [2])
    assert trivial.certified
    assert {d.samples for d in trivial.documents} == {FIRST}


def test_each_of_the_2n_bounds_has_its_share_of_alpha():
    shares, alpha = [0.9, 0.6, 0.3], 0.12
    (trivial,) = Coins(shares).certificates([1.0] * 3, [3], alpha=alpha, first=200)
    scores = Coins(shares).draw(dict.fromkeys(range(3), (0, 200)))
    for document in trivial.documents:
        samples = scores[int(document.doc_id[1:])]
        assert document.lower == pytest.approx(sequential(samples, alpha / 6), abs=1e-12)
        assert document.lower < sequential(samples, alpha / 3)


def test_no_copy_is_sampled_twice_and_no_more_than_the_maximum():
    coins = Coins([0.5, 0.49, 0.1])
    coins.certificates([1.0] * 3, [1], most=100)
    spans = [span for round_spans in coins.rounds for i, span in round_spans.items() if i == 0]
    assert spans[0] == (0, FIRST)
    assert spans[-1][1] <= 100
    assert all(stop == start for (_, stop), (start, _) in itertools.pairwise(spans))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), min_size=2, max_size=5),
    st.lists(st.sampled_from([1.0, 0.9, 0.5]), min_size=5, max_size=5),
    st.integers(0, 10_000),
)
def test_every_certified_list_is_certified_by_the_exact_scores(shares, rhos, seed):
    ks = range(1, len(shares))
    for certificate in Coins(shares, seed).certificates(rhos[: len(shares)], ks, alpha=1e-6, most=200):
        exact = {f"d{i}": share for i, share in enumerate(shares)}
        loss = {f"d{i}": 1 - rho for i, rho in enumerate(rhos)}
        inside, outside = certificate.documents[: certificate.k], certificate.documents[certificate.k :]
        pairs = itertools.product(inside, outside)
        if certificate.certified:
            assert all(exact[i.doc_id] > exact[o.doc_id] + loss[o.doc_id] for i, o in pairs)


@pytest.mark.slow
def test_the_sequential_bound_is_time_uniform():
    delta, rounds, missed = 0.1, 400, 0
    for seed in range(rounds):
        samples = (np.random.default_rng(seed).random(120) < 0.3).astype(np.float64)
        missed += any(sequential(samples[:n], delta) > 0.3 for n in range(5, 121, 5))
    assert missed / rounds <= delta + 3 * np.sqrt(delta * (1 - delta) / rounds)


def test_stopping_and_giving_up_keep_the_error_rate_of_the_whole_list():
    # Exactly tied after the best edit: any certificate is wrong. Stopping and order depend on the samples.
    alpha, rounds, shares = 0.2, 250, [0.7, *[0.5] * 5]
    wrong = missed = 0
    for seed in range(rounds):
        (certificate,) = Coins(shares, seed).certificates([0.8] * 6, [1], alpha=alpha, most=200)
        wrong += certificate.certified
        missed += any(not d.lower <= shares[int(d.doc_id[1:])] <= d.upper for d in certificate.documents)
    allowed = alpha + 3 * math.sqrt(alpha * (1 - alpha) / rounds)
    assert wrong / rounds <= allowed
    assert 0 < missed / rounds <= allowed


def test_a_k_below_1_is_refused():
    with pytest.raises(ValueError, match="K=0; it must be at least 1"):
        Coins([0.5, 0.4]).certificates([1.0, 1.0], [0])
