"""Summaries: the sentences with the weightiest query terms, in the document's order."""

from __future__ import annotations

import pytest

from robustrank.rankers.ranker import GradientRanker
from robustrank.rankers.summary import SummaryRanker
from robustrank.testing.samples import COLLECTION
from robustrank.text.sentences import sentence_spans
from tests.rankers.tiny_models import save

DOCUMENT = "Cats sleep. A wing gives lift! Jets are loud. The wing and the jet. Lift is good. End"


def summary(query, ranker="bm25", **parameters):
    made = SummaryRanker(ranker, **parameters)
    made.prepare(COLLECTION)
    (part,) = made.parts(query, DOCUMENT)
    return part.text


def test_sentences_of_texts_with_and_without_spaces():
    def sentences(text):
        return [text[start:end] for start, end in sentence_spans(text)]

    assert sentences(DOCUMENT) == ["Cats sleep.", "A wing gives lift!", *DOCUMENT[31:].replace(". ", ".|").split("|")]
    assert sentences("我来。你走！") == ["我来。", "你走！"]
    assert sentences("") == [""]
    assert sentences("one ") == ["one "]


def test_the_sentences_with_the_weightiest_terms_are_read_in_order():
    assert summary("loud wing", sentences=1) in ("A wing gives lift!", "Jets are loud.")
    assert summary("wing", sentences=2) == "A wing gives lift! The wing and the jet."
    assert summary("zebra", sentences=2) == "Cats sleep. A wing gives lift!"
    assert summary("wing", sentences=9) == DOCUMENT


def test_a_covered_term_counts_less():
    # Two sentences have "wing"; once one is chosen, "lift" alone outweighs the second where "wing" has decayed.
    assert summary("wing lift", sentences=2, decay=1.0) == "A wing gives lift! The wing and the jet."
    assert summary("wing lift", sentences=2, decay=0.0) == "Cats sleep. A wing gives lift!"


def test_what_no_chosen_sentence_has_is_not_read():
    ranker = SummaryRanker("bm25", sentences=2)
    ranker.prepare(COLLECTION)
    parts = ranker.parts_read("wing", DOCUMENT)
    assert [DOCUMENT[start:end] for start, end in parts] == ["A wing gives lift!", "The wing and the jet."]
    assert ranker.characters_read("wing", DOCUMENT) is None
    assert ranker.no_match == 0.0


def test_gradients_point_to_the_document(tmp_path):
    model = f"bi-encoder:model={save(tmp_path, 'bert', 'AutoModel')},max_length=32"
    ranker = SummaryRanker(model, sentences=2)
    ranker.prepare(COLLECTION)
    assert isinstance(ranker, GradientRanker)
    encoding = ranker.encode("wing", DOCUMENT)
    covered = "".join(DOCUMENT[start:end] for start, end in encoding.spans)
    assert covered == "Awinggiveslift!Thewingandthejet."
    (score,), (gradient,) = ranker.gradients("wing", [encoding])
    assert score == pytest.approx(float(ranker.score([("wing", DOCUMENT)])[0]), rel=1e-5)
    assert (abs(gradient).sum(axis=1) > 0).all()
