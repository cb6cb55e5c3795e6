"""Model folders that were once read otherwise than their authors ship them: a run scores as sentence-transformers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import sentence_transformers

from robustrank.cli.main import invoke
from robustrank.errors import DataError
from robustrank.rankers.transformer.bi_encoder import BiEncoderRanker
from robustrank.rankers.transformer.cross_encoder import CrossEncoderRanker
from tests.rankers.tiny_models import DOCUMENTS, QUERIES, change, modules, save

SPARSE = "sentence_transformers.sparse_encoder.models"


def bi_encoder(folder, family="bert", **said):
    save(folder, family, "AutoModel")
    modules(folder, "Transformer", "Pooling")
    change(folder / "1_Pooling" / "config.json", embedding_dimension=32, pooling_mode="mean")
    change(folder / "config_sentence_transformers.json", **said)


def prompts(folder):
    bi_encoder(folder, prompts={"query": "query: ", "document": "passage: "})


def prompt_left_out_of_pooling(folder):
    prompts(folder)
    change(folder / "1_Pooling" / "config.json", include_prompt=False)


def cosine_without_normalize(folder):
    bi_encoder(folder, similarity_fn_name="cosine")


def euclidean(folder):
    bi_encoder(folder, similarity_fn_name="euclidean")


def lower_case(folder):
    bi_encoder(folder, "modernbert")
    change(folder / "sentence_bert_config.json", max_seq_length=48, do_lower_case=True)


def prompt_of_a_cross_encoder(folder):
    from sentence_transformers import CrossEncoder

    plain = save(folder.with_name("plain"), "bert", "AutoModelForSequenceClassification", num_labels=1)
    said = {"prompts": {"web": "rank this for search: "}, "default_prompt_name": "web"}
    CrossEncoder(str(plain), device="cpu", **said).save_pretrained(str(folder))


def sparse(folder, **pooling):
    save(folder, "bert", "AutoModelForMaskedLM")
    listed = [("", "MLMTransformer"), ("1_SpladePooling", "SpladePooling")]
    (folder / "modules.json").write_text(
        json.dumps([{"idx": i, "name": str(i), "path": p, "type": f"{SPARSE}.{n}"} for i, (p, n) in enumerate(listed)])
    )
    change(folder / "1_SpladePooling" / "config.json", **pooling)
    change(folder / "config_sentence_transformers.json", model_type="SparseEncoder")


def sparse_pooling(folder):
    sparse(folder, pooling_strategy="sum")


def sparse_activation(folder):
    sparse(folder, activation_function="log1p_relu")


def padding_of_a_decoder(folder):
    """The configuration names a padding token that the tokenizer lacks."""
    save(folder, "qwen2", "AutoModelForSequenceClassification", num_labels=1)
    change(folder / "config.json", pad_token_id=9)
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (folder / name).exists():
            said = json.loads((folder / name).read_text())
            (folder / name).write_text(json.dumps({key: said[key] for key in said if key != "pad_token"}))


MODELS = {
    prompts: "bi-encoder",
    prompt_left_out_of_pooling: "bi-encoder",
    cosine_without_normalize: "bi-encoder",
    euclidean: "bi-encoder",
    lower_case: "bi-encoder",
    prompt_of_a_cross_encoder: "cross-encoder",
    sparse_pooling: "splade",
    sparse_activation: "splade",
    padding_of_a_decoder: "cross-encoder",
}


def write_experiment(folder, rankers):
    data = folder / "data"
    (data / "qrels").mkdir(parents=True)
    for name, texts in (("corpus", DOCUMENTS), ("queries", QUERIES)):
        lines = (json.dumps({"_id": f"{name[0]}{i}", "text": text}) for i, text in enumerate(texts))
        (data / f"{name}.jsonl").write_text("\n".join(lines))
    judged = "".join(f"q{i}\tc{j}\t1\n" for i in range(len(QUERIES)) for j in range(len(DOCUMENTS)))
    (data / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    ranked = (f"{q} Q0 c{j} {j} {-j} x\n" for q in ("q0", "q1") for j in range(len(DOCUMENTS)))
    (data / "run.trec").write_text("".join(ranked))
    entries = [{"name": name, "model": str(model), "label": label} for label, (name, model) in rankers.items()]
    experiment = {
        "name": "models",
        "collections": [{"name": "beir", "folder": str(data), "run": str(data / "run.trec")}],
        "rankers": entries,
        "tasks": ["iid-variance"],
    }
    (folder / "exp.yaml").write_text(json.dumps(experiment))
    return folder / "exp.yaml"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The scores of each model in one run: query and document id to score; and the folders."""
    folder = tmp_path_factory.mktemp("models")
    rankers = {}
    for make, name in MODELS.items():
        make(folder / make.__name__)
        rankers[make.__name__] = name, folder / make.__name__
    experiment = write_experiment(folder, rankers)
    arguments = [
        "run",
        experiment,
        "--out",
        folder / "out",
        "--cache",
        folder / "cache",
        "--workers",
        "0",
        "--no-report",
    ]
    assert invoke(list(map(str, arguments))) == 0
    scores = {}
    for line in (folder / "out" / "cells.jsonl").read_text().splitlines():
        cell = json.loads(line)
        (trec,) = (folder / "out" / "cells" / cell["key"] / "runs").glob("*.trec")
        ranked = [line.split() for line in trec.read_text().splitlines()]
        scores[cell["ranker"]["label"]] = {(q, d): float(score) for q, _, d, _, score, _ in ranked}
    return folder, scores


