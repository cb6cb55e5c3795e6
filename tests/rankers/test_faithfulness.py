"""Scores are those of sentence-transformers on the same folder, and gradients are of the scored input.

The models are tiny ones of each architecture family and kind of tokenizer. It runs under transformers 4 and 5.
"""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from robustrank.errors import DataError
from robustrank.rankers.transformer.bi_encoder import BiEncoderRanker
from robustrank.rankers.transformer.cross_encoder import CrossEncoderRanker
from robustrank.rankers.transformer.late_interaction import LateInteractionRanker
from robustrank.rankers.transformer.splade import SpladeRanker
from robustrank.testing.samples import COLLECTION
from tests.rankers.tiny_models import DOCUMENTS, FAMILIES, LENGTH, MASKED, QUERIES, change, modules, save

PAIRS = [(query, document) for query in QUERIES for document in DOCUMENTS]
QUICK = ("modernbert",)  # the others take minutes together
EACH, EACH_MASKED = (
    [family if family in QUICK else pytest.param(family, marks=pytest.mark.slow) for family in families]
    for families in (FAMILIES, MASKED)
)
POOLINGS = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken", ("mean", "max"))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Return what gives the folder of a family's model of some auto class, written once."""
    folders = {}

    def folder(family, auto, **options):
        key = family, auto, *options.items()
        if key not in folders:
            folders[key] = save(tmp_path_factory.mktemp("base"), family, auto, **options)
        return folders[key]

    return folder


@pytest.fixture
def copy(base, tmp_path):
    def folder(*model, **options):
        shutil.copytree(base(*model, **options), tmp_path / "model")
        return tmp_path / "model"

    return folder


def agree(ranker, expected, distinct=3):
    """Scores are as expected, and as the gradients' own, to 1e-5 of the largest; so many at least are distinct."""
    ranker.check()
    scores, expected = ranker.score(PAIRS), np.asarray(expected, dtype=np.float64)
    scale = max(1.0, np.abs(expected).max())
    assert len(set(np.round(expected / scale, 4))) >= distinct, "the reference tells no documents apart"
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-5 * scale)
    by_gradients = []
    for query in QUERIES:
        encodings = [ranker.encode(query, document) for document in DOCUMENTS]
        values, gradients = ranker.gradients(query, encodings)
        by_gradients += values.tolist()
        for encoding, gradient in zip(encodings, gradients, strict=True):
            assert gradient.shape == (len(encoding.ids), ranker.embedding_table.shape[1])
            assert np.isfinite(gradient).all()
    np.testing.assert_allclose(scores, by_gradients, rtol=0, atol=1e-5 * scale)


def as_sentence_transformers(folder):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    return [
        float(model.similarity(model.encode_query([query]), model.encode_document([document]))[0][0])
        for query, document in PAIRS
    ]


@pytest.mark.parametrize("family", EACH)
@pytest.mark.parametrize("activation", ["Sigmoid", "Identity", "Tanh", "GELU"])
@pytest.mark.parametrize("labels", [1, 2])
def test_cross_encoders(copy, family, labels, activation):
    import torch
    from sentence_transformers import CrossEncoder

    folder = copy(family, "AutoModelForSequenceClassification", num_labels=labels)
    module = "linear" if activation == "Identity" else "activation"
    said = {"activation_fn": f"torch.nn.modules.{module}.{activation}", "version": "5.0"}
    change(folder / "config.json", sentence_transformers=said)
    model = CrossEncoder(str(folder), device="cpu")

    def expected(activation_fn):
        values = [model.predict([pair], activation_fn=activation_fn)[0] for pair in PAIRS]
        return [float(value[1] - value[0]) if labels == 2 else float(value) for value in values]

    agree(CrossEncoderRanker(str(folder), activation="model"), expected(None))
    left_out = activation != "GELU"  # it can change ranks, so it stays
    ranker = CrossEncoderRanker(str(folder))
    agree(ranker, expected(torch.nn.Identity() if left_out else None))
    assert f"{labels} label" in ranker.reading(COLLECTION)[0]


