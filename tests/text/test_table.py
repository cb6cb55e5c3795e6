"""Substitution tables and perturbation sets."""

from __future__ import annotations

import numpy as np
import pytest

from robustrank.errors import DataError
from robustrank.text.table import PerturbationSets, SubstitutionTable, symmetric
from robustrank.text.words import replace_words

TABLE = symmetric({"plane": ["jet", "aircraft"], "fast": ["quick"]}, {"source": "hand"})
CHAIN = symmetric({f"w{i}x": [f"w{i + 1}x"] for i in range(9)}, {})  # w0x - w1x - ... - w9x


def test_substitutes_come_in_order_in_any_case_and_both_ways():
    assert TABLE.substitutes("Plane") == ("jet", "aircraft")
    assert TABLE.substitutes("JET") == ("plane",)
    assert TABLE.substitutes("boat") == ()


def test_the_symmetric_closure_drops_words_not_allowed_and_adds_the_reverse():
    table = symmetric({"plane": ["jet", "plane", "two words", "jet"], "b2": ["jet"]}, {})
    assert table.neighbours == {"jet": ("plane",), "plane": ("jet",)}


@pytest.mark.parametrize(
    "neighbours",
    [
        {"a b": ("cc",)},
        {"aa": ("aa",)},
        {"aa": ("bb",)},
        {"Aa": ("bb",), "bb": ("Aa",)},
        {"aa": ("bb",) * 2, "bb": ("aa",)},
    ],
)
def test_a_table_that_would_be_unsound_is_refused(neighbours):
    with pytest.raises(DataError):
        SubstitutionTable(neighbours)


def test_a_table_survives_its_file(tmp_path):
    TABLE.save(tmp_path / "t.txt")
    loaded = SubstitutionTable.load(tmp_path / "t.txt")
    assert loaded == TABLE
    assert loaded.header == {"source": "hand"}
    assert loaded.fingerprint == TABLE.fingerprint != CHAIN.fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["t.txt"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not a substitution table"),
        ("aa\tbb\n", "not a substitution table"),
        ("# []\n", "the line is a list"),
        ("# {}\n", "the table has no word"),
        ("# " + "[" * 9999 + "\n", "not valid JSON"),
        ('# {"a": 1, "a": 2}\naa\tbb\nbb\taa\n', "duplicate key 'a'"),
        ("# {}\nAa\tbb\nbb\tAa\n", "'Aa' is not allowed"),
        ("# {}\naa bb\n", "without a tab"),
        ("# {}\naa\tbb\nbb\taa\naa\tcc\n", "two different lists of substitutes of 'aa'"),
        ("# {}\naa\tbb\n", "not symmetric"),
    ],
)
def test_an_invalid_file_is_refused_with_path_and_cause(tmp_path, text, problem):
    path = tmp_path / "t.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=problem) as caught:
        SubstitutionTable.load(path)
    assert str(path) in str(caught.value)


def test_a_table_with_a_byte_order_mark_and_repeated_lines_is_read_with_notice(tmp_path, caplog):
    path = tmp_path / "t.txt"
    path.write_bytes(b"\xef\xbb\xbf# {}\r\naa\tbb\r\nbb\taa\r\n\r\naa\tbb\r\n")
    assert SubstitutionTable.load(path).neighbours == {"aa": ("bb",), "bb": ("aa",)}
    assert caplog.messages == [f"substitution table: Lines that repeat an earlier one were read once: 1 ({path}:5)."]


def test_a_missing_file_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        SubstitutionTable.load(tmp_path / "none")


def test_a_small_component_is_the_set_of_all_its_words():
    sets = PerturbationSets(TABLE)
    assert sets.neighbourhood("jet") == sets.neighbourhood("plane") == ("aircraft", "jet", "plane")
    assert sets.overlap("jet") == 1
    assert sets.neighbourhood("boat") == ("boat",)
    assert sets.overlap("boat") == 1
    assert TABLE.components == (("aircraft", "jet", "plane"), ("fast", "quick"))
    assert PerturbationSets(CHAIN, 10).overlap("w0x") == 1


def test_a_large_component_is_cut_and_its_overlaps_are_those_of_the_sets():
    cut = PerturbationSets(CHAIN, 3)
    assert cut.neighbourhood("w5x") == ("w4x", "w5x", "w6x")
    assert cut.neighbourhood("w0x") == ("w0x", "w1x", "w2x")
    assert cut.overlap("w5x") == pytest.approx(2 / 3)  # it shares two of three words with either neighbour
    assert cut.overlap("w1x") == pytest.approx(2 / 3)  # w0x has the same set; w2x decides
    assert PerturbationSets(CHAIN, 1).overlap("w5x") == 0
    np.testing.assert_allclose(cut.overlaps("W5X and w0x."), [2 / 3, 1, 1])


def test_words_without_cases_replace_words_of_their_kind_alone():
    table = symmetric({"पुल": ["सेतु", "bridge"], "bridge": ["span"], "石": ["桥", "नदी"]}, {})
    assert table.neighbours == {
        "पुल": ("सेतु",),
        "सेतु": ("पुल",),
        "bridge": ("span",),
        "span": ("bridge",),
        "石": ("桥",),
        "桥": ("石",),
    }
    assert replace_words("नदी पर पुल है।", {2: "सेतु"}) == "नदी पर सेतु है।"
    with pytest.raises(DataError, match="write words in different ways"):
        SubstitutionTable({"पुल": ("bridge",), "bridge": ("पुल",)})


def test_cosines_are_kept_for_both_directions_and_written(tmp_path):
    table = symmetric({"plane": {"jet": 0.8, "craft": 0.6}, "jet": {"plane": 0.8}, "fast": {"quick": 0.7}}, {})
    assert table.cosine("Plane", "craft") == table.cosine("craft", "plane") == 0.6
    assert table.cosine("plane", "fast") is None
    table.save(tmp_path / "t.txt")
    assert SubstitutionTable.load(tmp_path / "t.txt") == table
    assert TABLE.cosine("plane", "jet") is None
    for damaged in ("jet\tplane\t0.5 0.4", "jet\tplane\thigh", "jet\tplane\t7.0"):
        (tmp_path / "t.txt").write_text(f"# {{}}\n{damaged}\nplane\tjet\n")
        with pytest.raises(DataError, match="cosine"):
            SubstitutionTable.load(tmp_path / "t.txt")