def by_sentence_transformers(folder: Path, kind: str):
    import sentence_transformers as st
    import torch

    if kind == "cross-encoder":
        model = st.CrossEncoder(str(folder), device="cpu")
        model.tokenizer.pad_token = model.tokenizer.pad_token or "[UNK]"  # it wants one, and pads no text alone

        def score(query, document):
            return model.predict([(query, document)], activation_fn=torch.nn.Identity())[0]
    else:
        model = (st.SparseEncoder if kind == "splade" else st.SentenceTransformer)(str(folder), device="cpu")

        def score(query, document):
            return model.similarity(model.encode_query([query]), model.encode_document([document]))[0][0]

    return {
        (f"q{i}", f"c{j}"): float(score(query, document))
        for i, query in enumerate(QUERIES)
        for j, document in enumerate(DOCUMENTS)
    }


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor")
@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_a_run_scores_as_the_folder_says(ran, make):
    folder, scores = ran
    expected = by_sentence_transformers(folder / make.__name__, MODELS[make])
    scale = max(map(abs, expected.values()))
    for pair, score in expected.items():
        assert scores[make.__name__][pair] == pytest.approx(score, abs=1e-5 * scale), pair


def refused(folder, capsys, name, model):
    experiment = write_experiment(folder, {"it": (name, model)})
    arguments = ["run", experiment, "--out", folder / "out", "--cache", folder / "cache", "--workers", "0"]
    code = invoke(list(map(str, arguments)))
    said = capsys.readouterr()
    assert 2 <= code <= 9
    assert "Traceback" not in said.out + said.err
    return said.out + said.err


def test_a_router_that_cannot_be_read_is_refused(tmp_path, capsys):
    sparse(tmp_path / "model", pooling_strategy="max")
    router = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Router"}]
    (tmp_path / "model" / "modules.json").write_text(json.dumps(router))
    assert "cannot read the model" in refused(tmp_path, capsys, "splade", tmp_path / "model")


def test_a_checkpoint_without_a_head_is_refused(tmp_path, capsys):
    save(tmp_path / "model", "bert", "AutoModel")
    assert "lacks weights" in refused(tmp_path, capsys, "cross-encoder", tmp_path / "model")