@pytest.mark.parametrize("family", EACH)
def test_the_prompt_of_a_cross_encoder(copy, family):
    import torch
    from sentence_transformers import CrossEncoder

    folder = copy(family, "AutoModelForSequenceClassification", num_labels=1)
    change(folder / "config_sentence_transformers.json", prompts={"web": "what makes "}, default_prompt_name="web")
    shutil.copytree(folder, folder.with_name("saved"), dirs_exist_ok=True)
    model = CrossEncoder(str(folder), device="cpu", prompts={"web": "what makes "}, default_prompt_name="web")
    model.save_pretrained(str(folder.with_name("saved")))
    expected = [float(model.predict([pair], activation_fn=torch.nn.Identity())[0]) for pair in PAIRS]
    agree(CrossEncoderRanker(str(folder.with_name("saved"))), expected)


@pytest.mark.parametrize("family", EACH)
@pytest.mark.parametrize("pooling", POOLINGS, ids=str)
def test_poolings(copy, family, pooling):
    folder = copy(family, "AutoModel")
    modules(folder, "Transformer", "Pooling")
    change(folder / "1_Pooling" / "config.json", embedding_dimension=32, pooling_mode=pooling)
    constant = family == "llama" and pooling == "cls"  # its first token is the same in every text, and sees no other
    agree(BiEncoderRanker(str(folder)), as_sentence_transformers(folder), distinct=1 if constant else 3)


@pytest.mark.parametrize("family", EACH)
@pytest.mark.parametrize("similarity", ["cosine", "dot", "euclidean", "manhattan"])
def test_similarities_with_prompts(copy, family, similarity):
    folder = copy(family, "AutoModel")
    modules(folder, "Transformer", "Pooling")
    change(folder / "1_Pooling" / "config.json", embedding_dimension=32, include_prompt=similarity == "dot")
    prompts = {"query": "query: ", "document": "passage: "}
    change(folder / "config_sentence_transformers.json", prompts=prompts, similarity_fn_name=similarity)
    agree(BiEncoderRanker(str(folder)), as_sentence_transformers(folder))


@pytest.mark.parametrize("family", EACH_MASKED)
@pytest.mark.parametrize("activation", ["relu", "log1p_relu"])
@pytest.mark.parametrize("pooling", ["max", "sum"])
def test_sparse_encoders(copy, family, pooling, activation):
    from sentence_transformers import SparseEncoder

    folder = copy(family, "AutoModelForMaskedLM")
    said = "sentence_transformers.sparse_encoder.models.{}"
    listed = [("", "MLMTransformer"), ("1_SpladePooling", "SpladePooling")]
    (folder / "modules.json").write_text(
        json.dumps([{"idx": i, "name": str(i), "path": p, "type": said.format(n)} for i, (p, n) in enumerate(listed)])
    )
    change(folder / "1_SpladePooling" / "config.json", pooling_strategy=pooling, activation_function=activation)
    change(folder / "config_sentence_transformers.json", model_type="SparseEncoder", prompts={"query": "query: "})
    model = SparseEncoder(str(folder), device="cpu")
    dense = {"convert_to_sparse_tensor": False}
    expected = [
        float((model.encode_query([q], **dense)[0].double() * model.encode_document([d], **dense)[0].double()).sum())
        for q, d in PAIRS
    ]
    agree(SpladeRanker(str(folder)), expected)


