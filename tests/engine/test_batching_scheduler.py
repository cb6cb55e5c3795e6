"""Attackers that take turns: shared batches, the answers of one alone, and no thread left behind."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from robustrank.engine.batching_scheduler import run_batched
from robustrank.rankers.ranker import PointwiseRanker
from robustrank.rankers.serving import ServedRanker


class Length(PointwiseRanker):
    def __init__(self):
        self.batches = []

    def score(self, pairs):
        self.batches.append(len(pairs))
        return np.array([len(document) for _, document in pairs], dtype=np.float32)


def job(number):
    def grow(scorer):
        text = "x" * number
        while float(scorer.score([("q", text), ("q", text + "y")])[1]) < 10:
            text += "x"
        return len(text)

    return grow


def test_jobs_share_batches_and_get_their_own_answers():
    ranker = Length()
    found = dict(run_batched([job(n) for n in range(9)], ServedRanker(ranker), max_concurrent=9))
    assert found == dict.fromkeys(range(9), 9)
    assert ranker.batches[0] == 18  # nine jobs ask for two texts each
    probe = 4 + 1  # four pairs alone, and in reversed company
    assert len(ranker.batches) - probe == 10  # rounds of the longest job, not of all


def test_the_width_changes_no_result():
    alone = dict(run_batched([job(n) for n in range(9)], ServedRanker(Length()), max_concurrent=1))
    assert alone == dict(run_batched([job(n) for n in range(9)], ServedRanker(Length()), max_concurrent=4))


def test_one_job_runs_at_a_time():
    running, most = 0, 0

    def busy(scorer):
        nonlocal running, most
        for n in range(20):
            running += 1
            most = max(most, running)
            running -= 1
            scorer.score([("q", "x" * n)])

    list(run_batched([busy] * 8, ServedRanker(Length())))
    assert most == 1


def test_an_error_ends_the_game_and_its_threads():
    before = threading.active_count()

    def broken(scorer):
        scorer.score([("q", "x")])
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(run_batched([job(1), broken, job(2)], ServedRanker(Length())))
    assert threading.active_count() == before
