"""A model of sentence-transformers in memory is evaluated as the folder is that it was read from."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import robustrank
from robustrank.errors import PluginError
from robustrank.plugins.objects import object_identity
from tests.rankers.tiny_models import save

sentence_transformers = pytest.importorskip("sentence_transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("model"), "bert", "AutoModel")


@pytest.fixture(scope="module")
def encoder(folder):
    return read("SentenceTransformer", folder)


def read(kind, folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(sentence_transformers, kind)(str(folder), device="cpu", local_files_only=True)


def test_a_bi_encoder_in_memory_scores_as_its_folder(encoder, folder, tiny, cache):
    results = robustrank.evaluate([encoder, f"bi-encoder:model={folder}"], tiny, device="cpu", cache=cache)
    rankers = dict(list(results.rows.sort_values(["query_id", "measure"]).groupby("ranker_parameters")))
    first, second = (frame["value"] for frame in rankers.values())
    np.testing.assert_array_equal(first, second)
    assert len(first) == 9


@pytest.mark.parametrize(
    ("kind", "auto", "options"),
    [
        ("CrossEncoder", "AutoModelForSequenceClassification", {"num_labels": 1}),
        ("SparseEncoder", "AutoModelForMaskedLM", {}),
    ],
)
def test_other_models_in_memory_are_attacked_with_gradients(kind, auto, options, tiny, cache, tmp_path):
    folder = save(tmp_path / "model", "bert", auto, **options)
    model = read(kind, folder)
    task = {"name": "document-attack", "targets": ["3-5"]}
    results = robustrank.evaluate(model, tiny, "hotflip", tasks=task, limit=1, device="cpu", cache=cache)
    assert results.cells[["ranker", "status"]].values.tolist() == [[kind, "done"]]
    assert len(results.adversarial()) > 0


def test_the_same_weights_are_written_once_and_others_apart(encoder, tiny, cache):
    import torch

    folder = cache / "models-in-memory"
    first = robustrank.evaluate(encoder, tiny, cache=cache)
    written = set(folder.iterdir())
    assert robustrank.evaluate(encoder, tiny, cache=cache).folder == first.folder
    assert set(folder.iterdir()) == written
    weight = next(encoder.parameters())
    with torch.no_grad():
        before = weight[0, 0].clone()
        weight[0, 0] += 1
        try:
            other = robustrank.evaluate(encoder, tiny, cache=cache)
        finally:
            weight[0, 0] = before
    assert other.folder != first.folder
    assert len(set(folder.iterdir())) == len(written) + 1


def test_a_function_that_calls_a_model_has_its_weights_in_its_identity(encoder):
    import torch

    def score(pairs):
        return encoder.similarity_pairwise(encoder.encode([q for q, _ in pairs]), encoder.encode([d for _, d in pairs]))

    before = object_identity(score)
    assert object_identity(score) == before
    weight = next(encoder.parameters())
    with torch.no_grad():
        kept = weight[0, 0].clone()
        weight[0, 0] += 1
        changed = object_identity(score)
        weight[0, 0] = kept
    assert changed != before == object_identity(score)


def test_a_model_that_is_not_written_whole_is_refused(encoder, tiny, cache, monkeypatch):
    encode = encoder.encode_document
    monkeypatch.setattr(encoder, "encode_document", lambda texts: -encode(texts))
    with pytest.raises(PluginError, match="its copy on disk"):
        robustrank.evaluate(encoder, tiny, cache=cache)
