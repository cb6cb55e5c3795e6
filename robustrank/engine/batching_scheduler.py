"""Runs many attacks concurrently, so that their queries to one ranker are answered in shared batches.

An attack is sequential code that queries the victim and waits. Each attack has a thread, but only one thread runs at a
time, until it queries the victim or ends; then the next is resumed. When all threads wait, the ranker answers all
queries in one call. Since an answer depends on its query alone, it does not depend on which attacks run concurrently.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, Literal, TypeVar

import numpy as np

from robustrank.engine.forks import end_forked_child
from robustrank.rankers.ranker import Ranker
from robustrank.rankers.serving import Edited, ServedRanker
from robustrank.records import Pair, Ranking, Request, Scores

Result = TypeVar("Result")
Question = Literal["score", "rank", "rerank"]  # methods of the served ranker
QUESTIONS: tuple[Question, ...] = ("score", "rank", "rerank")
MAX_CONCURRENT = 64  # attacks that run at once


class Cancelled(BaseException):
    """Raised in a waiting attack thread when the batching scheduler shuts down."""


class AttackThread(Generic[Result]):
    """The thread of one attack; its job uses it as the served ranker: a question waits for those of all threads."""

    def __init__(self, job: Callable[[AttackThread[Result]], Result], served: ServedRanker) -> None:
        self._served = served
        self.question: Question | None = None
        self.items: list[Any] = []
        self.result: Result | None = None
        self.error: BaseException | None = None
        self._answer: Any = None
        self._is_cancelled = False
        self._may_run, self._has_paused = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(job,), daemon=True)
        self._thread.start()

    @property
    def ranker(self) -> Ranker:
        """The ranker that answers."""
        return self._served.ranker

    @property
    def is_pointwise(self) -> bool:
        """Whether a score depends on its pair alone."""
        return self._served.is_pointwise

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]; see :meth:`ServedRanker.score`."""
        scores: Scores = self._ask("score", pairs) if pairs else np.empty(0, dtype=np.float32)
        return scores

    def rank(self, requests: Sequence[Request]) -> list[Ranking]:
        """Return a ranking for each request; see :meth:`ServedRanker.rank`."""
        rankings: list[Ranking] = self._ask("rank", requests) if requests else []
        return rankings

    def rerank(self, edited: Sequence[Edited]) -> list[Ranking]:
        """Return the ranking of each list with new texts in it; see :meth:`ServedRanker.rerank`."""
        rankings: list[Ranking] = self._ask("rerank", edited) if edited else []
        return rankings

    def refuse_foreign_gradients(self, query: str, document: str) -> None:
        """Compare gradients with scores once; see :meth:`ServedRanker.refuse_foreign_gradients`."""
        self._served.refuse_foreign_gradients(query, document)

    def resume(self, answer: Any = None) -> None:
        """Let the attack run on with the answer to its question, until it asks again or ends."""
        self._answer, self.question, self.items = answer, None, []
        self._may_run.release()
        self._has_paused.acquire()

    def cancel(self) -> None:
        """End the attack's thread."""
        self._is_cancelled = True
        self._may_run.release()
        self._thread.join()

    def _ask(self, question: Question, items: Sequence[Any]) -> Any:
        end_forked_child()
        self.question, self.items = question, list(items)
        self._has_paused.release()
        self._wait()
        return self._answer

    def _wait(self) -> None:
        self._may_run.acquire()
        if self._is_cancelled:
            raise Cancelled

    def _run(self, job: Callable[[AttackThread[Result]], Result]) -> None:
        try:
            self._wait()
            self.result = job(self)
        except Cancelled:
            return
        except BaseException as error:  # handed to the scheduler
            self.error = error
        end_forked_child()
        self._has_paused.release()


def run_batched(
    jobs: Sequence[Callable[[AttackThread[Result]], Result]], served: ServedRanker, max_concurrent: int = MAX_CONCURRENT
) -> Iterator[tuple[int, Result]]:
    """Run the jobs, ``max_concurrent`` at a time, each with a stand-in for the served ranker.

    Yields:
        (number, result) of each job as it ends.

    Raises:
        Exception: Whatever a job or the ranker raised; the other jobs are given up.
    """
    waiting = list(enumerate(jobs))[::-1]
    running: dict[int, AttackThread[Result]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < max_concurrent:
                number, job = waiting.pop()
                running[number] = AttackThread(job, served)
                running[number].resume()
            for number, thread in list(running.items()):
                if thread.question is None:
                    del running[number]
                    yield number, _outcome(thread)
            _answer(list(running.values()), served)
    finally:
        for thread in running.values():
            thread.cancel()


def _answer(threads: Sequence[AttackThread[Result]], served: ServedRanker) -> None:
    """Put what all threads ask to the ranker, in one call for each kind of question, and resume them."""
    for question in QUESTIONS:
        asking = [thread for thread in threads if thread.question == question]
        answers = getattr(served, question)([item for thread in asking for item in thread.items]) if asking else []
        start = 0
        for thread, count in [(thread, len(thread.items)) for thread in asking]:
            thread.resume(answers[start : start + count])
            start += count


def _outcome(thread: AttackThread[Result]) -> Result:
    if thread.error is not None:
        raise thread.error
    return thread.result  # type: ignore[return-value]  # set, as it ended without an error
