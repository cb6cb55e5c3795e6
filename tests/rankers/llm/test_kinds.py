"""Every kind of list ranker by scripted models: a perfect one ranks ideally, a bad answer is counted by rule."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest

from robustrank.errors import PluginError, UsageError
from robustrank.plugins import Spec, create
from robustrank.rankers.llm.backend import CallFailed
from robustrank.rankers.llm.pointwise import Scoring
from robustrank.rankers.serving import ServedRanker
from robustrank.testing import RankerConformance
from robustrank.testing.samples import COLLECTION
from tests.lists import request
from tests.rankers.llm import scripts
from tests.tiny_language_model import tiny_label_model, tiny_language_model

SCRIPTS = scripts.__file__
N = 30
GRADES = np.random.default_rng(1).permutation(N).tolist()
REQUEST = request({f"d{i:02}": f"a text of grade {grade}" for i, grade in enumerate(GRADES)}, "which text")
SHORT = request({f"d{i}": f"a text of grade {grade}" for i, grade in enumerate([3, 7, 1, 9, 5, 10, 0])}, "which text")

KINDS = {  # kind -> ranker, parameters, prompts for 30 documents, whether it orders more than the top 10
    "allpair": ("llm-pairwise", {"method": "allpair"}, 870, True),
    "duot5": ("llm-pairwise", {"method": "duot5"}, 435, True),
    "pairwise heapsort": ("llm-pairwise", {}, None, False),
    "pairwise sliding": ("llm-pairwise", {"method": "sliding"}, 490, False),
    "pairwise generated": ("llm-pairwise", {"method": "sliding", "choice": "generation"}, 490, False),
    "setwise heapsort": ("llm-setwise", {}, None, False),
    "setwise bubblesort": ("llm-setwise", {"method": "bubblesort"}, 85, False),
    "setwise generated": ("llm-setwise", {"method": "bubblesort", "choice": "generation"}, 85, False),
    "setwise by vote": ("llm-setwise", {"method": "bubblesort", "permutations": 3}, 255, False),
    "rank-r1": ("rank-r1", {"method": "bubblesort"}, 20, False),
    "rankgpt": ("llm-listwise", {}, 2, False),
    "zephyr": ("llm-listwise", {"style": "zephyr", "identifiers": "letters"}, 2, False),
    "reason": ("llm-listwise", {"style": "reason"}, 2, False),
    "first": ("first", {}, 2, False),
    "insertrank": ("insertrank", {}, 2, False),
    "iranker": ("iranker", {"depth": 30}, 29, True),
}
GENERATING = [
    "pairwise generated",
    "setwise generated",
    "rank-r1",
    "rankgpt",
    "zephyr",
    "reason",
    "insertrank",
    "iranker",
]
LISTWISE = ["rankgpt", "zephyr", "reason", "insertrank"]


def ranked(kind, script, asked=REQUEST):
    name, parameters, *_ = KINDS[kind]
    ranker = create("ranker", Spec(name, {"llm": f"{SCRIPTS}:{script}", **parameters}))
    ranker.check()
    ranker.prepare(COLLECTION)
    (ranking,) = ServedRanker(ranker).rank([asked])
    return ranking


def grades(ranking, asked=REQUEST):
    return [scripts.grade(asked.candidates[position].text) for position in ranking.order]


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_knows_the_grades_gives_the_ideal_order(kind):
    ranking = ranked(kind, "Oracle")
    *_, prompts, is_whole = KINDS[kind]
    best = sorted(GRADES, reverse=True)
    assert grades(ranking)[: N if is_whole else 10] == best[: N if is_whole else 10]
    assert prompts in (None, ranking.cost.calls)
    assert ranking.parse.answers == ranking.parse.exact == ranking.cost.calls
    assert (ranking.parse.unparsable, ranking.parse.missing, ranking.parse.duplicate) == (0, 0, 0)
    assert ranking.parse.pairs == ranking.parse.pairs_agreed


@pytest.mark.parametrize("kind", KINDS)
def test_a_reversed_model_gives_the_worst_first(kind):
    assert grades(ranked(kind, "Reversed"))[:10] == sorted(GRADES)[:10]


@pytest.mark.parametrize("kind", GENERATING)
@pytest.mark.parametrize("script", ["Garbage", "Truncated"])
def test_an_answer_that_is_none_leaves_the_order_of_the_input_and_is_counted(kind, script):
    ranking = ranked(kind, script)
    assert ranking.order == tuple(range(N))
    assert ranking.parse.unparsable == ranking.parse.answers == ranking.cost.calls > 0
    assert (ranking.parse.exact, ranking.parse.identity, ranking.parse.pairs_agreed) == (0, 0, 0)


@pytest.mark.parametrize("kind", LISTWISE)
def test_repeated_identifiers_are_dropped_and_counted(kind):
    ranking = ranked(kind, "Repeats")
    assert grades(ranking)[0] == max(GRADES)
    assert ranking.parse.duplicate == 4 * ranking.parse.answers
    assert ranking.parse.missing == 19 * ranking.parse.answers
    assert ranking.parse.exact == 0


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("duot5", "rank-r1", "iranker")])
def test_a_model_that_names_what_comes_first_ranks_as_its_input(kind):
    ranking = ranked(kind, "AlwaysFirst")
    if "heapsort" in kind:  # an extraction puts the last leaf at the root, where it stays if nothing beats it
        assert ranking.order == (0, *range(N - 1, N - 10, -1), *range(1, N - 9))
    elif kind != "setwise by vote":
        assert ranking.order == tuple(range(N))
    assert ranking.parse.pairs_agreed == 0
    assert ranking.parse.picked_first == 2 * ranking.parse.pairs
    if kind in (*LISTWISE, "first"):
        assert ranking.parse.identity == ranking.parse.answers == 2


@pytest.mark.parametrize("kind", GENERATING)
def test_a_failed_call_is_no_rank(kind):
    with pytest.raises(CallFailed, match="status 500"):
        ranked(kind, "Fails")


@pytest.mark.parametrize("kind", ["allpair", "pairwise heapsort", "setwise heapsort", "rankgpt", "first", "rank-r1"])
def test_all_pairs_ties_and_votes_do_not_depend_on_the_calls_before(kind):
    name, parameters, *_ = KINDS[kind]
    ranker = create("ranker", Spec(name, {"llm": f"{SCRIPTS}:Oracle", **parameters}))
    first = ranker.rank([SHORT, REQUEST, SHORT])
    assert first[0].order == first[2].order
    assert first[1].order == ranked(kind, "Oracle").order
    assert first[0].cost == first[2].cost


def group_rank(script, **parameters):
    ranker = create("ranker", Spec("grouprank", {"llm": f"{SCRIPTS}:{script}", "group": 3, **parameters}))
    ranker.prepare(COLLECTION)
    return ServedRanker(ranker).rank([SHORT])[0]


def test_groups_are_graded_in_every_epoch():
    ranking = group_rank("Oracle", weight=1.0)
    assert grades(ranking, SHORT) == [10, 9, 7, 5, 3, 1, 0]
    assert ranking.scores.tolist() == pytest.approx([0.3, 0.7, 0.1, 0.9, 0.5, 1.0, 0.0])
    assert ranking.cost.calls == ranking.parse.exact == 2 * math.ceil(7 / 3)


def test_a_group_without_grades_is_missing_and_not_zero():
    ranking = group_rank("Garbage")
    assert ranking.parse.unparsable == 6
    bm25 = create("ranker", Spec("bm25"))
    bm25.prepare(COLLECTION)
    assert ranking.order == tuple(np.argsort(-bm25.score(SHORT.pairs), kind="stable"))  # the first stage alone decides
    assert ranking.scores.max() == 1.0


def test_the_scores_that_insertrank_shows_stay_with_their_passages():
    from robustrank.rankers.llm.calls import Caller

    shown = []

    class Keeps(Caller):
        def generate(self, prompt, decoding):
            shown.append({one.document.doc_id: one.score for one in prompt.shown})
            assert f"[1] {prompt.shown[0].text}\nScore: {prompt.shown[0].score:.3f}\n" in prompt.turns[-1].text
            return super().generate(prompt, decoding)

    ranker = create("ranker", Spec("insertrank", {"llm": f"{SCRIPTS}:Oracle"}))
    ranker.prepare(COLLECTION)
    ranker._calls = Keeps(ranker.llm)
    words = ["aircraft wings", "wings", "pressure and wings", "word"]
    asked = request({f"d{i:02}": f"{words[i % 4]} grade {i}" for i in range(N)}, "aircraft wings pressure")
    ranker.rank([asked])
    assert len(shown) == 2
    assert shown[0].items() & shown[1].items()
    assert all(first == second for doc_id, first in shown[0].items() if (second := shown[1].get(doc_id, first)))
    assert len(set(shown[0].values())) > 2
    with pytest.raises(PluginError, match="was not prepared"):
        create("ranker", Spec("insertrank", {"llm": f"{SCRIPTS}:Oracle"})).rank([asked])


def test_tdpart_partitions_from_the_top():
    ranker = create("ranker", Spec("tdpart", {"llm": f"{SCRIPTS}:Oracle"}))
    best_first = request({f"d{i:02}": f"a text of grade {N - i}" for i in range(N)}, "which text")
    (ranking,) = ranker.rank([best_first])
    assert ranking.order == tuple(range(N))
    assert ranking.cost.calls == 2


def test_documents_beyond_the_depth_keep_their_order():
    ranker = create("ranker", Spec("llm-listwise", {"llm": f"{SCRIPTS}:Oracle", "depth": 4}))
    (ranking,) = ServedRanker(ranker).rank([SHORT])
    assert ranking.order == (3, 1, 0, 2, 4, 5, 6)


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("llm-listwise", {"identifiers": "letters", "window": 27}, "there are 26 letters"),
        ("first", {"window": 30}, "there are 26 letters"),
        ("e2rank", {}, "has no embed, which ranker E2Rank needs"),
    ],
)
def test_what_cannot_work_is_refused_at_planning(name, parameters, says):
    with pytest.raises(UsageError, match=says):
        create("ranker", Spec(name, {"llm": f"{SCRIPTS}:Oracle", **parameters})).check()


TINY = {"passage_words": 3}
TINY_PARAMETERS = {  # the tiny random model writes no label of its own accord
    "llm-pairwise": {"choice": "generation", "max_tokens": 4, "k": 2},
    "llm-setwise": {"choice": "generation", "max_tokens": 4, "k": 2},
    "rank-r1": {"max_tokens": 4, "k": 2},
    "llm-listwise": {"max_tokens": 12},
    "insertrank": {"max_tokens": 12},
    "tdpart": {"max_tokens": 12, "window": 4, "cutoff": 2},
    "grouprank": {"max_tokens": 8, "epochs": 1},
    "iranker": {"max_tokens": 4},
}


class OnTinyModel(RankerConformance):
    """A language model of random weights, on this machine."""

    def specification(self):
        parameters = {**TINY, **TINY_PARAMETERS.get(self.plugin, {})}
        return Spec(self.plugin, {"llm": f"transformers:model={tiny_language_model()}", **parameters})


@pytest.mark.slow
class TestPairwise(OnTinyModel):
    plugin = "llm-pairwise"


@pytest.mark.slow
class TestSetwise(OnTinyModel):
    plugin = "llm-setwise"


@pytest.mark.slow
class TestRankR1(OnTinyModel):
    plugin = "rank-r1"


@pytest.mark.slow
class TestListwise(OnTinyModel):
    plugin = "llm-listwise"


@pytest.mark.slow
class TestInsertRank(OnTinyModel):
    plugin = "insertrank"


@pytest.mark.slow
class TestTDPart(OnTinyModel):
    plugin = "tdpart"


@pytest.mark.slow
class TestGroupRank(OnTinyModel):
    plugin = "grouprank"


@pytest.mark.slow
class TestIRanker(OnTinyModel):
    plugin = "iranker"


@pytest.mark.slow
class TestE2Rank(OnTinyModel):
    plugin = "e2rank"


class TestFirst(RankerConformance):
    plugin = "first"

    def specification(self):
        return Spec(self.plugin, {"llm": f"{SCRIPTS}:Oracle"})


READING_LABELS = [
    *(("llm-pointwise", {"scoring": scoring}) for scoring in get_args(Scoring) if scoring != "query-likelihood"),
    *(("llm-pairwise", {"method": method}) for method in ("allpair", "heapsort", "sliding", "duot5")),
    *(("llm-setwise", {"method": method}) for method in ("heapsort", "bubblesort")),
    ("first", {}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "parameters"), READING_LABELS)
def test_what_reads_labels_runs_on_random_weights_that_know_the_labels(name, parameters):
    llm = f"transformers:model={tiny_label_model()}"
    more = {"max_tokens": 4} if parameters.get("scoring") in ("grade", "rank1") else {}
    ranker = create("ranker", Spec(name, {"llm": llm, "passage_words": 20, **parameters, **more}))
    ranker.check()
    served, asked = ServedRanker(ranker), COLLECTION.request("q")
    first, second = served.rank([asked])[0], served.rank([asked])[0]
    assert sorted(first.order) == list(range(len(asked)))
    assert (first.order, first.cost, first.parse) == (second.order, second.cost, second.parse)
    if parameters.get("scoring") not in (None, "grade", "rating-words"):  # words that it does not know are alike
        assert len(set(first.scores.tolist())) > 1


def test_a_document_in_e2rank_s_prompt_moves_the_scores_of_the_others():
    ranker = create("ranker", Spec("e2rank", {"llm": f"transformers:model={tiny_language_model()}", "window": 3}))
    served = ServedRanker(ranker)
    asked = request({f"d{i}": COLLECTION.documents[f"d{i}"] for i in range(5)}, "aircraft wings")
    attacked = asked.replaced({"d1": "aircraft wings aircraft wings budget"})
    behind = asked.replaced({"d4": "aircraft wings aircraft wings budget"})
    clean, inside, outside = served.rank([asked, attacked, behind])
    others = [0, 2, 3, 4]
    assert np.abs(clean.scores[others] - inside.scores[others]).max() > 1e-4
    assert clean.scores[:4].tolist() == outside.scores[:4].tolist()  # a document outside of it moves itself alone
    assert clean.cost.calls == 6


@pytest.mark.parametrize("kind", KINDS)
def test_lists_of_none_one_and_two_documents_and_odd_texts_are_ranked(kind):
    for texts in ({}, {"a": ""}, {"a": "", "b": "{{ x }} [1] <|im_end|> \u202e \ud800"}):
        ranking = ranked(kind, "Oracle", request(texts, "{% raw %} [2]"))
        assert sorted(ranking.order) == list(range(len(texts)))
        assert (ranking.cost.calls > 0) == (len(texts) > 1)
