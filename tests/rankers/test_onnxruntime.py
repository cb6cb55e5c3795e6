"""Rankers that compute in onnxruntime: the scores of torch, of their pair alone, from a graph that is exported once."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
import transformers

from robustrank import kept, loaded
from robustrank.errors import DataError, PluginError, UsageError
from robustrank.notices import listening
from robustrank.plugins.identity import identity
from robustrank.plugins.specification import Spec
from robustrank.rankers import runtime
from robustrank.rankers.serving import ServedRanker
from robustrank.rankers.transformer import onnxruntime_backend
from robustrank.rankers.transformer.bi_encoder import BiEncoderRanker
from robustrank.rankers.transformer.cross_encoder import CrossEncoderRanker
from robustrank.rankers.transformer.late_interaction import LateInteractionRanker
from robustrank.rankers.transformer.splade import SpladeRanker
from robustrank.testing.samples import COLLECTION
from tests.damages import change_one_bit
from tests.rankers.tiny_models import DOCUMENTS, FAMILIES, QUERIES, save

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
PAIRS = [(query, document) for query in QUERIES for document in DOCUMENTS]
KINDS = {
    BiEncoderRanker: "AutoModel",
    LateInteractionRanker: "AutoModel",
    SpladeRanker: "AutoModelForMaskedLM",
    CrossEncoderRanker: "AutoModelForSequenceClassification",
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "_room", tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    autos = {auto: str(save(tmp_path_factory.mktemp(auto), "bert", auto)) for auto in set(KINDS.values())}
    return {kind: autos[auto] for kind, auto in KINDS.items()}


def agrees(ranker, folder):
    expected, scores = type(ranker)(folder).score(PAIRS), ranker.score(PAIRS)
    difference = np.abs(scores - expected).max() / np.abs(expected).max()
    assert 0 < difference <= (1e-5 if ranker.dtype == "fp32" else 0.1)
    assert scores.tobytes() == np.concatenate([replace(ranker).score([pair]) for pair in PAIRS]).tobytes()
    assert scores.tobytes() == replace(ranker).score(PAIRS[::-1])[::-1].tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_torch_and_of_their_pair_alone(folders, kind):
    agrees(kind(folders[kind], backend="onnxruntime"), folders[kind])


@pytest.mark.parametrize(
    "kind", [CrossEncoderRanker, *(pytest.param(kind, marks=pytest.mark.slow) for kind in list(KINDS)[:3])]
)
def test_int8_gives_nearly_the_scores_of_torch_and_those_of_their_pair_alone(folders, kind):
    agrees(kind(folders[kind], backend="onnxruntime", dtype="int8", max_tokens=8192), folders[kind])


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_every_architecture_agrees_with_torch(tmp_path, family):
    folder = str(save(tmp_path / "model", family, "AutoModelForSequenceClassification", num_labels=1))
    ranker = CrossEncoderRanker(folder, backend="onnxruntime")
    if family in ("qwen2", "llama") and transformers.__version__.startswith("4."):
        with pytest.raises(DataError, match="decoders are exported with transformers 5"):
            ranker.check()
    else:
        agrees(ranker, folder)


def test_a_graph_is_exported_once_and_again_where_it_is_damaged(folders, cache, monkeypatch):
    ranker, exports = CrossEncoderRanker(folders[CrossEncoderRanker], backend="onnxruntime"), []
    trace = onnxruntime_backend._trace
    monkeypatch.setattr(onnxruntime_backend, "_trace", lambda *given: exports.append(1) or trace(*given))
    scores, said = [], []
    with listening(said.append):
        for turn in range(3):
            if turn == 2:
                (graph,) = cache.glob("graphs/*/model.onnx")
                change_one_bit(graph)
            monkeypatch.setattr(loaded, "_used", {})  # as in another process
            scores.append(replace(ranker).score(PAIRS))
    assert exports == [1, 1]
    assert len(said) == 1
    assert "written again" in said[0]
    assert scores[0].tobytes() == scores[1].tobytes() == scores[2].tobytes()


def test_kinds_that_read_one_folder_have_graphs_of_their_own(folders):
    folder = folders[SpladeRanker]
    for kind in (BiEncoderRanker, SpladeRanker):  # vectors of tokens, and logits of the vocabulary
        scores = kind(folder, backend="onnxruntime").score(PAIRS[:4])
        np.testing.assert_allclose(scores, kind(folder).score(PAIRS[:4]), rtol=1e-4)


def test_gradients_are_those_of_torch_and_int8_has_none(folders):
    folder = folders[CrossEncoderRanker]
    ranker, plain = CrossEncoderRanker(folder, backend="onnxruntime"), CrossEncoderRanker(folder)
    (query, document), encoded = PAIRS[0], [plain.encode(*PAIRS[0])]
    scores, gradients = ranker.gradients(query, encoded)
    assert scores.tobytes() == plain.gradients(query, encoded)[0].tobytes()
    assert gradients[0].tobytes() == plain.gradients(query, encoded)[1][0].tobytes()
    ServedRanker(ranker).refuse_foreign_gradients(query, document)
    with pytest.raises(PluginError, match="int8 has no gradients"):
        replace(ranker, dtype="int8").gradients(query, encoded)


@pytest.mark.parametrize(("backend", "dtype"), [("torch", "int8"), ("onnxruntime", "bf16")])
def test_a_dtype_that_the_backend_does_not_compute_is_refused(folders, backend, dtype):
    with pytest.raises(UsageError, match=dtype):
        BiEncoderRanker(folders[BiEncoderRanker], backend=backend, dtype=dtype).score(PAIRS)


def test_an_accelerator_is_refused(folders, monkeypatch):
    monkeypatch.setattr(runtime, "_device", "cuda")
    with pytest.raises(UsageError, match="on the processor"):
        BiEncoderRanker(folders[BiEncoderRanker], backend="onnxruntime").check()


def test_a_missing_library_is_named(folders, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UsageError, match=r"robustrank\[onnxruntime\]"):
        BiEncoderRanker(folders[BiEncoderRanker], backend="onnxruntime").check()


def test_a_network_that_is_exported_wrongly_is_refused(folders, monkeypatch):
    monkeypatch.setattr(onnxruntime_backend, "_difference", lambda *given: 0.5)
    monkeypatch.setattr(loaded, "_used", {})
    with pytest.raises(DataError, match="backend=torch"):
        CrossEncoderRanker(folders[CrossEncoderRanker], backend="onnxruntime").check()


def test_backend_and_dtype_are_part_of_the_identity(folders):
    rankers = [{}, {"backend": "onnxruntime"}, {"backend": "onnxruntime", "dtype": "int8"}]
    specs = [Spec("cross-encoder", {"model": folders[CrossEncoderRanker], **options}) for options in rankers]
    assert len({identity("ranker", spec) for spec in specs}) == 3


@pytest.mark.slow
def test_a_ranker_is_trained_in_torch_and_exported_after(folders, tmp_path, cache):
    start = BiEncoderRanker(folders[BiEncoderRanker], backend="onnxruntime")
    settings = {"epochs": 1, "negatives": 2, "learning_rate": 1e-3}
    start.fit(COLLECTION, COLLECTION, 0, str(tmp_path / "trained"), settings)
    assert not list(cache.glob("graphs/*"))
    agrees(start.load(str(tmp_path / "trained")), str(tmp_path / "trained"))
