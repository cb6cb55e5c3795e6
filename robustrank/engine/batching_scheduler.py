"""Many attackers take turns, so that what all of them ask of one ranker is scored in shared batches.

An attack is plain code that asks and waits. Here each one runs in a thread of its own, but only one runs at a time: it
goes on until it asks for scores or ends, then the next has its turn. When all wait, their pairs are scored in one call.
Since a score is a function of its pair alone, answers do not depend on who else is playing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

import numpy as np

from robustrank.engine.forks import end_forked_child
from robustrank.rankers.ranker import Pair, Ranker, Scores
from robustrank.rankers.scoring import Scorer

Result = TypeVar("Result")
MAX_CONCURRENT = 64  # attackers that play at once


class Cancelled(BaseException):
    """The game was given up; raised inside an attacker that waits, so that its thread ends."""


class AttackThread(Generic[Result]):
    """One attacker: it takes the place of the scoring engine for its job, and passes the turn when it asks."""

    def __init__(self, job: Callable[[AttackThread[Result]], Result], ranker: Ranker) -> None:
        self.ranker = ranker
        self.request: list[Pair] = []
        self.result: Result | None = None
        self.error: BaseException | None = None
        self._answer: Scores | None = None
        self._cancelled = False
        self._mine, self._over = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(job,), daemon=True)
        self._thread.start()

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], when everybody has asked."""
        if not pairs:
            return np.empty(0, dtype=np.float32)
        end_forked_child()
        self.request = list(pairs)
        self._over.release()
        self._wait()
        if self._answer is None:
            raise RuntimeError("the turn came back without an answer")
        return self._answer

    def resume(self, answer: Scores | None = None) -> None:
        """Let the attacker play on with the answer to its request, until it asks again or ends."""
        self._answer, self.request = answer, []
        self._mine.release()
        self._over.acquire()

    def cancel(self) -> None:
        """End the attacker's thread."""
        self._cancelled = True
        self._mine.release()
        self._thread.join()

    def _wait(self) -> None:
        self._mine.acquire()
        if self._cancelled:
            raise Cancelled

    def _run(self, job: Callable[[AttackThread[Result]], Result]) -> None:
        try:
            self._wait()
            self.result = job(self)
        except Cancelled:
            return
        except BaseException as error:  # handed to whoever runs the game
            self.error = error
        end_forked_child()
        self._over.release()


def run_batched(
    jobs: Sequence[Callable[[AttackThread[Result]], Result]], scorer: Scorer, max_concurrent: int = MAX_CONCURRENT
) -> Iterator[tuple[int, Result]]:
    """Run the jobs, ``width`` at a time, each with a stand-in for the scorer; yield (number, result) as they end.

    Raises:
        Exception: Whatever a job or the scorer raised; the other jobs are given up.
    """
    waiting = list(enumerate(jobs))[::-1]
    running: dict[int, AttackThread[Result]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < max_concurrent:
                number, job = waiting.pop()
                running[number] = AttackThread(job, scorer.ranker)
                running[number].resume()
            for number, attack_thread in list(running.items()):
                if not attack_thread.request:
                    del running[number]
                    yield number, _outcome(attack_thread)
            _answer(list(running.values()), scorer)
    finally:
        for attack_thread in running.values():
            attack_thread.cancel()


def _answer(attack_threads: Sequence[AttackThread[Result]], scorer: Scorer) -> None:
    """Score what all players ask for in one call, and let each play on."""
    requests = [attack_thread.request for attack_thread in attack_threads]
    scores = scorer.score([pair for request in requests for pair in request])
    start = 0
    for attack_thread, request in zip(attack_threads, requests, strict=True):
        attack_thread.resume(scores[start : start + len(request)])
        start += len(request)


def _outcome(attack_thread: AttackThread[Result]) -> Result:
    if attack_thread.error is not None:
        raise attack_thread.error
    return attack_thread.result  # type: ignore[return-value]  # set, as it ended without an error