@pytest.mark.parametrize("family", EACH)
@pytest.mark.parametrize("expands", [True, False])
def test_late_interaction_with_markers(copy, family, expands):
    """By the definition: the marker behind [CLS], the query filled up with [MASK], punctuation left out."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModel, AutoTokenizer

    folder = copy(family, "AutoModel")
    if expands and family not in MASKED:
        pytest.skip("the family has no mask token")
    change(
        folder / "config_sentence_transformers.json",
        query_prefix="[Q]", document_prefix="[D]", query_length=12, document_length=20, do_query_expansion=expands,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        projection = torch.randn(8, 32)
    save_file({"linear.weight": projection}, folder / "projection.safetensors")
    words, network = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()

    def vectors(text, marker, length, filled):
        encoded = words(text, truncation=True, max_length=length - 1)
        ids, types = list(encoded["input_ids"]), list(encoded.get("token_type_ids", []))
        start = int(bool(words("")["input_ids"]) and ids[0] == words.convert_tokens_to_ids("[CLS]"))
        ids.insert(start, words.convert_tokens_to_ids(marker))
        mask = [1] * len(ids)
        if filled:
            mask += [0] * (length - len(ids))
            ids += [words.mask_token_id] * (length - len(ids))
        features = {"input_ids": torch.tensor([ids]), "attention_mask": torch.tensor([mask])}
        if types:
            features["token_type_ids"] = torch.zeros_like(features["input_ids"])
        with torch.no_grad():
            hidden = network(**features).last_hidden_state[0] @ projection.T
        return ids, torch.nn.functional.normalize(hidden, dim=-1).numpy()

    skipped = set(words.convert_tokens_to_ids(list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"))) - {words.unk_token_id}
    expected = []
    for query, document in PAIRS:
        _, left = vectors(query, "[Q]", 12, expands)
        ids, right = vectors(document, "[D]", 20, False)
        right = right[[i not in skipped for i in ids]]
        expected.append((left @ right.T).max(1).sum())
    agree(LateInteractionRanker(str(folder)), expected)


def test_late_interaction_agrees_with_the_multi_vector_encoder(copy):
    sentence_transformers = pytest.importorskip("sentence_transformers", minversion="6.0")
    folder = copy("bert", "AutoModel")
    modules(folder, "Transformer", "Dense")
    import torch
    from safetensors.torch import save_file

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        save_file({"linear.weight": torch.randn(8, 32)}, folder / "1_Dense" / "model.safetensors")
    change(
        folder / "1_Dense" / "config.json",
        in_features=32, out_features=8, bias=False, activation_function="torch.nn.modules.linear.Identity",
    )  # fmt: skip
    change(
        folder / "config_sentence_transformers.json",
        model_type="ColBERT", query_prefix="[Q]", document_prefix="[D]", query_length=12, document_length=20,
    )  # fmt: skip
    model = sentence_transformers.MultiVectorEncoder(str(folder), device="cpu")
    expected = [
        float(model.similarity(model.encode_query([query]), model.encode_document([document]))[0][0])
        for query, document in PAIRS
    ]
    agree(LateInteractionRanker(str(folder)), expected)


@pytest.mark.parametrize("family", EACH)
def test_what_is_not_read_is_told(copy, family):
    folder = copy(family, "AutoModel")
    ranker = BiEncoderRanker(str(folder))
    assert ranker.characters_read(QUERIES[0], DOCUMENTS[0]) == len(DOCUMENTS[0])
    assert 0 < ranker.characters_read(QUERIES[0], DOCUMENTS[2]) < len(DOCUMENTS[2].rstrip())
    shorter = BiEncoderRanker(str(folder), max_length=LENGTH // 2)
    assert shorter.characters_read("", DOCUMENTS[2]) < ranker.characters_read("", DOCUMENTS[2])


@pytest.mark.parametrize("kind", [CrossEncoderRanker, SpladeRanker])
@pytest.mark.parametrize("family", ["bert", "roberta", "modernbert"])
def test_a_checkpoint_that_lacks_weights_is_refused(copy, family, kind):
    with pytest.raises(DataError, match="lacks weights"):
        kind(str(copy(family, "AutoModel"))).check()


def test_an_encoder_without_its_pooler_is_no_less_whole(copy):
    folder = copy("bert", "AutoModelForMaskedLM")
    BiEncoderRanker(str(folder)).check()


def test_more_tokens_than_the_model_has_places_for_are_refused(copy):
    with pytest.raises(DataError, match="positions"):
        BiEncoderRanker(str(copy("bert", "AutoModel")), max_length=4096).check()
