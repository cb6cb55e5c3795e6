"""Coupled smoothing: which copies an edit can change, and certificates of the served list against every edit."""

from __future__ import annotations

import hashlib
import itertools
import zlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from robustrank.defenses.median_smoothing import MedianRanker
from robustrank.defenses.parts.copies import SmoothingSettings
from robustrank.defenses.parts.smoothing import SmoothedRanker
from robustrank.defenses.random_masking import ANY_WORD, MaskedRanker

from robustrank.certification.certificate import EXACT_RANKER, SERVED
from robustrank.certification.coupling import CoupledCopies
from robustrank.certification.coverage import Changes
from robustrank.rankers.ranker import PointwiseRanker
from robustrank.text.table import PerturbationSets, SubstitutionTable, symmetric
from robustrank.text.words import replace_words, words
from tests.certification.enumeration import edits, rank_after, world
from tests.lists import served

NOUNS = symmetric({"plane": ["jet", "aircraft"], "fast": ["quick"]}, {})
RING = SubstitutionTable({f"w{i}x": (f"w{(i + 1) % 9}x", f"w{(i - 1) % 9}x") for i in range(9)})


class ByText(PointwiseRanker):
    """Any function of the text."""

    def __init__(self, function):
        self.function = function

    def score(self, pairs):
        return np.array([self.function(document) for _, document in pairs], dtype=np.float32)


def hashed(text):
    """A score without structure: the edit of one letter gives another."""
    return zlib.crc32(text.encode()) % 1000 / 1000


def identity(raw, query):
    return raw.astype(np.float64)


def smoothed(kind, function, table, size=100, seed=0, squash=identity, **settings):
    """A smoothed ranker whose scores are squashed by nothing."""
    ranker = kind(
        ByText(function), SmoothingSettings(centre=0.0, scale=1.0, **settings), PerturbationSets(table, size), seed
    )
    ranker._squash = squash
    return ranker


@given(st.text(max_size=60), st.integers(0, 2**63 - 1))
def test_a_smoothed_copy_has_as_many_words_each_from_its_set(text, seed):
    sets = PerturbationSets(NOUNS)
    text = f"The Plane is {text} FAST"
    for copy in CoupledCopies(sets, seed).copies(text, 3):
        assert len(words(copy)) == len(words(text))
        for before, after in zip(words(text), words(copy), strict=True):
            assert after.key in sets.neighbourhood(before.key)


def test_the_words_of_a_set_are_equally_likely_and_independent_over_words_and_copies():
    copies = CoupledCopies(PerturbationSets(NOUNS), 5)
    drawn = [text.split() for text in copies.copies("A PLANE, fast. plane", 6000)]
    counts = Counter((noun, again) for _, noun, _, again in drawn)
    assert len(counts) == 9
    assert all(abs(count - 6000 / 9) < 5 * (6000 / 9) ** 0.5 for count in counts.values())
    again = Counter((first[1], second[1]) for first, second in itertools.pairwise(drawn))
    assert all(abs(count - 6000 / 9) < 5 * (6000 / 9) ** 0.5 for count in again.values())
    ring = Counter(CoupledCopies(PerturbationSets(RING, 4), 5).copies("w0x", 6000))
    assert set(ring) == {"w0x", "w1x", "w2x", "w8x"}
    assert all(abs(count - 1500) < 5 * 1500**0.5 for count in ring.values())


@pytest.mark.parametrize("text", ["A Plane.", "FAST jet, quick PLANE", "aircraft", "none of these", ""])
def test_a_swap_inside_a_set_does_not_change_a_copy(text):
    copies = CoupledCopies(PerturbationSets(NOUNS), 1)
    expected = copies.copies(text, 5)
    assert copies.copies(text, 5, 3) == expected[3:]
    assert copies.changes(text, 5).number(None) == 0
    for index, word in enumerate(words(text)):
        for substitute in NOUNS.substitutes(word.key):
            assert copies.copies(replace_words(text, {index: substitute}), 5) == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.sampled_from([1, 2, 3, 5, None]))
def test_the_coverage_is_that_of_all_sets_of_replacements(seed, words_count, radius):
    rng = np.random.default_rng(seed)
    places = np.sort(rng.integers(0, words_count, rng.integers(0, 8)))
    changes, weights = Changes(rng.random((len(places), 12)) < 0.3, places), rng.random(12)
    most = 0.0
    for count in range(words_count + 1):
        for chosen in itertools.combinations(range(len(places)), count):
            if count <= (radius or count) and len(set(places[list(chosen)])) == count and count:
                most = max(most, float(weights[changes.masks[list(chosen)].any(axis=0)].sum()))
    assert changes.most(weights, radius) == pytest.approx(most)


