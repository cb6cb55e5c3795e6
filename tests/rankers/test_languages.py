"""Lexical, learned and neural rankers read a collection by the analyser of its language."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from robustrank.collections.collection import Collection
from robustrank.plugins import create
from robustrank.plugins.specification import parse
from robustrank.rankers.features import FEATURES, FeatureExtractor
from robustrank.rankers.neural.rankers import KNRMRanker
from robustrank.retrieval.bm25 import BM25Retriever

DOCUMENTS = {"d1": "die Brücken über den Fluss", "d2": "das Brot vom Bäcker", "d3": "der Fluss im Tal"}
GERMAN = Collection("de", {"q": "Brücke"}, DOCUMENTS, {"q": {"d1": 1}}, {"q": tuple(DOCUMENTS)}, language="de")
ENGLISH = replace(GERMAN, language="en")


@pytest.mark.parametrize("name", ["bm25", "query-likelihood", "rm3"])
def test_stems_are_those_of_the_language(name):
    def scores(collection):
        ranker = create("ranker", parse(name))
        ranker.prepare(collection)
        return ranker.rank([collection.request("q")])[0].scores.tolist()

    german, english = scores(GERMAN), scores(ENGLISH)
    assert german[0] > max(german[1:])
    assert len(set(english)) == 1  # the English stemmer does not bring Brücke and Brücken together


def test_features_are_of_the_language():
    pair, column = ("Brücke", DOCUMENTS["d1"]), list(FEATURES).index("text_covered")
    assert [FeatureExtractor(c).features([pair])[0][column] for c in (GERMAN, ENGLISH)] == [1, 0]


def test_the_first_stage_is_of_its_language():
    for language, score_is_positive in (("de", True), ("en", False)):
        retriever = BM25Retriever(language=language)
        retriever.index(DOCUMENTS)
        (hits,) = retriever.search(["Brücke"], 3)
        assert (dict(hits).get("d1", 0.0) > 0) == score_is_positive


def test_neural_rankers_read_bigrams_and_say_where_they_are():
    text = "河上有一座石桥"
    chinese = Collection("zh", {"q": "石桥"}, {"d": text}, {}, {"q": ("d",)}, language="zh")
    ranker = KNRMRanker(dimension=4)
    ranker.prepare(chinese)
    ranker.initialise(chinese)
    assert ranker.query_terms("石桥") == ("石", "石桥", "桥")
    encoding = ranker.encode("石桥", text)
    assert [text[start:end] for start, end in encoding.spans][-3:] == ["石", "石桥", "桥"]
    assert np.array_equal(ranker.tokens_of("石桥"), encoding.ids[-3:])


def test_the_language_is_part_of_the_fingerprint_and_stays_in_a_part():
    assert GERMAN.fingerprint != ENGLISH.fingerprint
    assert GERMAN.only(["q"]).language == "de"
