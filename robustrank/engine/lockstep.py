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

from robustrank.rankers.ranker import Pair, Ranker, Scores
from robustrank.rankers.scoring import Scorer

Result = TypeVar("Result")
WIDTH = 64  # attackers that play at once


class Cancelled(BaseException):
    """The game was given up; raised inside an attacker that waits, so that its thread ends."""


class Player(Generic[Result]):
    """One attacker: it takes the place of the scoring engine for its job, and passes the turn when it asks."""

    def __init__(self, job: Callable[[Player[Result]], Result], ranker: Ranker) -> None:
        self.ranker = ranker
        self.request: list[Pair] = []
        self.result: Result | None = None
        self.error: BaseException | None = None
        self._answer: Scores | None = None
        self._cancelled = False
        self._mine, self._over = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._play, args=(job,), daemon=True)
        self._thread.start()

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], when everybody has asked."""
        if not pairs:
            return np.empty(0, dtype=np.float32)
        self.request = list(pairs)
        self._over.release()
        self._wait()
        if self._answer is None:
            raise RuntimeError("the turn came back without an answer")
        return self._answer

    def turn(self, answer: Scores | None = None) -> None:
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

    def _play(self, job: Callable[[Player[Result]], Result]) -> None:
        try:
            self._wait()
            self.result = job(self)
        except Cancelled:
            return
        except BaseException as error:  # handed to whoever runs the game
            self.error = error
        self._over.release()


def play(
    jobs: Sequence[Callable[[Player[Result]], Result]], scorer: Scorer, width: int = WIDTH
) -> Iterator[tuple[int, Result]]:
    """Run the jobs, ``width`` at a time, each with a stand-in for the scorer; yield (number, result) as they end.

    Raises:
        Exception: Whatever a job or the scorer raised; the other jobs are given up.
    """
    waiting = list(enumerate(jobs))[::-1]
    playing: dict[int, Player[Result]] = {}
    try:
        while waiting or playing:
            while waiting and len(playing) < width:
                number, job = waiting.pop()
                playing[number] = Player(job, scorer.ranker)
                playing[number].turn()
            for number, player in list(playing.items()):
                if not player.request:
                    del playing[number]
                    yield number, _outcome(player)
            _answer(list(playing.values()), scorer)
    finally:
        for player in playing.values():
            player.cancel()


def _answer(players: Sequence[Player[Result]], scorer: Scorer) -> None:
    """Score what all players ask for in one call, and let each play on."""
    requests = [player.request for player in players]
    scores = scorer.score([pair for request in requests for pair in request])
    start = 0
    for player, request in zip(players, requests, strict=True):
        player.turn(scores[start : start + len(request)])
        start += len(request)


def _outcome(player: Player[Result]) -> Result:
    if player.error is not None:
        raise player.error
    return player.result  # type: ignore[return-value]  # set, as it ended without an error
