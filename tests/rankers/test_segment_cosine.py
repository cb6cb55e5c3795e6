"""The segment-cosine head: its definition before training, what training saves, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from robustrank.errors import DataError
from robustrank.rankers.transformer.segment_cosine import SegmentCosineRanker
from robustrank.testing.samples import COLLECTION
from tests.rankers.tiny_models import DOCUMENTS, LENGTH, QUERIES, save

PAIRS = [(query, document) for query in QUERIES for document in DOCUMENTS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(save(tmp_path_factory.mktemp("bert"), "bert", "AutoModel"))


def test_the_untrained_score_is_the_cosine_of_the_mean_vectors_of_the_segments(folder):
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    expected = []
    for query, document in PAIRS:
        read = tokenizer(query, document, truncation="longest_first", max_length=LENGTH, return_tensors="pt")
        segments = read["token_type_ids"][0].bool()
        with torch.no_grad():
            hidden = model(read["input_ids"], read["attention_mask"], torch.zeros_like(read["input_ids"]))[0][0]
        cosine = torch.nn.functional.cosine_similarity(hidden[~segments].mean(0), hidden[segments].mean(0), dim=0)
        expected.append(20 * float(cosine))
    scores = SegmentCosineRanker(folder, max_length=LENGTH).score(PAIRS)
    np.testing.assert_allclose(scores, expected, atol=1e-4)


def test_training_moves_head_and_encoder_and_saves_both(folder, tmp_path):
    start = SegmentCosineRanker(folder, max_length=32)
    assert "untrained head" in start.reading(COLLECTION)[0]
    settings = {"epochs": 1, "negatives": 1, "loss": "margin-mse", "teacher": "bm25", "learning_rate": 1e-3}
    train, validation = COLLECTION.only(["q", "q2"]), COLLECTION.only(["q3"])
    start.fit(train, validation, 0, str(tmp_path / "model"), {**settings, "patience": 9})
    trained = start.load(str(tmp_path / "model"))
    assert "trained head" in trained.reading(COLLECTION)[0]
    head = trained.network.transformers_model.segment_head
    assert not head.linear.weight.requires_grad
    learner_moved = bool(head.linear.weight.abs().max() > 0)
    kept_start = np.allclose(trained.score(PAIRS), start.score(PAIRS))
    assert learner_moved != kept_start  # the untrained start is kept where no epoch is better


def test_an_encoder_without_token_types_is_refused(tmp_path):
    folder = save(tmp_path / "roberta", "roberta", "AutoModel")
    with pytest.raises(DataError, match="does not tell the two segments"):
        SegmentCosineRanker(str(folder), max_length=32).check()
