"""Passages: windows, aggregates, what is read, gradients in the document's tokens, and certificates by brute force."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from robustrank.errors import PluginError, UsageError
from robustrank.rankers.lexical import BM25
from robustrank.rankers.passages import PassagesRanker
from robustrank.rankers.ranker import GradientRanker
from robustrank.rankers.serving import ServedRanker
from robustrank.testing.samples import COLLECTION
from robustrank.text.words import words
from tests.certification.test_term_scores import check_world
from tests.rankers.tiny_models import save

WORDS = [f"w{i}" for i in range(23)]
DOCUMENT = " ".join(WORDS) + "."


def by_length(**parameters):
    return PassagesRanker("bm25", **{"length": 10, "stride": 5, **parameters})


def texts(ranker, document=DOCUMENT):
    return [passage.text.strip() for passage in ranker.parts("q", document)]


def test_windows_start_every_stride_until_one_reaches_the_end():
    assert texts(by_length()) == [" ".join(WORDS[i : i + 10]) + ("." if i == 15 else "") for i in (0, 5, 10, 15)]
    assert texts(by_length(aggregate="first")) == [" ".join(WORDS[:10])]
    assert texts(by_length(max_passages=3)) == [" ".join(WORDS[i : i + 10]) + "." * (i == 15) for i in (0, 10, 15)]
    assert texts(by_length(lead_words=2))[1] == "w0 w1 " + " ".join(WORDS[5:15])
    assert texts(by_length(), "short one. ") == ["short one."]
    assert texts(by_length(), "") == [""]
    assert len(texts(by_length(), " ".join(WORDS[:20]))) == 3  # the third reaches the end


class Numbers(BM25):
    """Scores a passage by its first number."""

    def score(self, pairs):
        return np.array([float(words(text)[0].text[1:]) for _, text in pairs], dtype=np.float32)


@pytest.mark.parametrize(
    ("aggregate", "expected"), [("first", 0.0), ("max", 15.0), ("mean", 7.5), ("sum", 30.0), ("kmax", 12.5)]
)
def test_aggregates_of_the_scores_of_passages(aggregate, expected):
    ranker = by_length(aggregate=aggregate, k=2)
    ranker.inner = Numbers()
    assert ranker.score([("q", DOCUMENT), ("q", "w4 alone")]).tolist() == [expected, 4.0]


def test_a_sum_refuses_negative_scores_and_sums_sigmoids():
    ranker = by_length(aggregate="sum")
    with pytest.raises(PluginError, match="score -1 is negative"):
        ranker.combined(np.array([2.0, -1.0]))
    assert replace(ranker, sigmoid=True).combined(np.zeros(2)) == 1.0
    with pytest.raises(UsageError, match="words between windows would not be read"):
        by_length(stride=11)
    with pytest.raises(UsageError, match="ranks lists"):
        PassagesRanker("rm3")


def test_unmatched_documents_stay_unmatched():
    assert by_length().no_match == 0.0
    assert by_length(sigmoid=True).no_match == 0.5
    assert by_length(aggregate="sum", sigmoid=True).no_match is None


def test_what_is_dropped_is_not_read():
    assert by_length().parts_read("q", DOCUMENT) == [(0, len(DOCUMENT))]
    (start, end), tail = by_length(max_passages=2).parts_read("q", DOCUMENT)
    assert DOCUMENT[start:end].split() == WORDS[:10]
    assert DOCUMENT[slice(*tail)] == " ".join(WORDS[15:]) + "."
    assert by_length(max_passages=2).characters_read("q", DOCUMENT) is None
    (read,) = by_length(aggregate="first").parts_read("q", DOCUMENT)
    assert DOCUMENT[slice(*read)].split() == WORDS[:10]
    assert by_length(aggregate="first").characters_read("q", DOCUMENT) == read[1]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return f"bi-encoder:model={save(tmp_path_factory.mktemp('model'), 'bert', 'AutoModel')},max_length=32"


LONG = "The wing of a plane gives lift. A thin wing has less drag, and a long one more lift than a short wing of a jet."


@pytest.mark.parametrize("aggregate", ["first", "max", "mean", "kmax", "sum"])
def test_gradients_are_those_of_the_score_by_the_tokens_of_the_document(model, aggregate):
    ranker = PassagesRanker(
        model, length=8, stride=4, aggregate=aggregate, k=2, sigmoid=aggregate == "sum", lead_words=2
    )
    assert isinstance(ranker, GradientRanker)
    ServedRanker(ranker).refuse_foreign_gradients("lift of a wing", LONG)
    encoding = ranker.encode("lift of a wing", LONG)
    assert all(0 <= start < end <= len(LONG) for start, end in encoding.spans)
    assert len({*encoding.spans}) == len(encoding.spans)  # a token of two windows is one
    assert (len(words(LONG)) <= len(encoding.spans)) == (aggregate != "first")
    table = ranker.embedding_table[encoding.ids].astype(np.float32)
    _, (gradient,) = ranker.gradients("lift of a wing", [encoding], [table])
    step = (
        np.random.default_rng(0).normal(size=table.shape).astype(np.float32) * 3e-3
    )  # so small that the best passages stay
    moved = [ranker.gradients("lift of a wing", [encoding], [table + sign * step])[0][0] for sign in (1, -1)]
    assert (moved[0] - moved[1]) / 2 == pytest.approx(float((gradient * step).sum()), rel=0.1, abs=3e-5)


def test_a_ranker_without_gradients_has_none_by_passages(model):
    assert not isinstance(by_length(), GradientRanker)
    assert by_length().family == "traditional"
    assert PassagesRanker(model).family == "pretrained"


def test_the_end_changes_the_mean_of_passages_and_not_the_first(model):
    changed = LONG.replace("jet", "lift of a wing")
    for aggregate, is_read in (("first", False), ("mean", True)):
        ranker = PassagesRanker(model, length=8, stride=4, aggregate=aggregate)
        before, after = ranker.score([("lift of a wing", LONG), ("lift of a wing", changed)])
        assert (before != after) == is_read
    short = " ".join(LONG.split()[:8])
    ranker = PassagesRanker(model, length=8, stride=4, aggregate="mean")
    assert ranker.score([("lift", short)]) == ranker.inner.score([("lift", short)])


@pytest.mark.parametrize(
    "parameters",
    [
        {"aggregate": "first"},
        {"aggregate": "max"},
        {"aggregate": "mean"},
        {"aggregate": "sum"},
        {"aggregate": "kmax", "k": 2},
        {"aggregate": "mean", "lead_words": 1},
        {"aggregate": "sum", "sigmoid": True},
    ],
    ids=lambda parameters: "-".join(map(str, parameters.values())),
)
def test_no_allowed_edit_leaves_the_bounds_of_passages_or_breaks_a_certified_list(tmp_path, parameters):
    ranker = PassagesRanker("bm25", length=3, stride=2, **parameters)
    found = sum((check_world(tmp_path, seed, ranker, 100) for seed in range(4)), Counter())
    assert found["edits"] > 300
    assert found["certified"] > 2
    assert found["broken"] > 2


def test_it_says_what_it_reads():
    assert "every 5 words" in by_length().reading(COLLECTION)[0]
