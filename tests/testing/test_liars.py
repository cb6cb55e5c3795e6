"""Each promise that conformance checks is broken once, by a plug-in that lies, and the check says so."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from robustrank import testing
from robustrank.attack import Attack, Edit, Perturbation
from robustrank.defense import Defense
from robustrank.errors import RobustrankError
from robustrank.rankers.ranker import PointwiseRanker, Ranker, Ranking
from robustrank.retrieval.bm25 import BM25Retriever
from robustrank.rows import Row
from robustrank.testing.samples import COLLECTION, DOCUMENTS, QUERY
from robustrank.victim import Access

COUNTER = itertools.count()


class Undeclared(Attack):
    def perturb(self, target, victim, rng):
        return Perturbation(target.document + "!", ())


class Drifting(Attack):
    def perturb(self, target, victim, rng):
        text = str(next(COUNTER))
        return Perturbation(text + target.document, (Edit(0, 0, text),))


class Spending(Attack):
    access = Access.SCORES

    def perturb(self, target, victim, rng):
        victim.meter.queries += 100
        return Perturbation(target.document)


class Generous(Attack):
    """Asks more than it says."""

    access = Access.SCORES

    def target_bound(self, collection):
        return lambda target: 1

    def perturb(self, target, victim, rng):
        victim.scores(["a", "b"])
        return Perturbation(target.document)


SHARED: list[str] = []


class Sharing(Attack):
    """Keeps its state outside itself, where no copy reaches it."""

    access = Access.SCORES

    def perturb(self, target, victim, rng):
        SHARED.clear()
        SHARED.append(target.document[:1] or "x")
        victim.scores([target.document + "?"])
        text = SHARED[0]
        return Perturbation(text + target.document, (Edit(0, 0, text),))


@pytest.mark.parametrize(
    ("attack", "check", "says"),
    [
        (Undeclared, "test_is_deterministic", "edits"),
        (Drifting, "test_is_deterministic", "another text"),
        (Spending, "test_keeps_its_budget", "100 of 0"),
        (Generous, "test_spends_no_more_than_its_bounds", "target_bound says 1"),
        (Sharing, "test_does_not_depend_on_attacks_beside_it", "many targets at once"),
    ],
)
def test_attacks(attack, check, says):
    class Case(testing.AttackConformance):
        def new_attack(self):
            return attack()

    with pytest.raises((AssertionError, RobustrankError), match=says):
        getattr(Case(), check)()


class Short(Ranker):
    def rank(self, requests):
        return [Ranking(tuple(range(len(request) - 1))) for request in requests]


class Moody(Ranker):
    def rank(self, requests):
        shift = next(COUNTER)
        return [Ranking(tuple(np.roll(range(len(r)), shift).tolist())) for r in requests]


class Jealous(Ranker):
    """Ranks by the number of lists in the call."""

    def rank(self, requests):
        return [Ranking(tuple(range(len(r)))[:: 1 if len(requests) == 1 else -1]) for r in requests]


class Sociable(PointwiseRanker):
    """Scores by the number of pairs in the call."""

    def score(self, pairs):
        return np.array([len(document) / len(pairs) for _, document in pairs], dtype=np.float32)


class Truncating(PointwiseRanker):
    """Reads the first words of a document, and does not say so."""

    def score(self, pairs):
        return np.array([document[:100].count("wings") for _, document in pairs], dtype=np.float32)


class Modest(PointwiseRanker):
    """Says that it reads less than it does."""

    def characters_read(self, query, document):
        return 100

    def score(self, pairs):
        return np.array([document.count("wings") for _, document in pairs], dtype=np.float32)


class Boasting(Modest):
    """Says that it reads more than there is."""

    def characters_read(self, query, document):
        return len(document) + 1


@pytest.mark.parametrize(
    ("ranker", "check", "says"),
    [
        (Short, "test_answers_are_rankings", "permutation"),
        (Moody, "test_answers_are_rankings", "two instances"),
        (Jealous, "test_a_list_does_not_depend_on_the_other_lists_of_the_call", "reversed"),
        (Sociable, "test_a_score_depends_on_its_pair_alone", "moved"),
        (Truncating, "test_says_what_it_reads", "override characters_read"),
        (Modest, "test_says_what_it_reads", "what follows moved a score"),
        (Boasting, "test_says_what_it_reads", "of a document of"),
    ],
)
def test_rankers(ranker, check, says):
    class Case(testing.RankerConformance):
        def new_ranker(self):
            return ranker()

    with pytest.raises((AssertionError, RobustrankError), match=says):
        getattr(Case(), check)()


class Random(Defense):
    def wrap(self, ranker, collection, rng):
        return Moody()


class Nothing(Defense):
    def wrap(self, ranker, collection, rng):
        return None


class Meddling(Defense):
    def wrap(self, ranker, collection, rng):
        ranker.embedding_table[:] = 1
        return ranker


class Boastful(Defense):
    certifies = True

    def wrap(self, ranker, collection, rng):
        return ranker


@pytest.mark.parametrize(
    ("defense", "check", "says"),
    [
        (Random, "test_ranks_every_list_equally_each_time", "different lists"),
        (Nothing, "test_leaves_the_ranker_as_it_was", "not a Ranker"),
        (Meddling, "test_leaves_the_ranker_as_it_was", "other scores"),
        (Boastful, "test_declares_what_its_ranker_can", "certifies is True"),
    ],
)
def test_defenses(defense, check, says):
    class Case(testing.DefenseConformance):
        def new_defense(self):
            return defense()

    with pytest.raises(AssertionError, match=says):
        getattr(Case(), check)()


def test_collections():
    class Changing(testing.CollectionConformance):
        def read(self):
            texts = {**DOCUMENTS, "d0": str(next(COUNTER))}
            return type(COLLECTION)("c", {"q": QUERY}, texts, {"q": {"d1": 1}}, {"q": tuple(texts)})

    class Unchecked(testing.CollectionConformance):
        def read(self):
            return type(COLLECTION)("c", {"q": QUERY, "x": "y"}, DOCUMENTS, {"q": {"d1": 1}}, {"q": tuple(DOCUMENTS)})

    with pytest.raises(AssertionError, match="two reads"):
        Changing().test_reads_the_same_each_time()
    with pytest.raises(AssertionError, match="checked"):
        Unchecked().test_is_checked()


class Forgetful(BM25Retriever):
    def remove(self, doc_ids):
        """Keep what should go."""


class Deaf(BM25Retriever):
    def add(self, documents):
        if not self._documents:
            super().add(documents)


class Silent(BM25Retriever):
    def search(self, queries, k):
        return super().search(queries, k) if self._documents else [[] for _ in queries]


class Lenient(BM25Retriever):
    def remove(self, doc_ids):
        super().remove([doc_id for doc_id in doc_ids if doc_id in self._documents])


class Unordered(BM25Retriever):
    def search(self, queries, k):
        return [hits[::-1] for hits in super().search(queries, k)]


@pytest.mark.parametrize(
    ("retriever", "check", "says"),
    [
        (Forgetful, "test_what_is_added_is_found_and_what_is_removed_is_not", "left a trace"),
        (Deaf, "test_what_is_added_is_found_and_what_is_removed_is_not", "is not first"),
        (Deaf, "test_order_of_the_corpus_changes_nothing", "another order"),
        (Unordered, "test_returns_the_top_k_best_first", "not in order"),
        (Silent, "test_refuses_what_is_not_indexed", "a search before index"),
        (Lenient, "test_refuses_what_is_not_indexed", "the removal of an unknown id"),
    ],
)
def test_retrievers(retriever, check, says):
    class Case(testing.RetrieverConformance):
        def new_retriever(self):
            return retriever()

    with pytest.raises(AssertionError, match=says):
        getattr(Case(), check)()


class FakeContext:
    def __init__(self, asked):
        self.served = type("Served", (), {"scored": asked, "cached": 0})()


@pytest.mark.parametrize(
    ("rows", "check", "says"),
    [
        (list, "test_rows_are_valid_and_the_same_each_time", "no row"),
        (lambda: ["row"], "test_rows_are_valid_and_the_same_each_time", "not a Row"),
        (lambda: [Row("q", "", "AP", value=1.0)] * 2, "test_rows_are_valid_and_the_same_each_time", "one fact"),
        (lambda: [Row("q", "", "AP", value=None)], "test_rows_are_valid_and_the_same_each_time", "no reason"),
        (
            lambda: [Row("q", "", "AP", value=float(next(COUNTER)))],
            "test_rows_are_valid_and_the_same_each_time",
            "different rows",
        ),
        (list, "test_calls_is_an_upper_bound", "7 pairs"),
    ],
)
def test_tasks(rows, check, says):
    class Case(testing.TaskConformance):
        def rows(self):
            return rows(), FakeContext(7), 6

    with pytest.raises(AssertionError, match=says):
        getattr(Case(), check)()


CHANGING = """
import itertools
from robustrank.attack import Attack, Perturbation
from robustrank.defense import Defense
from robustrank.rankers.ranker import Ranker, Ranking

COUNTER = itertools.count()


class Changing:
    @property
    def fingerprint(self):
        return str(next(COUNTER))


class ChangingAttack(Changing, Attack):
    def perturb(self, target, victim, rng):
        return Perturbation(target.document)


class ChangingDefense(Changing, Defense):
    def wrap(self, ranker, collection, rng):
        return ranker


class ChangingRanker(Changing, Ranker):
    def rank(self, requests):
        return [Ranking(tuple(range(len(request)))) for request in requests]
"""


@pytest.mark.parametrize("kind", ["Attack", "Defense", "Ranker"])
def test_identities(kind, tmp_path):
    (tmp_path / "changing.py").write_text(CHANGING)
    base = getattr(testing, f"{kind}Conformance")
    case = type("Case", (base,), {"plugin": f"{tmp_path}/changing.py:Changing{kind}"})()
    with pytest.raises(AssertionError, match="two identities"):
        case.test_has_one_identity()
