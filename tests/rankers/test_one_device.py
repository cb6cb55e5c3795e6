"""Rankers, language models and training leave no tensor on the processor: seen without an accelerator.

They compute on a device that computes nothing. torch lets some operations combine its tensors with those of the
processor; here none may. What is copied to the processor is zeros.
"""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from robustrank.language_model import Continuations, LanguageModel, language_model
from robustrank.rankers import runtime
from robustrank.rankers.groups import Group
from robustrank.rankers.losses import Loss, loss_of
from robustrank.rankers.training import TrainingSettings, _optimiser
from robustrank.rankers.transformer.bi_encoder import BiEncoderRanker
from robustrank.rankers.transformer.cross_encoder import CrossEncoderRanker
from robustrank.rankers.transformer.late_interaction import LateInteractionRanker
from robustrank.rankers.transformer.splade import SpladeRanker
from tests.rankers.tiny_models import DOCUMENTS, QUERIES, save
from tests.tiny_language_model import tiny_language_model

PAIRS = [(query, document) for query in QUERIES for document in DOCUMENTS]
KINDS = {
    BiEncoderRanker: "AutoModel",
    LateInteractionRanker: "AutoModel",
    SpladeRanker: "AutoModelForMaskedLM",
    CrossEncoderRanker: "AutoModelForSequenceClassification",
}
aten = torch.ops.aten
NUMBERS = (aten._local_scalar_dense, aten.item)  # of a tensor
COPIES = (aten._to_copy, aten.to)
MOVES = (*COPIES, aten.copy_, aten._has_compatible_shallow_copy_type)


class OneDevice(TorchDispatchMode):
    """Refuses operations on tensors of two devices; numbers (tensors without dimensions) may be anywhere."""

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        options = options or {}
        tensors = [leaf for leaf in tree_leaves((arguments, options)) if isinstance(leaf, torch.Tensor)]
        devices = {tensor.device.type for tensor in tensors if tensor.ndim}
        operation, given = function.overloadpacket, [*arguments[1:], *options.values()]
        if operation in NUMBERS and arguments[0].is_meta:
            return 0
        if operation in COPIES and arguments[0].is_meta and torch.device("cpu") in given:
            return torch.zeros(arguments[0].shape, dtype=options.get("dtype") or arguments[0].dtype)
        if len(devices) > 1 and operation not in MOVES:
            raise RuntimeError(f"{function} is given tensors of {' and '.join(sorted(devices))}")
        return function(*arguments, **options)


@pytest.fixture
def on_meta(monkeypatch):
    monkeypatch.setattr(runtime, "_device", "meta")
    with OneDevice():
        yield


@pytest.mark.parametrize("function", [torch.matmul, torch.bmm, torch.isin, lambda a, b: a[b.long()]])
def test_two_devices_are_noticed(on_meta, function):
    here, there = torch.ones(1, 1, 1), torch.ones(1, 1, 1, device="meta")
    function(there, there)
    for one, other in ((here, there), (there, here)):
        with pytest.raises(RuntimeError, match=r"device|cpu and meta"):
            function(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_transformers_score_differentiate_and_train_on_one_device(tmp_path, on_meta, kind):
    ranker = kind(str(save(tmp_path, "bert", KINDS[kind], **({"num_labels": 1} if kind is CrossEncoderRanker else {}))))
    assert {weight.device.type for weight in ranker.network.parameters()} == {"meta"}
    assert ranker.score(PAIRS).shape == (len(PAIRS),)
    scores, gradients = ranker.gradients(QUERIES[0], [ranker.encode(QUERIES[0], text) for text in DOCUMENTS])
    assert len(scores) == len(gradients) == len(DOCUMENTS)
    learner = kind(ranker.model)
    learner.__dict__["network"] = learner._loaded(fresh=True)
    optimiser = _optimiser(learner, TrainingSettings())
    batch = [Group(QUERIES[0], DOCUMENTS[:2], (1.0, 0.0))] * 2
    for loss in get_args(Loss):
        loss_of(learner.relevance(*zip(*PAIRS[:4], strict=True)).reshape(2, 2), batch, loss).backward()
        optimiser.step()


def test_language_models_compute_on_one_device(on_meta):
    model = language_model(tiny_language_model())
    assert isinstance(model, LanguageModel)
    model.perplexity("the quick brown fox")
    model.log_likelihood("the quick", "brown fox")
    model.next([[1, 2], [3, 4]])
    model.sample("the quick", 2, 3, np.random.default_rng(0))
    texts = Continuations(model, [1, 2])
    texts.extend([0, 0], [3, 4])
    assert texts.log_probabilities().shape[0] == 2