def test_the_marks_of_late_interaction_are_read_or_refused(tmp_path, capsys):
    from robustrank.rankers.transformer.late_interaction import LateInteractionRanker

    plain = save(tmp_path / "plain", "bert", "AutoModel")
    shutil.copytree(plain, tmp_path / "marked")
    said = {"query_prefix": "[Q]", "document_prefix": "[D]", "query_length": 32, "document_length": 40}
    change(tmp_path / "marked" / "config_sentence_transformers.json", **said)
    pairs = [(query, document) for query in QUERIES for document in DOCUMENTS]
    scores = [LateInteractionRanker(str(tmp_path / name)).score(pairs) for name in ("plain", "marked")]
    assert not np.allclose(*scores)
    shutil.copytree(plain, tmp_path / "unknown")
    change(tmp_path / "unknown" / "config_sentence_transformers.json", **{**said, "query_prefix": "[NONE]"})
    assert "no tokens of the model" in refused(tmp_path, capsys, "late-interaction", tmp_path / "unknown")


@pytest.mark.parametrize(("family", "query"), [("modernbert", QUERIES[0]), ("bert", "wings lift air " * 30)])
def test_gradients_are_of_the_scored_input(tmp_path, family, query):
    """Special tokens that only the tokenizer knows, and queries of any length."""
    ranker = CrossEncoderRanker(str(save(tmp_path, family, "AutoModelForSequenceClassification", num_labels=1)))
    document = DOCUMENTS[0]
    (by_gradients,), _ = ranker.gradients(query, [ranker.encode(query, document)])
    assert by_gradients == pytest.approx(float(ranker.score([(query, document)])[0]), rel=1e-5)


def test_the_header_reads_a_cross_encoder_with_two_labels(tmp_path, capsys):
    """As sentence-transformers saves one: the number of labels is the configuration's default, and not written."""
    plain = save(tmp_path / "plain", "bert", "AutoModelForSequenceClassification", num_labels=2)
    sentence_transformers.CrossEncoder(str(plain), device="cpu").save_pretrained(str(tmp_path / "model"))
    assert invoke(["doctor", f"cross-encoder:model={tmp_path / 'model'}"]) == 0
    said = capsys.readouterr().out
    assert "; 2 labels, activation Identity; " in said
    assert "agrees with sentence-transformers" in said


def test_vectors_have_the_dimensions_that_the_folder_says(tmp_path, capsys):
    bi_encoder(tmp_path, truncate_dim=8)
    assert invoke(["doctor", f"bi-encoder:model={tmp_path}"]) == 0
    assert "; the first 8 dimensions; cosine; " in capsys.readouterr().out


@pytest.mark.parametrize("tokens", [0, 100_000])
def test_a_length_that_the_model_cannot_read_is_refused(tmp_path, tokens):
    bi_encoder(tmp_path)
    change(tmp_path / "sentence_bert_config.json", max_seq_length=tokens, do_lower_case=False)
    with pytest.raises(DataError, match=f"reads at most {tokens} tokens, and it has positions for 512"):
        BiEncoderRanker(str(tmp_path)).check()
    BiEncoderRanker(str(tmp_path), max_length=32).check()


def test_a_decoder_without_a_padding_token_scores_pairs_as_if_alone(tmp_path, capsys):
    save(tmp_path, "llama", "AutoModelForSequenceClassification", num_labels=1)
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (tmp_path / name).exists():
            said = json.loads((tmp_path / name).read_text())
            said.pop("pad_token", None)
            (tmp_path / name).write_text(json.dumps(said))
    change(tmp_path / "config.json", pad_token_id=None)
    ranker = CrossEncoderRanker(str(tmp_path))
    pairs = [(query, document) for query in QUERIES for document in DOCUMENTS]
    together = ranker.score(pairs)
    assert len(set(together.tolist())) > 2
    assert together == pytest.approx(np.concatenate([ranker.score([pair]) for pair in pairs]), abs=1e-5)
    # sentence-transformers pads even one pair, and cannot read it: said in a line, without a traceback
    assert invoke(["doctor", f"cross-encoder:model={tmp_path}"]) == 5
    assert "Asking to pad" in capsys.readouterr().err


def test_the_header_shortens_a_long_prompt(tmp_path, capsys):
    bi_encoder(tmp_path, prompts={"query": "wings " * 200})
    assert invoke(["doctor", f"bi-encoder:model={tmp_path}"]) == 0
    said = capsys.readouterr().out
    assert "(1,202 bytes)" in said
    assert len(said) < 800
