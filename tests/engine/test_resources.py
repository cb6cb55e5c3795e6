"""What tells trained weights and imitations apart: the code that perturbed their training text is part of it."""

from __future__ import annotations

import pytest

from robustrank import experiment, imitation
from robustrank.engine.resources import Resources
from robustrank.engine.training_split import TrainingSplit
from robustrank.plugins import create
from robustrank.plugins.identity import refresh
from robustrank.plugins.specification import Spec, parse

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
