"""The mean certificate against brute force: every edit and every smoothed text of small documents is enumerated."""

from __future__ import annotations

import itertools
import math
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robustrank.certification.bounds import BOUNDS
from robustrank.certification.coupling import CoupledCopies
from robustrank.certification.mean import certify_mean
from robustrank.certification.overlap import rho
from robustrank.text.table import PerturbationSets, symmetric

KEYS = ["aa", "bb", "cc", "dd", "ee", "ff"]
relations = st.dictionaries(st.sampled_from(KEYS), st.lists(st.sampled_from(KEYS), max_size=3), max_size=6)
texts = st.lists(st.sampled_from(KEYS), min_size=1, max_size=4).map(" ".join)
seeds = st.integers(0, 2**32 - 1)


class World:
    """A table, its perturbation sets, and a scorer without structure: a pseudo-random score for every text."""

    def __init__(self, relation, size, seed, low=0.0, high=1.0):
        self.sets = PerturbationSets(symmetric(relation, {}), size)
        # The extremes are the worst case: values between them change a mean less.
        self.values = np.where(np.random.default_rng(seed).random(97) < 0.5, low, high)

    def score(self, text):
        return float(self.values[zlib.crc32(text.encode()) % 97])

    def smoothed(self, text):
        """The exact smoothed score, over all smoothed texts."""
        copies = itertools.product(*(self.sets.neighbourhood(key) for key in text.split()))
        return float(np.mean([self.score(" ".join(copy)) for copy in copies]))

    def edits(self, text, radius=None):
        """Every text an attacker may write."""
        keys = text.split()
        for edited in itertools.product(*((key, *self.sets.table.substitutes(key)) for key in keys)):
            if radius is None or sum(a != b for a, b in zip(keys, edited, strict=True)) <= radius:
                yield " ".join(edited)

    def rho(self, text, radius=None):
        return rho(self.sets.overlaps(text), radius)

    def samples(self, text, count, rng):
        copies = CoupledCopies(self.sets, int(rng.integers(2**63))).copies(text, count)
        return np.array([self.score(copy) for copy in copies])

    def certificates(self, documents, count, bound, rng, rhos=None, radius=None, alpha=1e-4):
        """The order of the list, and the certificates of every K."""
        drawn = [self.samples(document, count, rng) for document in documents]
        order = sorted(range(len(documents)), key=lambda i: (-drawn[i].mean(), i))
        rhos = [self.rho(document, radius) for document in documents] if rhos is None else rhos
        ids, ks = [str(i) for i in order], range(1, len(order))
        certificates = certify_mean(
            "q", ids, [drawn[i] for i in order], [rhos[i] for i in order], ks, alpha=alpha, bound=bound
        )
        return order, certificates

    def breaks(self, documents, order, k, radius=None):
        """Whether some allowed edit of a document outside the top K enters it, by exact smoothed scores."""
        weakest = min(self.smoothed(documents[i]) for i in order[:k])
        return any(self.smoothed(edited) >= weakest for i in order[k:] for edited in self.edits(documents[i], radius))


@settings(max_examples=80, deadline=None)
@given(relations, texts, st.integers(1, 6), st.one_of(st.none(), st.integers(0, 3)), seeds)
def test_no_edit_changes_the_smoothed_score_by_more_than_1_minus_rho(relation, text, size, radius, seed):
    world = World(relation, size, seed)
    clean, allowed = world.smoothed(text), 1 - world.rho(text, radius)
    for edited in world.edits(text, radius):
        assert abs(world.smoothed(edited) - clean) <= allowed + 1e-12


def test_the_overlap_bound_is_tight_for_a_single_word():
    world = World({"aa": ["bb"], "bb": ["cc"], "cc": ["dd"]}, 3, 0)
    values = dict.fromkeys(KEYS, 0.0)
    for key in set(world.sets.neighbourhood("cc")) - set(world.sets.neighbourhood("bb")):
        values[key] = 1.0
    world.score = values.__getitem__
    assert world.smoothed("cc") - world.smoothed("bb") == pytest.approx(1 - world.rho("bb")) == pytest.approx(1 / 3)


@settings(max_examples=150, deadline=None)
@given(
    relations,
    st.lists(texts, min_size=2, max_size=4, unique=True),
    st.sampled_from([3, 4, 6]),
    st.one_of(st.none(), st.integers(0, 2)),
    seeds,
    st.sampled_from(sorted(BOUNDS)),
)
def test_no_certified_list_is_broken_by_any_edit(relation, documents, size, radius, seed, bound):
    world = World(relation, size, seed, 0.05, 0.95)
    order, certificates = world.certificates(documents, 1500, bound, np.random.default_rng(seed), radius=radius)
    for certificate in certificates:
        certificate.verify()
        if certificate.certified:
            assert not world.breaks(documents, order, certificate.k, radius)


def test_lists_are_certified_also_where_an_edit_can_change_a_score():
    certified = moving = 0
    for seed in range(30):
        world = World({"aa": ["bb"], "bb": ["cc"], "cc": ["dd"], "dd": ["ee"]}, 4, seed, 0.05, 0.95)
        documents = ["ff", "aa", "cc", "bb ee"]
        order, certificates = world.certificates(documents, 1500, "betting", np.random.default_rng(seed))
        for certificate in filter(lambda c: c.certified, certificates):
            assert not world.breaks(documents, order, certificate.k)
            certified += 1
            moving += any(document.rho < 1 for document in certificate.documents[certificate.k :])
    assert certified > 10
    assert moving > 5


def test_an_unsound_certificate_is_detected():
    caught = 0
    for seed in range(40):
        world = World({"aa": ["bb"], "bb": ["cc"], "cc": ["dd"], "dd": ["ee"]}, 2, seed)
        documents = ["ff", "aa bb", "bb cc", "dd"]
        rng = np.random.default_rng(seed)
        order, unsound = world.certificates(documents, 1500, "betting", rng, rhos=[1.0] * 4)
        caught += any(c.certified and world.breaks(documents, order, c.k) for c in unsound)
    assert caught > 5


@pytest.mark.slow
def test_a_tied_list_is_certified_at_most_at_rate_alpha():
    # Exactly tied after the best edit: any certificate is wrong. Eight such documents, so that sharing alpha matters.
    alpha, rounds, rng = 0.2, 400, np.random.default_rng(5)
    for bound in BOUNDS:
        wrong = 0
        for _ in range(rounds):
            draws = [(rng.random(60) < p).astype(float) for p in (0.7, *[0.5] * 8)]
            order = sorted(range(9), key=lambda i: -draws[i].mean())
            certificates = certify_mean(
                "q", [str(i) for i in order], [draws[i] for i in order], [0.8] * 9, [1], alpha=alpha, bound=bound
            )
            wrong += certificates[0].certified
        assert wrong / rounds <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / rounds)


@pytest.mark.slow
def test_the_bounds_cover_the_exact_scores_at_rate_1_minus_alpha():
    world, alpha, rounds = World({"aa": ["bb", "cc"], "dd": ["ee"]}, 6, 3), 0.2, 200
    documents = ["aa dd", "bb ee aa", "cc", "ff dd ee"]
    exact, rng = [world.smoothed(document) for document in documents], np.random.default_rng(6)
    for bound in BOUNDS:
        missed = 0
        for _ in range(rounds):
            order, certificates = world.certificates(documents, 80, bound, rng, alpha=alpha)
            intervals = zip(order, certificates[0].documents, strict=True)
            missed += not all(d.lower <= exact[i] <= d.upper for i, d in intervals)
        assert missed / rounds <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / rounds)
