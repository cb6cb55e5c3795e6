"""Weights on disk: what is damaged is trained again where it can be, and refused where it was given."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from robustrank.collections.beir import BeirReader
from robustrank.errors import DataError
from robustrank.notices import listening
from robustrank.rankers.checkpoint import ensure_checkpoint, write_checkpoint
from robustrank.rankers.model_files import load_model
from robustrank.rankers.rank_svm import RankSVM
from tests.damages import DAMAGES
from tests.tiny_collection import write_tiny

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    return BeirReader(folder=str(write_tiny(tmp_path_factory.mktemp("c") / "tiny"))).read()


@pytest.fixture(scope="module")
def trained(collection, tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights") / "svm"
    RankSVM().fit(collection, collection, 0, str(folder), {})
    return folder


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["rank_svm.json", "card.json", "manifest.json"])
def test_damaged_weights_that_were_given_are_refused(collection, trained, tmp_path, name, damage):
    shutil.copytree(trained, tmp_path / "mine")
    DAMAGES[damage](tmp_path / "mine" / name)
    ranker = RankSVM(weights=str(tmp_path / "mine"))
    ranker.prepare(collection)
    pairs = collection.pairs("q1")
    if damage == "deleted" and name != "rank_svm.json":  # as a folder that was not written here
        whole = RankSVM(weights=str(trained))
        whole.prepare(collection)
        np.testing.assert_array_equal(ranker.score(pairs), whole.score(pairs))
    else:
        with pytest.raises(DataError, match=f"damaged.*\n.*{name}"):
            ranker.score(pairs)


def test_a_damaged_model_folder_is_refused_before_it_is_loaded(tmp_path):
    write_checkpoint(tmp_path / "model", lambda folder: (folder / "model.safetensors").write_bytes(bytes(99)), {})
    DAMAGES["cut in half"](tmp_path / "model" / "model.safetensors")
    with pytest.raises(DataError, match="49 bytes, not 99"):
        load_model("AutoModel", tmp_path / "model")


@pytest.mark.parametrize("damage", DAMAGES)
def test_weights_of_a_plug_in_that_writes_as_it_likes_are_checked(tmp_path, damage):
    folder, trainings, said = tmp_path / "models" / "key", [], []

    def fit():
        trainings.append(1)
        folder.mkdir()
        (folder / "weights.txt").write_text("numbers")

    with listening(said.append):
        for _ in range(2):
            ensure_checkpoint(folder, fit)
        assert len(trainings) == 1
        DAMAGES[damage](folder / "weights.txt")
        ensure_checkpoint(folder, fit)
    assert len(trainings) == 2
    assert (folder / "weights.txt").read_text() == "numbers"
    assert len(said) == 1
    assert "weights.txt" in said[0]


def test_a_training_that_was_killed_while_it_wrote_is_done_again(tmp_path):
    folder = tmp_path / "key"

    def killed():
        folder.mkdir()
        (folder / "weights.txt").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure_checkpoint(folder, killed)
    ensure_checkpoint(folder, lambda: write_checkpoint(folder, lambda at: (at / "weights.txt").write_text("all"), {}))
    assert (folder / "weights.txt").read_text() == "all"
