"""Median smoothing and random masking: their scores, and their certificates by enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from robustrank.defenses.median_smoothing import MedianSmoothing
from robustrank.defenses.random_masking import RandomMasking

from robustrank.collections.collection import Collection
from robustrank.defense import CertifiedRanker
from robustrank.errors import UsageError
from robustrank.plugins import create
from robustrank.plugins.specification import Spec
from robustrank.randomness import derive
from robustrank.rankers.lexical import BM25
from robustrank.rankers.ranker import PointwiseRanker
from robustrank.text.table import symmetric
from tests.lists import served

DOCUMENTS = {
    "d1": "The jet wings lift the plane and a plane needs air",
    "d2": "Ministers met to discuss rivers and the economy",
    "d3": "A quick fox jumps over the river near the jet",
    "d4": "",
}
QUERY = "wings of a plane"
COLLECTION = Collection("c", {"q": QUERY}, DOCUMENTS, {}, {"q": tuple(DOCUMENTS)})
RELATION = {"plane": ["jet", "aircraft"], "river": ["rivers"], "wings": ["wing"]}


def bm25():
    ranker = BM25()
    ranker.prepare(COLLECTION)
    return ranker


class Table(PointwiseRanker):
    """A score for every text, drawn from it; squashing is the identity for scores near 1/2."""

    def score(self, pairs):
        return np.array([derive(0, *pair).uniform(-3, 3) for pair in pairs], dtype=np.float32)


def test_the_median_of_the_copies_is_the_score(tmp_path):
    symmetric(RELATION, {}).save(tmp_path / "table.txt")
    ranker = MedianSmoothing(table=str(tmp_path / "table.txt"), samples=31).wrap(bm25(), COLLECTION, derive(0, "h"))
    assert isinstance(ranker, CertifiedRanker)
    for text in DOCUMENTS.values():
        expected = np.median(bm25().score([(QUERY, copy) for copy in ranker.copies(text)]))
        assert ranker.score([(QUERY, text)])[0] == pytest.approx(expected)
    for certificate in ranker.certify(served(ranker, DOCUMENTS, QUERY), [1, 2], None):
        certificate.verify()
        assert certificate.documents[0].doc_id == "d1"


def masked(keep=0.5, samples=40, inner=None, **more):
    defense = RandomMasking(keep=keep, samples=samples, **{"centre": 0.0, "scale": 1.0, **more})
    return defense.wrap(inner or Table(), COLLECTION, derive(0, "wrap"))


def test_a_copy_keeps_a_share_of_the_words_in_their_order():
    ranker = masked()
    text = "one two three four five six seven"
    copies = ranker.copies(text)
    assert len(copies) == 40
    for copy in copies:
        tokens = copy.split()
        assert len(tokens) == 4
        assert tokens == sorted(tokens, key=text.split().index)
    assert masked(mask="[MASK]").copies(text)[0].split().count("[MASK]") == 3
    assert ranker.copies("") == [""] * 40


def test_masks_depend_on_the_number_of_words_alone():
    ranker = masked(mask="_")
    first, second = (
        [[token == "_" for token in copy.split()] for copy in ranker.copies(text)]
        for text in ("a b c d e", "v w x y z")
    )
    assert first == second


class Separating(PointwiseRanker):
    """Scores texts with the word top far above all others."""

    def score(self, pairs):
        return np.array([4.0 if "top" in document else -4.0 for _, document in pairs], dtype=np.float32)


def test_certified_lists_are_not_broken_by_any_replacement():
    ranker = masked(keep=0.4, samples=400, inner=Separating())
    texts = {"a": "top top top top top", "b": "x y z x y", "c": "y y y y y"}
    certificates = ranker.certify(served(ranker, texts, QUERY), [1], 1)
    assert [c.certified for c in certificates] == [True]
    certificates[0].verify()
    (best,) = ranker.score([(QUERY, texts["a"])])
    for text in (texts["b"], texts["c"]):
        for index in range(5):
            edit = text.split()
            edit[index] = "top"
            assert ranker.score([(QUERY, " ".join(edit))])[0] < best
    assert not any(c.certified for c in ranker.certify(served(ranker, texts, QUERY), [1], None))


def test_settings_out_of_range_are_refused():
    for name, values in (
        ("random-masking", {"keep": 0}),
        ("certdr", {"alpha": 1.0}),
        ("median-smoothing", {"samples": 0}),
    ):
        with pytest.raises(UsageError):
            create("defense", Spec(name, values))
