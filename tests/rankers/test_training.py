"""The trainer: it learns what the labels say and nothing else, resumes where it was killed, and stops in time."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from robustrank.errors import DataError
from robustrank.notices import listening
from robustrank.randomness import derive
from robustrank.rankers import training
from robustrank.rankers.lexical import BM25
from robustrank.rankers.training import TrainingSettings, mean_ndcg, sample_groups, split_by_query, train
from tests.damages import DAMAGES

pytest.importorskip("gensim")

SETTINGS = TrainingSettings(epochs=5, negatives=4, groups=8, learning_rate=0.05, patience=9, threads=1)
SHORT = replace(SETTINGS, epochs=1)


class Weigher:
    """Learns to weigh BM25, the document's length and a coin that each pair throws."""

    def __init__(self, collection):
        import torch

        self.bm25 = BM25()
        self.bm25.prepare(collection)
        self.network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(0.1), torch.nn.Linear(4, 1))

    def features(self, queries, documents):
        import torch

        pairs = list(zip(queries, documents, strict=True))
        coins = [derive(0, *pair).normal() for pair in pairs]
        lengths = [len(document) / 1000 for document in documents]
        return torch.tensor(np.stack([self.bm25.score(pairs) / 10, lengths, coins], axis=1), dtype=torch.float32)

    def relevance(self, queries, documents):
        return self.network(self.features(queries, documents))[:, 0]

    def score(self, pairs):
        import torch

        with torch.inference_mode():
            return self.relevance(*zip(*pairs, strict=True)).numpy()

    def save(self, folder: Path):
        from safetensors.torch import save_file

        save_file(self.network.state_dict(), folder / "model.safetensors")


@pytest.fixture(scope="module")
def lee():
    from robustrank.collections.lee import LeeReader

    whole = LeeReader(split="background", depth=10).read()
    return whole.only(list(whole.queries)[:120])


@pytest.fixture(scope="module")
def splits(lee):
    rest, test = split_by_query(lee, 0.3, derive(0, "test"))
    return *split_by_query(rest, 0.2, derive(0, "validation")), test


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def loaded(folder: Path, collection) -> Weigher:
    from safetensors.torch import load_file

    weigher = Weigher(collection)
    weigher.network.load_state_dict(load_file(folder / "model.safetensors"))
    weigher.network.eval()
    return weigher


def test_true_labels_help_and_shuffled_labels_do_not(lee, splits, tmp_path):
    training_split, validation, test = splits
    values = {}
    for name in ("true", "shuffled"):
        labelled = [training_split, validation]
        if name == "shuffled":  # gains are permuted among the candidates of a list
            labelled = [replace(split, qrels={q: mixed(split, q) for q in split.queries}) for split in labelled]
        train(lambda: Weigher(lee), *labelled, 1, str(tmp_path / name), SETTINGS, {})
        values[name] = mean_ndcg(loaded(tmp_path / name, lee).score, test)
    bm25 = BM25()
    bm25.prepare(lee)
    coins = [lambda pairs, rng=rng: rng.normal(size=len(pairs)) for rng in derive(0, "chance").spawn(20)]
    chance = np.mean([mean_ndcg(coin, test) for coin in coins])
    best = mean_ndcg(bm25.score, test)
    assert values["true"] > 0.9 * best
    assert values["shuffled"] < chance + 0.5 * (best - chance)


def mixed(split, query_id):
    listed = list(split.candidates[query_id])
    gains = [split.qrels[query_id].get(d, 0) for d in listed]
    order = derive(7, "shuffle", query_id).permutation(len(listed))
    return {d: gains[i] for d, i in zip(listed, order, strict=True)}


def interrupt(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("epochs_before", [0, 1, 3])
def test_a_killed_training_resumes_to_the_same_weights(lee, splits, tmp_path, monkeypatch, epochs_before):
    train(lambda: Weigher(lee), *splits[:2], 1, str(tmp_path / "whole"), SETTINGS, {})
    done, real = [], training._epoch

    def stop(*arguments):
        if len(done) == epochs_before:
            raise KeyboardInterrupt
        done.append(1)
        real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(training, "_epoch", stop)
        with pytest.raises(KeyboardInterrupt):
            train(lambda: Weigher(lee), *splits[:2], 1, str(tmp_path / "killed"), SETTINGS, {})
    assert not (tmp_path / "killed").exists()
    monkeypatch.setattr(training, "_epoch", lambda *arguments: (done.append(1), real(*arguments)))
    train(lambda: Weigher(lee), *splits[:2], 1, str(tmp_path / "killed"), SETTINGS, {})
    assert len(done) == SETTINGS.epochs
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "whole"]