def test_where_there_are_many_sets_of_replacements_the_bound_covers_the_best_of_them():
    rng = np.random.default_rng(0)
    changes, weights = Changes(rng.random((60, 50)) < 0.1, np.arange(60)), rng.random(50)
    for radius in (2, 3, 5, None):
        chosen = [rng.choice(60, radius or 60, replace=False) for _ in range(300)]
        assert changes.most(weights, radius) >= max(weights[changes.masks[c].any(axis=0)].sum() for c in chosen)
    assert changes.most(weights, None) == pytest.approx(weights[changes.masks.any(axis=0)].sum())
    values = [changes.most(weights, radius) for radius in (1, 2, 3, 5, None)]
    assert values == sorted(values)


def broken_lists(kind, seed, size, most):
    """Brute-force one world; return the numbers of edits, certified lists, those with movable copies, and kept ones."""
    collection, table = world(seed)
    table = table if seed % 3 else RING
    texts = dict(collection.documents)
    if table is RING:
        rng = np.random.default_rng(seed)
        texts = {doc_id: " ".join(f"W{i}x," if i % 2 else f"w{i}x" for i in rng.integers(0, 9, 4)) for doc_id in texts}
    ranker = smoothed(kind, lambda text: 0.5 * hashed(text) + 0.4 * len(text) / 60 % 0.5, table, size, seed, samples=25)
    ranked = served(ranker, texts, "q")
    count = certified = movable = kept = 0
    for radius in (1, 2, None):
        certificates = [c for c in ranker.certify(ranked, [1, 2, 4], radius) if c.about == SERVED]
        variants = {c.doc_id: list(edits(c.text, table, radius, most)) for c in ranked.candidates}
        scores = {name: ranker.score([("q", text) for text in edited]).tolist() for name, edited in variants.items()}
        for document in certificates[0].documents:
            assert document.lower <= min(scores[document.doc_id]) <= max(scores[document.doc_id]) <= document.upper
        for certificate in certificates:
            certificate.verify()
            if certificate.certified:
                outside = certificate.documents[certificate.k :]
                assert all(certificate.keeps_out(d.doc_id, score) for d in outside for score in scores[d.doc_id])
                certified, movable = certified + 1, movable + any(d.rho < 1 for d in outside)
            inside = certificate.documents[: certificate.k] if certificate.keeps_in() else ()
            assert all(rank_after(d.doc_id, s, certificate) <= certificate.k for d in inside for s in scores[d.doc_id])
            kept, movable = kept + bool(inside), movable + any(d.rho < 1 for d in inside)
        count += sum(map(len, variants.values()))
    return np.array([count, certified, movable, kept])


@pytest.mark.parametrize("kind", [SmoothedRanker, MedianRanker])
def test_no_allowed_edit_leaves_the_bounds_or_breaks_a_certified_served_list(kind):
    count, certified, _, kept = sum(broken_lists(kind, seed, 3, 60) for seed in range(9))
    assert count > 2000
    assert certified > 5
    assert kept > 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", [SmoothedRanker, MedianRanker])
def test_no_allowed_edit_of_many_breaks_a_certified_served_list(kind):
    count, _, movable, kept = sum(broken_lists(kind, seed, 2 + seed % 4, 600) for seed in range(100, 200))
    assert count > 40_000
    assert min(movable, kept) > 3


def masked(function, samples=20, seed=0, keep=0.4):
    settings = SmoothingSettings(samples, centre=0.0, scale=1.0)
    ranker = MaskedRanker(ByText(function), settings, ANY_WORD, seed, keep=keep)
    ranker._squash = identity
    return ranker


def test_no_replacement_of_words_breaks_a_certified_list_of_masked_copies():
    certified = 0
    for seed in range(4):
        ranker = masked(lambda text: 0.1 * hashed(text) + 0.9 * ("top" in text), seed=seed, keep=0.2)
        texts = {"a": "top, top (top) top.", "b": "x top y z x", "c": "y z y"}
        ranked = served(ranker, texts, "q")
        for radius, certificate in ((r, c) for r in (1, 2, None) for c in ranker.certify(ranked, [1, 2], r)):
            certificate.verify()
            for document in certificate.documents:
                tokens = [word.text for word in words(texts[document.doc_id])]
                replaced = [
                    " — ".join(edited) + "!"  # what is not a word is not scored
                    for edited in itertools.product(*([token, "top", "n-ew"] for token in tokens))
                    if sum(map(str.__ne__, tokens, edited)) <= (radius or len(tokens))
                ]
                scores = ranker.score([("q", text) for text in replaced])
                assert document.lower <= scores.min() <= scores.max() <= document.upper
                assert max(ranker.words_replaced(texts[document.doc_id], text) for text in replaced) == min(
                    radius or 9, len(tokens)
                )
            certified += certificate.certified
    assert certified > 4


