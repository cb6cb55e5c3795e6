"""The mean certificate against brute force: every edit and every smoothed text of small documents is enumerated."""

from __future__ import annotations

import itertools
from dataclasses import replace
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robustrank.certification.bounds import BOUNDS
from robustrank.certification.certificate import Certificate
from robustrank.certification.mean import certify_mean
from robustrank.certification.overlap import rho
from robustrank.errors import DataError
from robustrank.text.table import PerturbationSets, symmetric

KEYS = ["aa", "bb", "cc", "dd", "ee", "ff"]
relations = st.dictionaries(st.sampled_from(KEYS), st.lists(st.sampled_from(KEYS), max_size=3), max_size=6)
documents = st.lists(st.sampled_from(KEYS), min_size=1, max_size=3)


def score(text: tuple[str, ...], weights: np.ndarray) -> float:
    """A scorer without structure: a number of its own for every text."""
    index = prod(KEYS.index(word) * 7 + 3 + place for place, word in enumerate(text)) % len(weights)
    return float(weights[index])


def smoothed(text, sets, weights):
    """The exact smoothed score."""
    copies = list(itertools.product(*(sets.of(word) for word in text)))
    return float(np.mean([score(copy, weights) for copy in copies]))


def edits(text, table, radius):
    """Every text an attacker may write."""
    choices = [(word, *table.substitutes(word)) for word in text]
    for edited in itertools.product(*choices):
        if sum(a != b for a, b in zip(text, edited, strict=True)) <= radius:
            yield edited


@settings(max_examples=60, deadline=None)
@given(relations, documents, st.integers(2, 6), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_no_edit_moves_the_smoothed_score_by_more_than_the_overlaps_allow(relation, text, size, radius, seed):
    table = symmetric(relation, {})
    sets = PerturbationSets(table, size)
    weights = np.random.default_rng(seed).integers(0, 2, 97).astype(float)  # the extremes are the worst case
    allowed = 1 - rho(np.array([sets.overlap(word) for word in text]), radius)
    clean = smoothed(text, sets, weights)
    for edited in edits(text, table, radius):
        assert abs(smoothed(edited, sets, weights) - clean) <= allowed + 1e-12


@settings(max_examples=40, deadline=None)
@given(
    relations, st.lists(documents, min_size=2, max_size=4), st.integers(0, 2**32 - 1), st.sampled_from(sorted(BOUNDS))
)
def test_no_certified_list_is_broken_by_any_edit(relation, texts, seed, bound):
    table = symmetric(relation, {})
    sets = PerturbationSets(table, 4)
    rng = np.random.default_rng(seed)
    weights = np.where(rng.random(97) < 0.5, rng.random(97) * 0.1, 0.9 + rng.random(97) * 0.1)
    exact = {f"d{i}": smoothed(text, sets, weights) for i, text in enumerate(texts)}
    drawn = {f"d{i}": _samples(text, sets, weights, rng, 4000) for i, text in enumerate(texts)}
    order = sorted(drawn, key=lambda d: -float(drawn[d].mean()))
    rhos = [rho(sets.overlaps(" ".join(texts[int(d[1:])]))) for d in order]
    certificates = certify_mean(
        "q", order, [drawn[d] for d in order], rhos, range(1, len(order)), alpha=1e-4, bound=bound
    )
    for certificate in certificates:
        certificate.recheck()
        if certificate.certified:
            weakest = min(exact[d] for d in order[: certificate.k])
            for doc_id in order[certificate.k :]:
                best = max(smoothed(e, sets, weights) for e in edits(texts[int(doc_id[1:])], table, 99))
                assert best < weakest


def _samples(text, sets, weights, rng, count):
    copies = zip(*(rng.choice(sets.of(word), count) for word in text), strict=True)
    return np.array([score(copy, weights) for copy in copies])


def test_the_brute_force_catches_a_planted_unsound_certificate():
    table = symmetric({"aa": ["bb"], "bb": ["cc"], "cc": ["dd"]}, {})
    sets = PerturbationSets(table, 2)
    weights = np.zeros(97)
    for word in ("cc", "dd"):
        weights[(KEYS.index(word) * 7 + 3) % 97] = 1.0
    low, high = np.zeros(2000), np.full(2000, 0.3)
    best = max(smoothed(e, sets, weights) for e in edits(("bb",), table, 1))
    planted = certify_mean("q", ["top", "bb"], [high, low], [1.0, 1.0], [1], alpha=0.05, bound="hoeffding")[0]
    sound = certify_mean(
        "q", ["top", "bb"], [high, low], [1.0, sets.overlap("bb")], [1], alpha=0.05, bound="hoeffding"
    )[0]
    assert best > 0.3
    assert planted.certified
    assert not sound.certified


@pytest.mark.parametrize("bound", sorted(BOUNDS))
def test_the_bounds_miss_no_more_often_than_promised(bound):
    rng, delta, misses, rounds = np.random.default_rng(1), 0.05, 0, 2000
    for samples in rng.beta(0.5, 2.0, (rounds, 60)):
        misses += samples.mean() + BOUNDS[bound](samples, delta) < 0.2
    assert misses / rounds <= delta


def test_a_certificate_survives_saving_and_a_tampered_one_is_caught():
    made = certify_mean("q", ["a", "b"], [np.ones(500), np.zeros(500)], [1, 1], [1], alpha=0.05, bound="hoeffding")[0]
    assert made.certified
    again = Certificate.from_dict(made.to_dict())
    assert again == made
    again.recheck()
    with pytest.raises(DataError, match="margin"):
        replace(again, certified=False).recheck()


def test_the_published_bound_is_never_said_to_hold():
    made = certify_mean("q", ["a", "b"], [np.ones(1000), np.zeros(1000)], [1, 1], [1], alpha=0.05, bound="paper")[0]
    assert made.certified
    assert not made.holds
    close = certify_mean(
        "q", ["a", "b"], [np.full(1000, 0.58), np.full(1000, 0.5)], [1, 1], [1], alpha=0.05, bound="paper"
    )
    assert not close[0].certified  # 0.08 is less than the term 0.0859 at n = 1000
