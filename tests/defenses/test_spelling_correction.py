"""Spelling correction: what it corrects, what it leaves unchanged, and the cost of typos with and without it."""

from __future__ import annotations

import numpy as np
import pytest
from robustrank.defenses.spelling_correction import CorrectedRanker, SpellChecker

from robustrank.engine.cell import plan
from robustrank.engine.context import Context
from robustrank.engine.resources import Resources
from robustrank.errors import UsageError
from robustrank.experiment import check
from robustrank.plugins import create
from robustrank.plugins.specification import Spec
from robustrank.rankers.ranker import PointwiseRanker

pytest.importorskip("rapidfuzz")

DOCUMENTS = ["heat flow", "heat over a wing", "heating of a wing", "beat", "heap heap heap", "boundary layers", "a2 x"]


@pytest.fixture
def spell_checker():
    return SpellChecker.from_documents(DOCUMENTS, 2, 6)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("haet of a wnig.", "heat of a wing."),  # a swap is one edit
        ("heaz", "heat"),  # one edit from heat, heap: the word of most documents, not the one said most often
        ("boudnry layer", "boundary layer"),  # two edits of a long word; layer is known by its stem
        ("Wingz BEATT beat", "Wing BEAT beat"),
        ("wxxg", "wxxg"),  # two edits of a short word
        ("heaz-flow, a3 qq zzzzzz", "heat-flow, a3 qq zzzzzz"),  # digits, short words, and words with nothing near
    ],
)
def test_unknown_words_become_the_likeliest_near_word(spell_checker, query, expected):
    assert spell_checker.corrected(query) == expected


def test_a_nearer_word_beats_a_more_frequent_word():
    assert SpellChecker.from_documents(["boundary"] * 9 + ["bounded"], 2, 6).corrected("boundde") == "bounded"


def test_known_words_stay_however_rare(spell_checker):
    assert spell_checker.corrected("beat heap boundary") == "beat heap boundary"
    assert SpellChecker.from_documents([], 2, 6).corrected("haet") == "haet"


def test_documents_are_unchanged(spell_checker):
    seen = []

    class Recording(PointwiseRanker):
        def score(self, pairs):
            seen.extend(pairs)
            return np.zeros(len(pairs), dtype=np.float32)

    ranker = CorrectedRanker.over(Recording(), spell_checker)
    assert ranker.score([("haet", "haet"), ("haet", "wnig"), ("flow", "")]).shape == (3,)
    assert seen == [("heat", "haet"), ("heat", "wnig"), ("flow", "")]


def test_settings_out_of_range_are_refused():
    with pytest.raises(UsageError, match="distance=0"):
        create("defense", Spec("spelling-correction", {"distance": 0}))


def test_it_recovers_most_of_the_loss_from_typos_at_no_cost_on_clean_queries(tmp_path):
    pytest.importorskip("gensim")
    raw = {
        "name": "x",
        "collections": ["lee"],
        "rankers": ["bm25"],
        "defenses": ["none", "spelling-correction"],
        "attacks": [{"name": "character-typos", "rate": 0.3}],
        "tasks": [{"name": "query-attack", "variants": 3, "queries": 20}],
    }
    experiment = check(raw, "test")
    resources = Resources(experiment, tmp_path / "cache")
    means = {}
    for cell in plan(experiment, resources):
        rows = list(create("task", cell.task).run(Context(cell, resources)))
        for name in ("clean", "attacked"):
            about = ("nDCG@10", name)
            means[cell.defense.name, name] = np.mean([r.value for r in rows if (r.measure, r.condition) == about])
    lost = means["none", "clean"] - means["none", "attacked"]
    assert means["spelling-correction", "clean"] == means["none", "clean"]
    assert lost > 0.02
    assert means["spelling-correction", "clean"] - means["spelling-correction", "attacked"] < lost / 2
