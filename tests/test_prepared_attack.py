"""What an attack may hand back, and what becomes of it when its time is over."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import numpy as np
import pytest

from robustrank.attack import Attack, Control, Edit, Perturbation
from robustrank.errors import PluginError
from robustrank.prepared_attack import BadPerturbation, PreparedAttack, checked_perturbation
from robustrank.rankers.ranker import PointwiseRanker
from robustrank.rankers.serving import ServedRanker
from robustrank.records import Candidate, Document, RankedList, Request
from robustrank.time_limit import given_up
from robustrank.victim import Access, AccessDenied, Budget, BudgetExhausted, DocumentVictim, Target, blind_victim

TEXT = "rye bread"


class Text(str):
    def __eq__(self, other):
        return True

    __hash__ = str.__hash__


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (None, "NoneType: None, not a Perturbation"),
        ("a text", "not a Perturbation"),
        (Perturbation(None), "a text that is not a string"),
        (Perturbation(b"rye"), "a text that is not a string: bytes"),
        (Perturbation("rye"), "edits that do not make its text"),
        (Perturbation(TEXT, (Edit(0, 3, "oat"),)), "they make str: 'oat bread'"),
        (Perturbation(TEXT, (Edit(10**6, 10**7, "x"),)), "lies outside a text of 9 characters"),
        (Perturbation(TEXT, (Edit(-1, 3, "rye"),)), "edits that cannot be made"),
        (Perturbation(TEXT, (Edit(4, 9, "bread"), Edit(0, 3, "rye"))), "edits that cannot be made"),
        (Perturbation(TEXT, (Edit(0.0, 3, "rye"),)), "no whole numbers"),
        (Perturbation(TEXT, (Edit(False, 3, "rye"),)), "no whole numbers"),
        (Perturbation(TEXT, (Edit(0, 3, 7),)), "no Edit of text"),
        (Perturbation(TEXT, ((0, 3, "rye"),)), "no Edit of text"),
        (Perturbation(TEXT, None), "edits that are no tuple"),
        (Perturbation("\ud800" + TEXT, (Edit(0, 0, "\ud800"),)), "half of a surrogate pair"),
        (Perturbation(Text("other"), ()), "edits that do not make its text"),
    ],
)
def test_what_does_not_make_its_text_is_refused(answer, says):
    with pytest.raises(ValueError, match=says):
        checked_perturbation(answer, TEXT)


def test_a_right_answer_comes_back_in_the_framework_s_own_types():
    answer = Perturbation(Text("oat bread"), [Edit(np.int64(0), 3, Text("oat"))], note="\ud800", exhausted=1)
    checked = checked_perturbation(answer, TEXT)
    assert checked == Perturbation("oat bread", (Edit(0, 3, "oat"),), "\\ud800", exhausted=True)
    assert type(checked.text) is str
    assert type(checked.edits[0].start) is int
    half = "half \ud800 of a pair"
    assert checked_perturbation(Perturbation(half), half).text == half  # as the collection has it


class Length(PointwiseRanker):
    def score(self, pairs):
        return np.array([len(document) for _, document in pairs], dtype=np.float32)


def attacked(attack: Attack, seconds: float | None = None) -> Perturbation:
    served = ServedRanker(Length())
    request = Request("q", "rye", (Candidate(Document("d1", TEXT)), Candidate(Document("d2", "the lake is cold"))))
    (ranking,) = served.rank([request])
    target = Target("q", "rye", "d1", TEXT, 2, RankedList(request, ranking).candidates)
    budget = Budget(seconds=seconds)
    victim = DocumentVictim(served, RankedList(request, ranking), "d1", Access.SCORES, budget)
    return PreparedAttack(attack).perturb(target, victim, np.random.default_rng(0))


@dataclass
class Acts(Attack):
    """Does as it is told."""

    action: object = None
    _best: list = field(default_factory=list, init=False)
    access = Access.SCORES

    def perturb(self, target, victim, rng):
        return self.action(self, target, victim)


def oat(attack, target, victim):
    return Perturbation("oat bread", (Edit(0, 3, "oat"),))


def raising(error):
    def act(attack, target, victim):
        raise error

    return act


@pytest.mark.parametrize("seconds", [None, 60.0])
@pytest.mark.parametrize(
    ("error", "becomes"),
    [
        (ValueError("bad"), PluginError),
        (SystemExit(0), PluginError),
        (GeneratorExit(), PluginError),
        (BudgetExhausted("spent"), BudgetExhausted),
        (AccessDenied("no"), AccessDenied),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_what_an_attack_raises_is_its_error(error, becomes, seconds):
    with pytest.raises(becomes):
        attacked(Acts(raising(error)), seconds)


def test_a_bad_answer_names_the_target():
    with pytest.raises(BadPerturbation, match="attack Acts handed back edits that do not") as caught:
        attacked(Acts(lambda *_: Perturbation("x")))
    assert caught.value.where == "query 'q', document 'd1'"


def test_an_attack_within_its_limit_is_as_without_one():
    assert attacked(Acts(oat), 60.0) == attacked(Acts(oat)) == Perturbation("oat bread", (Edit(0, 3, "oat"),))


def spin(attack, target, victim):
    while True:
        pass


def sleep(attack, target, victim):
    time.sleep(3600)


def swallow(attack, target, victim):
    while True:
        try:
            while True:
                pass
        except Exception:
            attack._best.append("swallowed")


def ask_for_ever(attack, target, victim):
    for number in range(10**9):
        victim.scores([TEXT + "x" * (number % 9)])


@pytest.mark.parametrize("action", [spin, swallow, ask_for_ever])
def test_a_loop_is_interrupted_at_the_limit(action):
    threads, started = threading.active_count(), time.monotonic()
    with pytest.raises(BudgetExhausted, match=r"the limit of 0\.2 s a target is over"):
        attacked(Acts(action), 0.2)
    assert time.monotonic() - started < 10
    assert threading.active_count() == threads


def test_an_attack_that_waits_outside_python_is_given_up(monkeypatch):
    monkeypatch.setattr("robustrank.time_limit.GRACE_SECONDS", 0.05)
    before = len(given_up)
    with pytest.raises(BudgetExhausted, match="is over"):
        attacked(Acts(lambda *_: time.sleep(3)), 0.1)
    assert len(given_up) == before + 1
    given_up[-1].join(10)  # the interruption ends it when it comes back to Python


def test_a_given_up_attack_cannot_come_back(monkeypatch):
    monkeypatch.setattr("robustrank.time_limit.GRACE_SECONDS", 0.05)
    answers = []

    def late(attack, target, victim):
        wake = time.monotonic() + 1.0
        while time.monotonic() < wake:
            try:
                time.sleep(max(0.0, wake - time.monotonic()))
            except BaseException:
                answers.append("interrupted")
        try:
            answers.append(victim.scores([TEXT]))
        except BudgetExhausted:
            answers.append("refused")

    with pytest.raises(BudgetExhausted):
        attacked(Acts(late), 0.1)
    given_up[-1].join(10)
    assert answers[-1] == "refused"


def test_the_best_text_that_an_interrupted_attack_hands_back_counts():
    def search(attack, target, victim):
        try:
            while True:
                pass
        except BudgetExhausted:
            return oat(attack, target, victim)

    assert attacked(Acts(search), 0.2) == Perturbation("oat bread", (Edit(0, 3, "oat"),), exhausted=True)


def test_many_interruptions_near_the_limit_lose_nothing():
    """The interruption arrives in the victim's code, between calls, or after the end; the meter still adds up."""
    for number in range(60):
        asked = []

        def ask(attack, target, victim, asked=asked):
            while True:
                victim.scores([TEXT + str(len(asked))])
                asked.append(victim.meter.queries)

        with pytest.raises(BudgetExhausted):
            attacked(Acts(ask), 0.01 + number * 1e-4)
        assert asked == list(range(1, len(asked) + 1))


@dataclass
class Remembers(Attack):
    """Holds its search on self."""

    texts: list = field(default_factory=list, init=False)

    def perturb(self, target, victim, rng):
        self.texts.append(target.document)
        return Perturbation(target.document, note=str(len(self.texts)))


def test_no_target_sees_the_state_of_another():
    attack = Remembers()
    prepared = PreparedAttack(attack)
    target = Target("q", "rye", "d1", TEXT, 1)
    victim = blind_victim(ServedRanker(Length()), target)
    notes = {prepared.perturb(target, victim, np.random.default_rng(0)).note for _ in range(3)}
    assert notes == {"1"}
    assert attack.texts == []


def test_a_control_is_checked_as_well():
    class Wrong(Control):
        def perturb(self, target, victim, rng):
            return Perturbation(target.document)

        def match_size(self, target, perturbation, rng):
            return Perturbation("other")

    target = Target("q", "rye", "d1", TEXT, 1)
    with pytest.raises(BadPerturbation):
        PreparedAttack(Wrong()).match_size(target, Perturbation(TEXT), np.random.default_rng(0))
    with pytest.raises(PluginError, match="not a subclass of Control"):
        PreparedAttack(Acts()).match_size(target, Perturbation(TEXT), np.random.default_rng(0))
