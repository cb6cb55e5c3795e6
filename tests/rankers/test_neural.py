"""The neural rankers: their formulas by hand, scores of a pair alone, and training that only true labels can do."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from robustrank.collections.collection import Collection
from robustrank.errors import DataError, PluginError
from robustrank.plugins import identity
from robustrank.plugins.specification import Spec
from robustrank.randomness import derive
from robustrank.rankers.neural.rankers import (
    ConvKNRMRanker,
    DRMMRanker,
    DSSMRanker,
    DuetRanker,
    KNRMRanker,
    trigrams,
)  # fmt: skip
from robustrank.rankers.neural.vectors import word_vectors
from robustrank.rankers.ranker import GradientRanker
from robustrank.rankers.training import mean_ndcg
from tests.lists import check_reading

WORDS = "wing lift drag stall flow heat mach nose cone slab jet flap rotor shock layer probe".split()


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """A file of vectors: every word has one of its own, and drag is close to lift."""
    path = tmp_path_factory.mktemp("vectors") / "vectors.txt"
    drawn = derive(0, "vectors").normal(size=(len(WORDS), 8))
    drawn[WORDS.index("drag")] = drawn[WORDS.index("lift")] + 0.1
    lines = [f"{word} {' '.join(f'{x:.6f}' for x in row)}" for word, row in zip(WORDS, drawn, strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def small(vectors):
    common = {"query_length": 8, "document_length": 40}
    return {
        "drmm": DRMMRanker(embeddings=vectors, **common),
        "knrm": KNRMRanker(embeddings=vectors, **common),
        "knrm learned": KNRMRanker(dimension=8, **common),
        "conv-knrm": ConvKNRMRanker(embeddings=vectors, filters=8, **common),
        "duet": DuetRanker(embeddings=vectors, hidden=16, dropout=0.1, **common),
        "dssm": DSSMRanker(**common),
        "cdssm": DSSMRanker(convolution=True, **common),
    }


NAMES = ("drmm", "knrm", "knrm learned", "conv-knrm", "duet", "dssm", "cdssm")


@pytest.fixture(scope="module")
def collection():
    """Queries of two words; a document with both is relevant, one with neither is not."""
    rng = derive(0, "texts")
    queries, documents, qrels, candidates = {}, {}, {}, {}
    for number in range(80):
        pair = rng.permutation(WORDS)[:2].tolist()
        queries[f"q{number}"] = " ".join(pair)
        others = [word for word in WORDS if word not in pair]
        listed = []
        for position in range(5):
            body = rng.choice(others, size=12).tolist() + (pair * 2 if position == 0 else [])
            documents[f"d{number}-{position}"] = " ".join(rng.permutation(body))
            listed.append(f"d{number}-{position}")
        qrels[f"q{number}"], candidates[f"q{number}"] = {listed[0]: 1}, rng.permutation(listed).tolist()
    return Collection("words", queries, documents, qrels, candidates)


def splits(collection):
    ids = list(collection.queries)
    return collection.only(ids[:50]), collection.only(ids[50:60]), collection.only(ids[60:])


def trained(ranker, train, validation, folder, **settings):
    settings = {"epochs": 8, "negatives": 1, "positives": 1, "groups": 5, **settings}
    ranker.fit(train, validation, 1, str(folder), settings)
    model = ranker.load(str(folder))
    model.prepare(train)
    return model


@pytest.fixture(scope="module")
def models(vectors, collection, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    train, validation, _ = splits(collection)
    return {
        name: trained(ranker, train, validation, folder / name, epochs=1, groups=25)
        for name, ranker in small(vectors).items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["drmm", "knrm", "conv-knrm", "duet"])
def test_inverted_labels_invert_the_ranking(name, vectors, collection, tmp_path):
    train, validation, test = splits(collection)
    true = trained(small(vectors)[name], train, validation, tmp_path / "true")
    assert mean_ndcg(true.score, test) > 0.8  # chance is .59
    inverted = trained(small(vectors)[name], inverted_labels(train), inverted_labels(validation), tmp_path / "m")
    assert mean_ndcg(inverted.score, test) < 0.5


def inverted_labels(split):
    """Exchange relevant and non-relevant documents."""
    gains = {q: {d: 1 - split.qrels[q].get(d, 0) for d in listed} for q, listed in split.candidates.items()}
    return replace(split, qrels=gains)


@pytest.mark.parametrize("name", NAMES)
def test_a_score_depends_on_its_pair_alone(name, models, collection):
    import torch

    pairs = [pair for query_id in list(collection.queries)[:8] for pair in collection.pairs(query_id)]
    pairs += [("", ""), ("wing", ""), ("", "wing"), ("unseen words", "unseen things"), ("wing", "wing " * 99)]
    ranker = models[name]
    together = ranker.score(pairs)
    assert np.isfinite(together).all()
    assert together.tobytes() == ranker.score(pairs[::-1])[::-1].tobytes()
    assert together[-9:].tobytes() == np.concatenate([ranker.score([pair]) for pair in pairs[-9:]]).tobytes()
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1 if threads > 1 else 2)
        assert together.tobytes() == ranker.score(pairs).tobytes()
    finally:
        torch.set_num_threads(threads)
    again = type(ranker)(**{**vars_of(ranker), "weights": ranker.weights})
    again.prepare(splits(collection)[0])
    assert again.score(pairs).tobytes() == together.tobytes()
    assert ranker.score([]).shape == (0,)


@pytest.mark.parametrize("name", NAMES)
def test_what_lies_beyond_the_characters_read_changes_no_score(name, models):
    ranker = replace(models[name])
    check_reading(ranker)
    assert ranker.characters_read("wing", "wing " * 99) == len("wing " * 40) - 1
    assert ranker.characters_read("wing", "wing " * 40) == len("wing " * 40)


def vars_of(ranker):
    from dataclasses import fields

    return {field.name: getattr(ranker, field.name) for field in fields(ranker)}


def test_drmm_s_histogram_by_hand():
    import torch

    from robustrank.rankers.neural.drmm import BINS, histograms

    matches = torch.tensor([[[1.0, 0.999, -1.0, 0.0, 0.0, 0.5]]])
    exact = torch.tensor([[[True, False, False, False, False, False]]])
    mask = torch.tensor([[1.0, 1, 1, 1, 1, 0]])  # the last is padding
    counts = histograms(matches, exact, mask)[0, 0].tolist()
    expected = [0.0] * BINS
    expected[BINS - 1] = math.log(2)  # exact
    expected[BINS - 2] = math.log(2)  # .999
    expected[0] = math.log(2)  # -1
    expected[int((0 + 1) / 2 * (BINS - 1))] = math.log(3)  # 0, twice
    assert counts == pytest.approx(expected)


def test_kernel_pooling_by_hand():
    import torch

    from robustrank.rankers.neural.matching import MEANS, SCALE, WIDTHS, KernelPooling

    matches = [[1.0, 0.5, -0.2], [0.3, 0.3, 0.9]]
    query_mask, document_mask = [1.0, 1.0], [1.0, 1.0, 0.0]
    pooled = KernelPooling()(torch.tensor([matches]), torch.tensor([query_mask]), torch.tensor([document_mask]))[0]
    for kernel, (mean, width) in enumerate(zip(MEANS, WIDTHS, strict=True)):
        total = 0.0
        for row in matches:
            count = sum(math.exp(-((m - mean) ** 2) / (2 * width**2)) for m in row[:2])
            total += math.log(max(count, 1e-10))
        assert pooled[kernel].item() == pytest.approx(SCALE * total, rel=1e-4)


def test_equal_n_grams_match_exactly_and_others_do_not(vectors):
    import torch

    from robustrank.rankers.neural.matching import cosines

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ConvKNRMRanker(embeddings=vectors, filters=16).build()
    ids = torch.tensor([[1, 2, 3, 1, 2, 4]])
    for size, vectors_of in enumerate(network.ngrams(ids), 1):
        similarities = cosines(vectors_of, vectors_of)[0].detach().numpy()
        grams = [tuple(ids[0, i : i + size].tolist()) for i in range(6)]
        for i, first in enumerate(grams):
            for j, second in enumerate(grams):
                assert (similarities[i, j] > 0.99999) == (first == second), (first, second)


def test_letter_trigrams_of_a_word():
    assert len(trigrams("web")) == 3  # #we, web, eb#
    assert trigrams("web")[1] == trigrams("xwebx")[2]
    assert trigrams("a" * 30)[3] == trigrams("a" * 30)[4]
    assert 0 not in trigrams("web")


def test_unseen_words_match_themselves_and_nothing_else(models):
    ranker = models["knrm"]
    same, different = ranker.score([("zeppelin", "zeppelin"), ("zeppelin", "dirigible")])
    assert same != different
    ids = {ranker.term_id(term) for term in ("zeppelin", "dirigible", *WORDS)}
    assert len(ids) == len(WORDS) + 2


def test_a_word_s_vector_comes_from_the_file_seen_in_training_or_not(vectors, models):
    loaded = word_vectors(vectors, "en")
    assert loaded.table.shape == (len(WORDS), 8)
    lift, drag, wing = (loaded.table[loaded.rows[term]] for term in ("lift", "drag", "wing"))
    assert lift @ drag > abs(lift @ wing)


def test_files_without_vectors_are_refused_with_the_line(tmp_path):
    for name, text, where in (
        ("short.txt", "a 1 2\nb 1\n", ":2"),
        ("word.txt", "a 1 2\nb 1 x\n", ":2"),
        ("empty.txt", "", "empty.txt"),
    ):
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(DataError, match=where):
            word_vectors(str(path), "en")
    with pytest.raises(DataError, match="glove"):
        word_vectors(str(tmp_path / "nowhere.txt"), "en")
    (tmp_path / "header.vec").write_text("2 3\nlift 1 2 3\ndrag 4 5 6\n")
    assert word_vectors(str(tmp_path / "header.vec"), "en").table.tolist() == [[1, 2, 3], [4, 5, 6]]
    (tmp_path / "spaces.txt").write_text("lift 1 2\n. . . 3 4\nat name@domain.com 5 6\n")  # as in GloVe 840B
    assert word_vectors(str(tmp_path / "spaces.txt"), "en").table.tolist() == [[1, 2]]


def test_an_untrained_ranker_and_other_parameters_are_refused(models, collection):
    untrained = KNRMRanker()
    untrained.prepare(collection)
    with pytest.raises(PluginError, match="train"):
        untrained.score([("a", "b")])
    mismatched = replace(models["duet"], hidden=8)
    mismatched.prepare(collection)
    with pytest.raises(DataError, match="parameters"):
        mismatched.score([("a", "b")])


def initialised(ranker, collection, seed=0):
    """Return the ranker with initial weights."""
    import torch

    ranker.prepare(collection)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        ranker.initialise(collection)
    ranker.network.eval()
    return ranker


@pytest.mark.parametrize("name", ["knrm", "knrm learned", "conv-knrm", "duet"])
def test_gradients_agree_with_finite_differences(name, vectors, collection):
    ranker = initialised(small(vectors)[name], collection)
    assert isinstance(ranker, GradientRanker)
    query, document = "wing lift", "Drag of a heated NOSE, the wing's flow and a zeppelin"
    encoding = ranker.encode(query, document)
    terms = [document[slice(*span)] for span in encoding.spans]
    assert terms == ["Drag", "heated", "NOSE", "wing", "flow", "zeppelin"]
    start = ranker.embedding_table[encoding.ids]
    (score,), (gradient,) = ranker.gradients(query, [encoding])
    assert score == pytest.approx(ranker.score([(query, document)])[0], abs=1e-4)
    direction = gradient / np.linalg.norm(gradient)
    step = 3e-4  # the kernel of exact matches bends within 1e-3
    (above, below), _ = ranker.gradients(query, [encoding] * 2, [start + step * direction, start - step * direction])
    assert (above - below) / (2 * step) == pytest.approx(np.linalg.norm(gradient), rel=0.05)


@pytest.mark.parametrize("name", ["knrm", "conv-knrm", "duet"])
def test_gradients_read_what_scores_read(name, vectors, collection):
    ranker = initialised(small(vectors)[name], collection)
    assert ranker.tokens_of("Wings").tolist() == ranker.tokens_of("wing").tolist()
    assert not ranker.embedding_table[ranker.tokens_of("the")].any()  # a stop word is not read
    long = ranker.encode("wing", "wing " * 99)
    assert len(long.ids) == ranker.document_length
    _, (empty, cut) = ranker.gradients("wing", [ranker.encode("wing", ""), long])
    assert empty.shape == (0, 8)
    assert np.isfinite(cut).all()


def test_histograms_and_trigrams_have_no_gradients(vectors):
    rankers = small(vectors)
    assert not any(isinstance(rankers[name], GradientRanker) for name in ("drmm", "dssm", "cdssm"))


def test_weights_decide_the_identity_and_missing_ones_are_refused(vectors, collection, tmp_path):
    def identity_of(seed):
        folder = tmp_path / str(seed)
        folder.mkdir(exist_ok=True)
        initialised(KNRMRanker(embeddings=vectors), collection, seed).save(folder)
        return identity("ranker", Spec("knrm", {"embeddings": vectors, "weights": str(folder)}))

    assert identity_of(0) != identity_of(1)
    with pytest.raises(PluginError, match="no weights"):
        KNRMRanker(embeddings=vectors).check()
