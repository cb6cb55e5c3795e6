"""Training on perturbed text: what is perturbed, that it is repeatable, and that it has the intended effect."""

from __future__ import annotations

import json
from typing import ClassVar

import numpy as np
import pytest

from robustrank.attack import Attack, Control, Edit, Perturbation
from robustrank.errors import UsageError
from robustrank.prepared_attack import PreparedAttack
from robustrank.randomness import derive
from robustrank.rankers.augmentation import Augmentation, CurrentWeights
from robustrank.rankers.groups import Group
from robustrank.rankers.ranker import PointwiseRanker
from robustrank.rankers.training import TrainingSettings, train
from robustrank.victim import Access
from tests.rankers.test_training import SETTINGS, Weigher, split_by_query

pytest.importorskip("gensim")


@pytest.fixture(scope="module")
def lee():
    from robustrank.collections.lee import LeeReader

    return LeeReader(split="background", depth=10).read()


class Stamp(Control):
    """Appends a word; queries the victim for scores if its access says so."""

    seen: ClassVar[list[int]] = []  # of all targets: their copies of the attack share the class

    def __init__(self, access=Access.NOTHING):
        self.access = access

    def perturb(self, target, victim, rng):
        self.seen.append(target.rank)
        if self.access > Access.NOTHING:
            assert victim.scores([target.document]).shape == (1,)
        return Perturbation(target.document + " stamp", (Edit(len(target.document), len(target.document), " stamp"),))

    def match_size(self, target, perturbation, rng):
        return perturbation


class Typo(Attack):
    edits = "query"

    def perturb(self, target, victim, rng):
        return Perturbation(target.query[::-1], (Edit(0, len(target.query), target.query[::-1]),))


class Letters(PointwiseRanker):
    """Scores a document by its length."""

    def __init__(self):
        import torch

        self.network = torch.nn.Dropout(0.9)
        self.network.train()

    def score(self, pairs):
        assert not self.network.training
        return np.array([len(document) for _, document in pairs], dtype=np.float32)


GROUPS = [Group("first", ["relevant", "a", "bbb"], (3.0, 2.0, 1.0)), Group("second", ["r", "cc", "d"])]


def test_noise_edits_all_documents_and_an_adversary_the_non_relevant_ones():
    learner = Letters()
    noise = Augmentation(PreparedAttack(Stamp()), CurrentWeights(learner), 1.0).perturbed(GROUPS, derive(0))
    assert noise[0] == Group("first", ["relevant stamp", "a stamp", "bbb stamp"], (3.0, 2.0, 1.0))
    adversary = Stamp(Access.SCORES)
    Stamp.seen.clear()
    perturbed = Augmentation(PreparedAttack(adversary), CurrentWeights(learner), 1.0).perturbed(GROUPS, derive(0))
    assert perturbed[0] == Group("first", ["relevant", "a stamp", "bbb stamp"], (3.0, 2.0, 1.0))
    assert adversary.seen == [2, 3, 1, 3]
    stuffed = Augmentation(PreparedAttack(Stamp()), CurrentWeights(learner), 1.0, "negatives")
    assert stuffed.perturbed(GROUPS, derive(0)) == perturbed  # an attack that asks nothing spares the positives, too
    everything = Augmentation(PreparedAttack(adversary), CurrentWeights(learner), 1.0, "all")
    assert everything.perturbed(GROUPS, derive(0)) == noise
    two = Augmentation(PreparedAttack(adversary), CurrentWeights(learner), 1.0).perturbed(
        [GROUPS[0]._replace(relevant=2)], derive(0)
    )
    assert two[0].documents == ["relevant", "a", "bbb stamp"]
    assert learner.network.training
    typos = Augmentation(PreparedAttack(Typo()), CurrentWeights(learner), 1.0).perturbed(GROUPS, derive(0))
    assert typos[1] == Group("dnoces", ["r", "cc", "d"])


def test_a_share_of_the_groups_is_perturbed():
    groups = GROUPS * 200
    perturbed = Augmentation(PreparedAttack(Stamp()), CurrentWeights(Letters()), 0.25).perturbed(groups, derive(0))
    changed = np.mean([a != b for a, b in zip(groups, perturbed, strict=True)])
    assert changed == pytest.approx(0.25, abs=0.07)


def fitted(lee, folder, **changes):
    from dataclasses import replace

    training, validation = split_by_query(lee, 0.2, derive(0, "split"))
    settings = replace(SETTINGS, epochs=2, **changes)
    learners = []

    def create_learner():
        learners.append(Weigher(lee))
        return learners[-1]

    train(create_learner, training, validation, 0, str(folder), settings, {"model": "weigher"})
    return learners[-1], json.loads((folder / "card.json").read_text())


@pytest.mark.slow
def test_training_repeats_and_each_setting_gives_other_weights(lee, tmp_path):
    ways = {
        "clean": {},
        "noise": {"augment": "random-trigger:length=20"},
        "half": {"augment": "random-trigger:length=20", "augmented": 0.5},
        "negatives": {"augment": "random-trigger:length=20", "augment_on": "negatives"},
        "invariant": {"augment": "random-trigger:length=20", "invariance": 1.0},
        "typos": {"augment": "character-typos:typos=3"},
    }
    weights = {}
    for name, changes in ways.items():
        for again in range(2):
            learner, card = fitted(lee, tmp_path / f"{name}-{again}", **changes)
            flat = np.concatenate([p.detach().numpy().ravel() for p in learner.network.parameters()])
            assert np.array_equal(weights.setdefault(name, flat), flat)
        assert card["settings"]["augment"] == changes.get("augment")
    assert len({flat.tobytes() for flat in weights.values()}) == len(ways)


def test_an_unknown_attack_is_refused(lee, tmp_path):
    with pytest.raises(UsageError, match="no attack named"):
        fitted(lee, tmp_path / "x", augment="nothing-of-the-kind")


def test_invariance_shrinks_what_a_perturbation_changes(lee, tmp_path):
    """A long trigger changes the length of a document: invariance training reduces its weight."""

    def change(learner):
        pairs = [pair for query_id in list(lee.queries)[:20] for pair in lee.pairs(query_id)]
        longer = [(query, document + " word" * 60) for query, document in pairs]
        return float(np.abs(learner.score(longer) - learner.score(pairs)).mean() / learner.score(pairs).std())

    augment = {"augment": "random-trigger:length=60"}
    clean, _ = fitted(lee, tmp_path / "clean")
    invariant, _ = fitted(lee, tmp_path / "invariant", **augment, invariance=20.0)
    assert change(invariant) < change(clean)


def test_settings_are_checked():
    with pytest.raises(UsageError, match="augmented"):
        TrainingSettings.of({"augmented": "some"})
