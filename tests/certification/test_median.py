"""The median certificate against exact medians, by enumeration, and its bounds against the binomial distribution."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robustrank.certification.median import UNBOUNDED, certify_median, median, median_lower, quantile_upper
from robustrank.certification.overlap import rho
from robustrank.randomness import derive
from robustrank.text.table import PerturbationSets, symmetric

WORDS = ["aa", "bb", "cc", "dd", "ee", "ff"]


class World:
    """A score for every text of a few words, with its smoothed copies and its allowed edits."""

    def __init__(self, relation, size, seed):
        self.sets = PerturbationSets(symmetric(relation, {}), size)
        self.seed = seed

    def score(self, text):
        return float(derive(self.seed, *text).normal())

    def exact(self, text):
        """The scores of all smoothed copies, equally likely."""
        return np.array([self.score(copy) for copy in itertools.product(*map(self.sets.neighbourhood, text))])

    def edits(self, text, radius):
        choices = [(word, *self.sets.table.substitutes(word)) for word in text]
        for edit in itertools.product(*choices):
            if sum(a != b for a, b in zip(edit, text, strict=True)) <= radius:
                yield edit

    def rho(self, text, radius):
        return rho(np.array([self.sets.overlap(word) for word in text]), radius)

    def samples(self, text, count, rng):
        copies = zip(*(rng.choice(self.sets.neighbourhood(word), size=count) for word in text), strict=True)
        return np.array([self.score(tuple(map(str, copy))) for copy in copies])


relations = st.dictionaries(
    st.sampled_from(WORDS), st.lists(st.sampled_from(WORDS), min_size=1, max_size=3), max_size=5
)
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(tuple)
lists = st.lists(texts, min_size=3, max_size=4, unique=True)


@settings(max_examples=60, deadline=None)
@given(relations, texts, st.integers(2, 4), st.integers(0, 3), st.integers(0, 9))
def test_no_edit_raises_the_median_above_the_quantile(relation, text, size, radius, seed):
    world = World(relation, size, seed)
    share = 1.5 - world.rho(text, radius)
    if share > 1:
        return
    scores = np.sort(world.exact(text))
    quantile = scores[max(0, math.ceil(share * len(scores) - 1e-9) - 1)]
    for edit in world.edits(text, radius):
        assert median(world.exact(edit)) <= quantile


@settings(max_examples=25, deadline=None)
@given(
    relations,
    st.lists(texts, min_size=3, max_size=4, unique=True),
    st.integers(2, 4),
    st.integers(0, 2),
    st.integers(0, 99),
)
def test_no_certified_list_is_broken_by_any_edit(relation, documents, size, radius, seed):
    world = World(relation, size, seed)
    drawn = {text: world.samples(text, 150, derive(seed, "samples", *text)) for text in documents}
    order = sorted(documents, key=lambda text: -median(drawn[text]))
    certificates = certify_median(
        "q", [" ".join(t) + str(i) for i, t in enumerate(order)], [drawn[t] for t in order],
        [world.rho(t, radius) for t in order], [1, 2], alpha=1e-4,
    )  # fmt: skip
    for certificate in certificates:
        certificate.verify()
        if certificate.certified:
            inside = min(median(world.exact(text)) for text in order[: certificate.k])
            for text in order[certificate.k :]:
                assert all(median(world.exact(edit)) < inside for edit in world.edits(text, radius))


def test_lists_are_certified_where_scores_are_separated_and_rho_is_above_one_half():
    rng = derive(0, "apart")
    samples = [rng.normal(100, 1, 300), rng.normal(0, 1, 300)]
    for value, expected in ((1.0, True), (0.7, True), (0.5, False), (0.0, False)):
        (certificate,) = certify_median("q", ["a", "b"], samples, [1.0, value], [1], alpha=0.05)
        assert certificate.certified == expected, value
        certificate.verify()


@pytest.mark.parametrize(("count", "delta"), [(20, 0.05), (100, 0.01), (7, 0.001)])
def test_the_bounds_are_the_tightest_of_error_rate_delta(count, delta):
    from scipy.stats import binom

    ranks = np.arange(1, count + 1, dtype=float)
    low = median_lower(ranks, delta)
    if low > -UNBOUNDED:
        assert binom.cdf(low - 1, count, 0.5) <= delta < binom.cdf(low, count, 0.5)
    else:
        assert binom.cdf(0, count, 0.5) > delta
    for share in (0.5, 0.6, 0.9):
        high = quantile_upper(ranks, share, delta)
        if high < UNBOUNDED:
            assert binom.sf(high - 1, count, share) <= delta < binom.sf(high - 2, count, share)
        else:
            assert binom.sf(count - 1, count, share) > delta
    assert quantile_upper(ranks, 1.0, delta) == UNBOUNDED


def test_the_bounds_cover_the_median_and_the_quantile_at_rate_1_minus_delta():
    rng, delta = derive(1, "coverage"), 0.1
    values = np.array([0.0, 1.0, 2.0, 5.0])  # with ties; the lower median is 1, the .75-quantile 2
    missed = np.zeros(2)
    for _ in range(2000):
        drawn = rng.choice(values, size=40)
        missed += [median_lower(drawn, delta) > 1.0, quantile_upper(drawn, 0.75, delta) < 2.0]
    assert (missed / 2000 <= delta + 3 * np.sqrt(delta * (1 - delta) / 2000)).all()


def test_a_list_out_of_order_and_a_k_below_1_are_refused():
    samples = [np.zeros(5), np.ones(5)]
    with pytest.raises(ValueError, match="order"):
        certify_median("q", ["a", "b"], samples, [1, 1], [1], alpha=0.1)
    with pytest.raises(ValueError, match="K"):
        certify_median("q", ["a", "b"], samples[::-1], [1, 1], [0], alpha=0.1)
