"""The device: chosen once, part of identities; and the same scores on an accelerator as on the processor."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from robustrank.collections.collection import Collection
from robustrank.errors import UsageError
from robustrank.notices import listening
from robustrank.plugins import create
from robustrank.plugins.specification import parse
from robustrank.rankers import runtime
from robustrank.rankers.neural.differentiable import DifferentiableRanker
from robustrank.rankers.transformer.batching import prepare_products
from robustrank.rankers.transformer.bi_encoder import BiEncoderRanker
from robustrank.rankers.transformer.cross_encoder import CrossEncoderRanker
from robustrank.rankers.transformer.late_interaction import LateInteractionRanker
from robustrank.rankers.transformer.splade import SpladeRanker
from tests.rankers.tiny_models import DOCUMENTS, QUERIES, TEXTS, save

PAIRS = [(query, document) for query in QUERIES for document in DOCUMENTS] * 3
KINDS = {
    BiEncoderRanker: "AutoModel",
    CrossEncoderRanker: "AutoModelForSequenceClassification",
    SpladeRanker: "AutoModelForMaskedLM",
    LateInteractionRanker: "AutoModel",
}


@pytest.fixture
def on():
    """Compute on a device, and on the one before afterwards."""
    before = runtime.device()
    yield runtime.use_device
    runtime.use_device(before)


def accelerator():
    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    pytest.skip("there is no accelerator")


def test_a_device_that_is_not_there_is_refused(on, monkeypatch):
    monkeypatch.setattr(runtime, "accelerators", list)
    with pytest.raises(UsageError, match="cuda"):
        on("cuda")
    on("auto")
    assert runtime.runtime_parts() == {"device": "cpu"}


def test_the_device_is_part_of_identities(on, monkeypatch):
    monkeypatch.setattr(runtime, "accelerators", lambda: ["mps", "cuda"])
    on("auto")
    assert runtime.runtime_parts() == {"device": "cuda"}
    on("cpu")
    assert runtime.runtime_parts() == {"device": "cpu"}


@pytest.mark.parametrize("family", ["bert", "modernbert", "qwen2"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_accelerator_gives_the_same_scores_and_gradients(on, tmp_path, kind, family):
    device = accelerator()
    if kind is SpladeRanker and family == "qwen2":
        pytest.skip("the family has no masked language model")
    options = {"num_labels": 1} if kind is CrossEncoderRanker else {}
    folder = str(save(tmp_path, family, KINDS[kind], **options))
    answers = {}
    for name in ("cpu", device):
        on(name)
        ranker = kind(folder)
        scores = ranker.score(PAIRS)
        assert next(ranker.network.parameters()).device.type == name
        encodings = [ranker.encode(QUERIES[0], document) for document in DOCUMENTS]
        answers[name] = scores, *ranker.gradients(QUERIES[0], encodings)
    (scores, by_gradients, gradients), (others, others_by_gradients, other_gradients) = answers.values()
    scale = max(1.0, float(np.abs(scores).max()))
    np.testing.assert_allclose(others, scores, rtol=0, atol=1e-4 * scale)
    np.testing.assert_allclose(others_by_gradients, by_gradients, rtol=0, atol=1e-4 * scale)
    for here, there in zip(gradients, other_gradients, strict=True):
        np.testing.assert_allclose(there, here, rtol=0, atol=1e-3 * max(1.0, float(np.abs(here).max())))
    ranker = kind(folder)  # on the accelerator: a score does not depend on its company but by rounding
    together, alone = ranker.score(PAIRS[:8]), np.concatenate([kind(folder).score([pair]) for pair in PAIRS[:8]])
    np.testing.assert_allclose(together, alone, rtol=0, atol=ranker.noise * scale)


@pytest.mark.parametrize("most", [400, 100])
def test_batches_are_halved_until_memory_suffices(tmp_path, monkeypatch, most):
    folder = str(save(tmp_path, "bert", "AutoModelForSequenceClassification", num_labels=1))
    ranker, sizes = CrossEncoderRanker(folder), []
    expected = CrossEncoderRanker(folder).score(PAIRS)
    relevance = ranker._relevance

    def short(features):
        texts, length = features["input_ids"].shape
        sizes.append(texts * length)
        if texts * length > most:
            raise RuntimeError("CUDA out of memory. Tried to allocate more than there is")
        return relevance(features)

    monkeypatch.setattr(ranker, "_relevance", short)
    ranker.__dict__["network"] = ranker._loaded(fresh=False)  # not that of other tests
    prepare_products(ranker.network)
    notices = []
    with listening(notices.append):
        scores = ranker.score([(f"{query} {word}", text) for word in TEXTS[0].split() for query, text in PAIRS])
    assert 1 <= len(notices) <= 4
    assert ranker.score(PAIRS).tobytes() == expected.tobytes()
    failed = max(i for i, size in enumerate(sizes) if size > most)
    assert all(size <= most for size in sizes[failed + 1 :])
    assert np.isfinite(scores).all()
    monkeypatch.setattr(ranker, "_relevance", lambda features: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ranker.score(PAIRS)


@pytest.mark.parametrize("name", ["drmm", "knrm", "conv-knrm", "duet", "dssm", "cdssm"])
def test_neural_rankers_leave_no_tensor_on_the_processor(monkeypatch, name):
    """By a device that computes nothing: torch refuses to combine its tensors with those of the processor."""
    documents = {str(number): text for number, text in enumerate(DOCUMENTS)}
    collection = Collection("c", {"q": QUERIES[0]}, documents, {"q": {"0": 1}}, {"q": tuple(documents)})
    monkeypatch.setattr(runtime, "_device", "meta")
    ranker = create("ranker", parse("dssm:convolution=true" if name == "cdssm" else name))
    ranker.prepare(collection)
    ranker.initialise(collection)
    assert ranker.relevance(*zip(*PAIRS, strict=True)).device.type == "meta"
    if isinstance(ranker, DifferentiableRanker):
        encodings = [ranker.encode(QUERIES[0], text) for text in DOCUMENTS]
        leaves = [torch.zeros(len(encoding.ids), ranker.width) for encoding in encodings]
        assert ranker._differentiable_scores(QUERIES[0], encodings, leaves).device.type == "meta"


@pytest.mark.parametrize("name", ["drmm", "knrm", "conv-knrm", "duet", "dssm"])
def test_an_accelerator_gives_the_scores_of_neural_rankers(on, name):
    documents = {str(number): text for number, text in enumerate(DOCUMENTS)}
    collection = Collection("c", {"q": QUERIES[0]}, documents, {"q": {"0": 1}}, {"q": tuple(documents)})
    scores = []
    for device in ("cpu", accelerator()):
        on(device)
        ranker = create("ranker", parse(name))
        ranker.prepare(collection)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            ranker.initialise(collection)
        ranker.network.eval()
        scores.append(ranker.score(PAIRS))
        assert next(ranker.network.parameters()).device.type == device
    np.testing.assert_allclose(scores[1], scores[0], rtol=0, atol=1e-4 * max(1.0, float(np.abs(scores[0]).max())))