def test_a_word_is_shown_by_the_share_of_copies_that_its_blocks_give():
    # Drawn one by one, the masks of 200 copies show one of 8 words .31 of the times; in blocks of 2 exactly 1/4.
    ranker = masked(len, samples=200, keep=0.3)
    for radius, share in ((1, 0.25), (2, 0.5), (None, 1.0)):
        assert ranker.changes("a b c d e f g h").number(radius) <= share * 200
    assert ranker.changes("a b c d e f g h").masks.sum(axis=1).tolist() == [50] * 8
    assert ranker.words_replaced("a b c", "a b") is None


KEYS = ["w" + chr(97 + i // 26) + chr(97 + i % 26) for i in range(200)]


def ring(size):
    keys = KEYS[:size]
    return SubstitutionTable({key: (keys[(i + 1) % size], keys[i - 1]) for i, key in enumerate(keys)})


def top_1(ranker, texts, radius):
    """Whether the served list, and the exact ranker, are certified at K = 1."""
    ranked = served(ranker, texts, "q")
    verdicts = {
        certificate.about: certificate for certificate in ranker.certify(ranked, [1], radius) if certificate.holds
    }
    for certificate in verdicts.values():
        certificate.verify()
    return ranked.doc_ids[0], verdicts[SERVED], verdicts[EXACT_RANKER]


def test_a_fixed_edit_enters_lists_of_the_median_that_are_certified_of_the_exact_ranker_alone():
    # The edited text has k_56 in a copy with probability 1 - (10/11)**7 = .487 < 1/2: its exact median is low.
    texts, edit = {"top": "top", "x": " ".join([KEYS[50]] * 7)}, " ".join([KEYS[51]] * 7)
    exact = broken = 0
    for seed in range(60):
        ranker = smoothed(
            MedianRanker,
            lambda text: 0.5 if text == "top" else float(KEYS[56] in text.split()),
            ring(200),
            11,
            seed,
            samples=500,
        )
        _, by_copies, by_bounds = top_1(ranker, texts, 7)
        enters = ranker.score([("q", edit)])[0] > 0.5
        exact, broken = exact + by_bounds.certified, broken + (by_bounds.certified and enters)
        assert not (by_copies.certified and enters)
    assert exact == 60
    assert broken > 5


def test_random_edits_enter_no_served_list_of_the_mean_that_is_certified():
    texts, table = {"top": "top", "x": " ".join(KEYS[0:48:4])}, ring(60)
    for seed in range(4):

        def score(text, seed=seed):
            drawn = int.from_bytes(hashlib.md5(f"{text}{seed}".encode()).digest()[:4], "big") / 2**32
            return 0.6 if text == "top" else 1.0 if drawn < 0.22 else 0.2

        ranker = smoothed(SmoothedRanker, score, table, 30, seed, samples=20, bound="sequential", most=2000)
        _, by_copies, by_bounds = top_1(ranker, texts, 3)
        rng, keys = np.random.default_rng(seed), texts["x"].split()
        for _ in range(300):
            places = rng.choice(12, 3, replace=False).tolist()
            edit = replace_words(texts["x"], {i: table.substitutes(keys[i])[rng.integers(2)] for i in places})
            if ranker.score([("q", edit)])[0] >= ranker.score([("q", "top")])[0]:
                assert not by_copies.certified
                break
        assert by_bounds.certified


def test_sampling_on_demand_certifies_the_order_that_is_served_or_nothing():
    contradicted = certified = 0
    for seed in range(20):

        def score(text, seed=seed):
            return float(zlib.crc32(f"{text}{seed}".encode()) % 100003 / 100003 < (0.6 if text[0] == "A" else 0.45))

        table = symmetric({"aa": ["bb"]}, {})
        ranker = smoothed(SmoothedRanker, score, table, seed=seed, samples=16, bound="sequential", most=400)
        first, _, by_bounds = top_1(ranker, {"A": "A. " + "aa " * 14, "B": "B. " + "aa " * 14}, None)
        assert by_bounds.documents[0].doc_id == first
        contradicted += by_bounds.documents[0].mean < by_bounds.documents[1].mean
        certified += by_bounds.certified
        assert not by_bounds.certified or by_bounds.documents[0].mean > by_bounds.documents[1].mean
    assert contradicted > 0
    assert certified > 0


@pytest.mark.parametrize("kind", [SmoothedRanker, MedianRanker])
def test_every_list_is_certified_for_certain_where_no_set_is_cut(kind):
    texts = {"a": "plane", "b": "jet fast", "c": "a Jet, quick", "d": "plane", "e": ""}
    ranker = smoothed(kind, hashed, NOUNS, samples=7)
    ranked = served(ranker, texts, "q")
    for radius in (1, 2, None):
        certificates = [c for c in ranker.certify(ranked, [1, 2, 3, 4], radius) if c.about == SERVED]
        assert [(c.certified, c.alpha, c.group) for c in certificates] == [(True, 0.0, "")] * 4
