"""Steps of long work are told at a bounded rate, and to nobody where nobody listens."""

from __future__ import annotations

import pytest

from robustrank import steps
from robustrank.engine.executors.pool import Pool, _Job
from robustrank.rankers.ranker import PointwiseRanker
from robustrank.rankers.serving import SLICE, ServedRanker
from robustrank.steps import Steps, followed, following


@pytest.fixture
def clock(monkeypatch):
    """A clock that tests move by hand."""
    now = [0.0]
    monkeypatch.setattr(steps.time, "monotonic", lambda: now[0])
    return now


def test_short_work_is_not_told_and_long_work_ten_times_a_second(clock):
    told = []
    with following(lambda *step: told.append(step)):
        work = Steps(100, "queries")
        for number in range(100):
            clock[0] += 0.0625
            work.advance()
            assert bool(told) is (number >= 7)
    assert told[0] == (8, 100, "queries")
    assert len(told) == pytest.approx(47, abs=1)
    Steps(3, "queries").advance()
    assert not steps._listeners


def test_the_innermost_listener_hears_what_is_followed(clock):
    told, outer = [], []
    with following(lambda *step: outer.append(step)), following(lambda *step: told.append(step)):
        for _ in followed("abc", "letters"):
            clock[0] += 1
    assert told == [(1, 3, "letters"), (2, 3, "letters"), (3, 3, "letters")]
    assert outer == []


def test_a_served_ranker_tells_the_pairs_that_it_scores(clock):
    class Slow(PointwiseRanker):
        def score(self, pairs):
            clock[0] += 1
            return [0.0] * len(pairs)

    told = []
    pairs = [("q", f"document {number}") for number in range(SLICE + 10)]
    with following(lambda *step: told.append(step)):
        ServedRanker(Slow()).score(pairs)
    done = [count for count, total, unit in told if (total, unit) == (len(pairs), "pairs")]
    assert len(done) == len(told) > 2
    assert done == sorted(set(done)), "never back, never twice"
    assert done[-1] == len(pairs)


def test_steps_of_several_workers_are_added():
    class Worker:
        advice = fate = ""

        def __init__(self, *told):
            self.told = told

        def messages(self):
            return [("advanced", step) for step in self.told]

        def is_alive(self):
            return True

    told = []
    executor = Pool(None, 2, None)
    workers = [Worker((3, 10, "queries")), Worker((1, 30, "queries"), (5, 5, "targets"))]
    executor._busy = {worker: _Job(None) for worker in workers}
    for worker in workers:
        assert executor._result(worker, lambda *step: told.append(step)) is None
    assert told == [(3, 10, "queries"), (4, 40, "queries"), (5, 5, "targets")]
