"""Features against hand computations and independent ones."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from robustrank.collections.collection import Collection
from robustrank.randomness import derive
from robustrank.rankers.features import FEATURES, FeatureExtractor, _distance, _shortest_window
from robustrank.rankers.lexical import BM25, QueryLikelihood

DOCUMENTS = {
    "d1": "wing lift wing drag",
    "d2": "drag boundary layer flow over the wing",
    "d3": "heat transfer",
    "d4": "",
}


@pytest.fixture(scope="module")
def collection() -> Collection:
    return Collection("tiny", {"q": "wing drag"}, DOCUMENTS, {"q": {"d1": 1}}, {"q": list(DOCUMENTS)})


def by_name(collection, query, document):
    return dict(zip(FEATURES, FeatureExtractor(collection).features([(query, document)])[0].tolist(), strict=True))


def test_a_document_by_hand(collection):
    features = by_name(collection, "wing drag stall", DOCUMENTS["d1"])
    idf_common = math.log(1 + 2.5 / 2.5)  # in two of four documents
    idf_unknown = math.log(1 + 4.5 / 0.5)
    expected = {
        "text_covered": 2,
        "text_coverage": 2 / 3,
        "text_coverage_idf": 2 * idf_common / (2 * idf_common + idf_unknown),
        "text_tf_sum": math.log(3) + math.log(2),
        "text_tf_max": math.log(3),
        "text_tf_min": 0,
        "text_ntf_sum": 3 / 4,
        "text_tfidf_max": math.log(3) * idf_common,
        "text_length": math.log(5),
        "lead_covered": 2,
        "bigrams": 1 / 2,  # wing drag, and no drag stall
        "near": 1 / 3,
        "distance": math.log(1 + math.exp(-1)),
        "span": 2 / 2,
        "first": 1.0,
        "query_length": 3,
        "query_idf": (2 * idf_common + idf_unknown) / 3,
    }
    assert {name: features[name] for name in expected} == pytest.approx(expected)


def test_scores_among_the_features_are_the_rankers_scores(collection):
    for ranker, name, scale in (
        (BM25(), "bm25", 1),
        (BM25(1.2, 0.75), "bm25_classic", 1),
        (QueryLikelihood(), "ql_dirichlet", 2),
    ):
        ranker.prepare(collection)
        for document in DOCUMENTS.values():
            score = ranker.score([("wing drag", document)])[0]
            assert by_name(collection, "wing drag", document)[name] * scale == pytest.approx(score, rel=1e-5)


def test_jelinek_mercer_by_hand(collection):
    score = by_name(collection, "wing drag", DOCUMENTS["d1"])["ql_jelinek_mercer"]
    tokens = 4 + 6 + 2  # "the" is a stop word
    wing, drag = 0.9 * 2 / 4 + 0.1 * 3 / tokens, 0.9 / 4 + 0.1 * 2 / tokens
    assert score == pytest.approx((math.log(wing) + math.log(drag)) / 2)


def test_cosine_is_one_for_the_document_itself_and_zero_without_a_common_term(collection):
    assert by_name(collection, DOCUMENTS["d2"], DOCUMENTS["d2"])["cosine"] == pytest.approx(1)
    assert by_name(collection, "heat", DOCUMENTS["d1"])["cosine"] == 0


@pytest.mark.parametrize(("query", "document"), [("", "wing"), ("wing", ""), ("", ""), ("the", "of"), ("zzz", "qqq")])
def test_odd_texts_have_finite_features(collection, query, document):
    assert np.isfinite(FeatureExtractor(collection).features([(query, document)])).all()


def test_a_row_depends_on_its_pair_alone(collection):
    pairs = list(product(["wing drag", "heat", ""], DOCUMENTS.values()))
    together = FeatureExtractor(collection).features(pairs)
    alone = np.concatenate([FeatureExtractor(collection).features([pair]) for pair in pairs[::-1]])[::-1]
    assert together.tobytes() == alone.tobytes()
    assert FeatureExtractor(collection).features([]).shape == (0, len(FEATURES))


def test_distances_and_windows_agree_with_brute_force():
    rng = derive(0, "positions")
    for _ in range(300):
        positions = [
            sorted(rng.choice(30, size=rng.integers(1, 5), replace=False).tolist()) for _ in range(rng.integers(1, 5))
        ]
        assert _shortest_window(positions) == min(max(way) - min(way) + 1 for way in product(*positions))
        first, last = positions[0], positions[-1]
        assert _distance(first, last) == min(abs(a - b) for a, b in product(first, last))


def test_the_documentation_lists_every_feature():
    text = (Path(__file__).parents[2] / "docs" / "features.md").read_text(encoding="utf-8")
    listed = [line for line in text.splitlines() if line.startswith("| `")]
    assert listed == [f"| `{name}` | {about} |" for name, about in FEATURES.items()]
