"""The trainer: it learns what the labels say and nothing else, resumes where it was killed, and stops in time."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from robustrank.collections.collection import Collection
from robustrank.engine.fitting import fit
from robustrank.errors import DataError, UsageError
from robustrank.notices import listening
from robustrank.randomness import derive, derive_seed
from robustrank.rankers import training
from robustrank.rankers.checkpoint import first_stage_ndcg
from robustrank.rankers.groups import (
    Group,
    Sizes,
    distillation_groups,
    graded_groups,
    judged_groups,
    with_documents_of_others,
)
from robustrank.rankers.lexical import BM25
from robustrank.rankers.list_losses import LIST_LOSSES
from robustrank.rankers.losses import loss_of, teacher_scores
from robustrank.rankers.training import TrainingSettings, mean_ndcg, split_by_query, train
from robustrank.rankers.transformer.ranker import FineTuning
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

    @property
    def head_weights(self):
        return list(self.network[2].parameters())

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
    groups = judged_groups(lee, Sizes(2, 4, 0), derive(0, "groups"))
    ids = {text: doc_id for doc_id, text in lee.documents.items()}
    by_text = {text: query_id for query_id, text in lee.queries.items()}
    assert len(groups) > len(lee.queries)
    for query, documents, *_ in groups:
        gains = [lee.qrels[by_text[query]].get(ids[document], 0) for document in documents]
        assert gains[0] > 0
        assert max(gains[1:]) < gains[0]
        assert len(gains) == 5
    with pytest.raises(DataError, match="negatives"):
        judged_groups(lee, Sizes(2, 50, 0), derive(0, "groups"))


def test_queries_that_are_not_learned_from_are_counted(lee, tmp_path):
    first, *others = lee.queries
    few = replace(lee.only([first, *others[:3]]), qrels={**lee.qrels, first: {}})
    heard = []
    with listening(heard.append):
        train(lambda: Weigher(few), few, lee.only(others[3:6]), 1, str(tmp_path / "a"), SETTINGS, {})
    assert [text for text in heard if "not learned from" in text] == [
        f"training on {few.name}: 1 of 4 queries are not learned from, for they have no relevant candidate, or too few "
        "others"
    ]


def test_hard_negatives_come_from_the_first_quarter_of_the_list(lee):
    places = []
    for query, documents, *_ in judged_groups(lee, Sizes(1, 3, 2), derive(0, "groups")):
        (query_id,) = [q for q, text in lee.queries.items() if text == query]
        gains, listed = lee.qrels[query_id], [lee.documents[d] for d in lee.candidates[query_id]]
        positive = next(d for d in lee.candidates[query_id] if lee.documents[d] == documents[0])
        lower = [d for d in lee.candidates[query_id] if gains.get(d, 0) < gains[positive]]
        quarter = [lee.documents[d] for d in lower[: max(2, -(-len(lower) // 4))]]
        places.append(all(text in quarter for text in documents[1:3]))
        assert all(text in listed for text in documents)
    assert all(places)


def test_lists_of_gains_hold_relevant_documents_first_and_others_after_them(lee):
    query_id = next(iter(lee.queries))
    listed = list(lee.candidates[query_id])
    gains = {listed[0]: 1, listed[3]: 2, listed[5]: 1, listed[6]: -1}
    graded = replace(lee.only([query_id]), qrels={query_id: gains})
    groups = graded_groups(graded, Sizes(9, 4, 0), derive(0, "groups"))
    assert [group.relevant for group in groups] == [3, 3, 3]  # another two of four
    by_text = {lee.documents[d]: float(max(0, gains.get(d, 0))) for d in listed}
    for group in groups:
        assert group.targets == tuple(by_text[text] for text in group.documents)
        assert [value > 0 for value in group.targets] == [True] * 3 + [False] * 2
    assert len({group.documents[0] for group in groups}) == 3
    with pytest.raises(DataError, match="no query with a relevant candidate and 50 without a gain"):
        graded_groups(graded, Sizes(9, 50, 0), derive(0, "groups"))


@pytest.mark.parametrize("loss", LIST_LOSSES)
def test_training_by_a_loss_over_lists_beats_the_untrained_model(lee, splits, tmp_path, loss):
    training_split, validation, test = splits
    settings = replace(SETTINGS, loss=loss, epochs=3)
    train(lambda: Weigher(lee), training_split, validation, 1, str(tmp_path / "model"), settings, {})
    with training._torch(derive_seed(1, "training"), 1):
        untrained = Weigher(lee)
    untrained.network.eval()
    trained = mean_ndcg(loaded(tmp_path / "model", lee).score, test)
    assert trained > mean_ndcg(untrained.score, test) + 0.05


def test_groups_of_a_teacher_are_in_its_order_and_share_no_document(lee):
    targets = teacher_scores(lee, ["bm25"], [0.5], 100.0)
    bm25 = BM25()
    bm25.prepare(lee)
    seen = set()
    for query, documents, scores, _ in distillation_groups(lee, targets, Sizes(2, 3, 1), derive(0, "groups")):
        (query_id,) = [q for q, text in lee.queries.items() if text == query]
        gains = {lee.documents[d]: gain for d, gain in lee.qrels[query_id].items()}
        expected = 0.5 * bm25.score([(query, text) for text in documents])
        expected += [100.0 * gains.get(text, 0) for text in documents]
        assert scores == pytest.approx(expected)
        assert list(scores) == sorted(scores, reverse=True)
        assert not seen & {(query, text) for text in documents}
        seen |= {(query, text) for text in documents}


def test_documents_of_other_groups_get_the_lowest_target():
    batch = [Group("q", ["a", "b"], (3.0, 1.0)), Group("p", ["c", "a"], (5.0, 2.0))]
    assert with_documents_of_others(batch, 1) == [
        Group("q", ["a", "b", "c"], (3.0, 1.0, 1.0)),
        Group("p", ["c", "a", "b"], (5.0, 2.0, 2.0)),
    ]
    assert with_documents_of_others(batch, 9)[0].documents == ["a", "b", "c"]
    assert with_documents_of_others(batch[:1], 2) == batch[:1]


def test_losses_of_a_teacher_are_least_where_its_differences_are_met():
    import torch

    batch = [Group("q", ["a", "b", "c"], (2.0, 1.0, -1.0)), Group("p", ["c", "a", "b"], (0.5, 0.0, 0.0))]
    met = torch.tensor([group.targets for group in batch]) + 7.0
    other = met + torch.tensor([[0.0, 0.3, 0.0], [0.0, 0.0, 0.0]])
    for kind in ("kl", "margin-mse"):
        assert float(loss_of(met, batch, kind)) == pytest.approx(0.0, abs=1e-6)
        assert float(loss_of(other, batch, kind)) > 0.001
    assert float(loss_of(other, batch, "margin-mse")) == pytest.approx(0.3**2 / 4, abs=1e-6)


def test_a_learner_becomes_its_teacher(lee, splits, tmp_path):
    training_split, validation, test = splits
    settings = replace(SETTINGS, loss="kl", teacher=("bm25",), teacher_weights=(0.3,), positives=2, in_batch=1)
    unjudged = replace(training_split, qrels={q: dict.fromkeys(g, 0) for q, g in training_split.qrels.items()})
    train(lambda: Weigher(lee), unjudged, validation, 1, str(tmp_path / "model"), settings, {})
    teacher = BM25()
    teacher.prepare(lee)
    assert mean_ndcg(loaded(tmp_path / "model", lee).score, test) > 0.9 * mean_ndcg(teacher.score, test)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"loss": "kl"}, "loss 'kl' with no teacher"),
        ({"teacher": "bm25"}, "loss 'listwise' with a teacher"),
        ({"loss": "kl", "teacher": "bm25", "teacher_weights": [1, 2]}, "2 teacher_weights of 1 teachers"),
        ({"hard_negatives": 6}, "6 hard_negatives of 5 negatives"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, problem):
    with pytest.raises(UsageError, match=problem):
        TrainingSettings.of(settings)


def test_rates_of_the_head_and_of_the_body_differ_and_biases_do_not_decay(lee):
    optimiser = training._optimiser(Weigher(lee), FineTuning(learning_rate=0.1, head_learning_rate=0.5))
    rates = {
        tuple(weight.shape): (group["rate"], group["weight_decay"])
        for group in optimiser.param_groups
        for weight in group["params"]
    }
    assert rates == {(4, 3): (0.1, 0.01), (4,): (0.1, 0.0), (1, 4): (0.5, 0.01), (1,): (0.5, 0.0)}


def test_a_training_that_ends_below_its_first_stage_says_so_and_keeps_the_best_start(lee, tmp_path, monkeypatch):
    class Trainable:
        def fit(self, training_split, validation, seed, folder, settings):
            train(lambda: Weigher(lee), training_split, validation, seed, folder, replace(SHORT, **settings), {})

    figures = iter([0.02, 0.01])
    monkeypatch.setattr(training, "_validate", lambda *_: next(figures))
    said = []
    with listening(said.append):
        fit(Trainable(), lee, 0, tmp_path / "low", queries=40, validation_share=0.2, settings={})
    card = json.loads((tmp_path / "low" / "card.json").read_text())
    assert card["validation_nDCG@10"] == [0.02, 0.01]
    stage = card["first_stage_nDCG@10"]
    assert said == [
        f"Trainable, trained on {lee.name}: it ended below its first stage: validation nDCG@10 0.020 "
        f"against {stage:.3f}"
    ]
    figures = iter([0.99, 0.5])
    with listening(said.append):
        fit(Trainable(), lee, 0, tmp_path / "high", queries=40, validation_share=0.2, settings={})
    assert len(said) == 1
    assert weights(tmp_path / "low") == weights(tmp_path / "high")  # the untrained start of both


def test_the_first_stage_is_scored_in_the_order_it_gave():
    collection = Collection("c", {"q": "x"}, {"a": "x", "b": "y"}, {"q": {"b": 1}}, {"q": ("a", "b")})
    assert first_stage_ndcg(collection) == pytest.approx(1 / np.log2(3))