def test_the_state_of_another_training_is_not_resumed(lee, splits, tmp_path, monkeypatch):
    train(lambda: Weigher(lee), *splits[:2], 2, str(tmp_path / "whole"), SETTINGS, {})
    with monkeypatch.context() as patch:
        patch.setattr(training, "write_checkpoint", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(lambda: Weigher(lee), *splits[:2], 1, str(tmp_path / "another"), SETTINGS, {})
    (tmp_path / "another.state").rename(tmp_path / "mine.state")
    train(lambda: Weigher(lee), *splits[:2], 2, str(tmp_path / "mine"), SETTINGS, {})
    assert weights(tmp_path / "mine") == weights(tmp_path / "whole")


@pytest.fixture(scope="module")
def short(lee, splits, tmp_path_factory):
    """The weights of a short training, and the state it had before it ended."""
    folder = tmp_path_factory.mktemp("short")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "write_checkpoint", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(lambda: Weigher(lee), *splits[:2], 2, str(folder / "model"), SHORT, {})
    shutil.copytree(folder / "model.state", folder / "state")
    train(lambda: Weigher(lee), *splits[:2], 2, str(folder / "model"), SHORT, {})
    return weights(folder / "model"), folder / "state"


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["state.json", "state.safetensors", "manifest.json"])
def test_a_damaged_state_is_not_resumed_which_is_said(lee, splits, short, tmp_path, name, damage):
    whole, state = short
    shutil.copytree(state, tmp_path / "mine.state")
    DAMAGES[damage](tmp_path / "mine.state" / name)
    said = []
    with listening(said.append):
        train(lambda: Weigher(lee), *splits[:2], 2, str(tmp_path / "mine"), SHORT, {})
    assert weights(tmp_path / "mine") == whole
    assert len(said) == 1
    assert name in said[0]
    assert "starts again" in said[0]


def test_training_stops_when_validation_no_longer_improves(lee, splits, tmp_path, monkeypatch):
    figures = iter([0.3, 0.5, 0.4, 0.45, 0.9])
    monkeypatch.setattr(training, "_validate", lambda *_: next(figures))
    train(lambda: Weigher(lee), *splits[:2], 1, str(tmp_path / "model"), replace(SETTINGS, patience=2), {})
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    assert card["validation_nDCG@10"] == [0.3, 0.5, 0.4, 0.45]
    assert card["train"]["queries"] + card["validation"]["queries"] == 84


def test_weights_depend_on_the_seed_and_not_on_the_number_of_threads(lee, splits, tmp_path):
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1 if before > 1 else 2)
    try:
        train(lambda: Weigher(lee), *splits[:2], 1, str(tmp_path / "a"), SETTINGS, {})
    finally:
        torch.set_num_threads(before)
    train(lambda: Weigher(lee), *splits[:2], 1, str(tmp_path / "b"), SETTINGS, {})
    train(lambda: Weigher(lee), *splits[:2], 2, str(tmp_path / "c"), SETTINGS, {})
    assert weights(tmp_path / "a") == weights(tmp_path / "b") != weights(tmp_path / "c")


def test_groups_have_a_relevant_document_and_documents_of_lower_gain():
    from robustrank.collections.lee import LeeReader

    lee = LeeReader(depth=20).read()
    groups = sample_groups(lee, replace(SETTINGS, positives=2), derive(0, "groups"))
    ids = {text: doc_id for doc_id, text in lee.documents.items()}
    by_text = {text: query_id for query_id, text in lee.queries.items()}
    assert len(groups) > len(lee.queries)
    for query, documents in groups:
        gains = [lee.qrels[by_text[query]].get(ids[document], 0) for document in documents]
        assert gains[0] > 0
        assert max(gains[1:]) < gains[0]
        assert len(gains) == 1 + SETTINGS.negatives
    with pytest.raises(DataError, match="negatives"):
        sample_groups(lee, replace(SETTINGS, negatives=50), derive(0, "groups"))
