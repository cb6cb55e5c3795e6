"""Filters: what they flag, at which false positive rate, and that a score depends on its pair alone."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from robustrank.defenses.outlier_filter import OutlierDetector
from robustrank.defenses.parts.bigram_model import DISCOUNT, BigramModel
from robustrank.defenses.parts.filtering import FilteredRanker

from robustrank.collections.collection import Collection
from robustrank.defense import Detector
from robustrank.plugins import create
from robustrank.plugins.specification import Spec
from robustrank.randomness import derive
from robustrank.rankers.lexical import BM25
from robustrank.rankers.ranker import PointwiseRanker
from robustrank.rankers.rm3 import RM3
from tests.lists import served
from tests.tiny_language_model import tiny_language_model

SUBJECTS = ["the wing", "the jet", "a plane", "the shock wave", "a slender body"]
VERBS = ["lifts", "heats", "slows", "moves"]
DOCUMENTS = {
    f"d{i}-{j}": f"{subject} {verb} the flow of air over the wing and the pressure falls near the wall"
    for i, subject in enumerate(SUBJECTS)
    for j, verb in enumerate(VERBS)
}
QUERY = "pressure over a slender wing"
COLLECTION = Collection("c", {"q": QUERY}, DOCUMENTS, {}, {"q": tuple(DOCUMENTS)})
PAIRS = COLLECTION.pairs("q")
STUFFED = "pressure slender wing pressure slender wing " + DOCUMENTS["d0-0"]
SHUFFLED = "wall near falls pressure the and the over air of flow the lifts wing the"


def defended(name, **parameters):
    inner = BM25()
    inner.prepare(COLLECTION)
    return create("defense", Spec(name, parameters)).wrap(inner, COLLECTION, derive(0, "defense")), inner


NAMES = ["spamicity-filter", "outlier-filter", "perplexity-filter"]


def parameters_of(name):
    return {"language_model": tiny_language_model()} if name == "perplexity-filter" else {}


@pytest.mark.parametrize("name", NAMES)
def test_a_filter_flags_few_clean_documents_and_lowers_what_it_flags(name):
    ranker, inner = defended(name, target_fpr=0.1, **parameters_of(name))
    assert isinstance(ranker, FilteredRanker)
    assert isinstance(ranker.detector, Detector)
    is_flagged = ranker.is_flagged(PAIRS)
    assert is_flagged.mean() <= 0.1
    filtered, plain = served(ranker, DOCUMENTS, QUERY), served(inner, DOCUMENTS, QUERY)
    flagged = {doc_id for doc_id, flag in zip(DOCUMENTS, is_flagged, strict=True) if flag}
    expected = [d for d in plain.doc_ids if d not in flagged] + [d for d in plain.doc_ids if d in flagged]
    assert list(filtered.doc_ids) == expected
    assert filtered.ranking.scores.tolist() == plain.ranking.scores.tolist()
    assert served(ranker, {"d": ""}, "").doc_ids == ("d",)
    stricter, _ = defended(name, target_fpr=0.4, **parameters_of(name))
    assert stricter.is_flagged(PAIRS).sum() >= is_flagged.sum()


class FlagAll:
    def anomaly_score(self, query, documents):
        return np.ones(len(documents))


class Close(PointwiseRanker):
    """Scores that are one number once 10,000 is taken from them in float32."""

    def score(self, pairs):
        return np.array([0.61 + 1e-4 * int(document) for _, document in pairs], dtype=np.float32)


def test_flagged_documents_keep_the_ranker_s_order():
    texts = {"a": "1", "b": "3", "c": "2"}
    assert served(FilteredRanker(Close(), FlagAll(), 0.5), texts, "q").doc_ids == ("b", "c", "a")


def test_a_list_ranker_behind_a_filter_ranks_lists():
    inner = RM3()
    inner.prepare(COLLECTION)
    plain = served(inner, DOCUMENTS, QUERY)
    assert served(FilteredRanker(inner, FlagAll(), 0.5), DOCUMENTS, QUERY).doc_ids == plain.doc_ids


def test_a_pair_is_scored_once_whatever_list_it_is_in():
    asked = []

    class Recording(Close):
        def score(self, pairs):
            asked.extend(pairs)
            return super().score(pairs)

    ranker = FilteredRanker(Recording(), FlagAll(), 0.5)
    clean = served(ranker, {"a": "1", "b": "2"}, "q")
    (ranking,) = ranker.rank([clean.request.replaced({"a": "9"})])
    assert asked == [("q", "1"), ("q", "2"), ("q", "9")]
    assert ranking.cost.calls == 1


def test_each_filter_flags_its_kind_of_attack():
    assert defended("spamicity-filter")[0].is_flagged([(QUERY, STUFFED)])[0]
    assert not defended("spamicity-filter")[0].is_flagged([(QUERY, SHUFFLED)])[0]
    assert defended("outlier-filter")[0].is_flagged([(QUERY, SHUFFLED)])[0]


def test_surprisal_by_hand():
    model = BigramModel.from_documents(["a b", "a c"])
    # "a" occurs twice, before two different words; each of four words has one count more.
    unigram = {key: (count + 1) / (4 + 3 + 1) for key, count in Counter("abac").items()}
    expected = -math.log((1 - DISCOUNT) / 2 + DISCOUNT * 2 / 2 * unigram["b"])
    assert model.surprisals("a b x")[0] == pytest.approx(expected)
    unseen = -math.log(min(1.0, DISCOUNT * 2 / 2) * 1 / 8)
    assert model.surprisals("a x")[0] == pytest.approx(unseen)
    # The counts of the document itself are left out: "a b" occurs in no further document.
    assert model.surprisals("a b")[0] > model.surprisals("a b x")[0]
    detector = OutlierDetector(model)
    assert detector.anomaly_score("q", ["", "word"]).tolist() == [0, 0]
    assert np.isfinite(detector.anomaly_score("q", ["x y z", "a b"])).all()


def test_an_edited_document_is_scored_without_the_counts_of_its_original():
    model = BigramModel.from_documents(["one two three four five six", "one two", "seven eight"])
    before = model.surprisals("one two three four five six")
    after = model.surprisals("one two three four five six nine")
    assert after[:5].tolist() == before.tolist()  # one more word makes no further word more familiar
    assert model.surprisals("seven eight nine ten six five four")[0] < before[2]  # a version of no document
