"""How far work has come that takes long: whoever works tells it in steps, and a run that listens shows it.

Beside notices, which are kept, steps are told to be forgotten: nothing depends on them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

Tell = Callable[[int, int, str], None]  # steps done, all steps, what a step is
Item = TypeVar("Item")

_PATIENCE = 0.5  # seconds that work has to take before it is worth a word
_PAUSE = 0.1  # seconds between two words about the same work

_listeners: list[Tell] = []


class Steps:
    """Work of a known number of steps. It is told to the innermost listener of this process, if there is one.

    Args:
        total: The number of steps.
        unit: What a step is, as "queries".
    """

    def __init__(self, total: int, unit: str) -> None:
        self._total, self._unit, self._done = total, unit, 0
        self._started = self._told = time.monotonic()

    def advance(self, steps: int = 1) -> None:
        """Count steps that are done."""
        self._done += steps
        now = time.monotonic()
        if _listeners and now - self._started >= _PATIENCE and now - self._told >= _PAUSE:
            self._told = now
            _listeners[-1](self._done, self._total, self._unit)


def followed(items: Sequence[Item], unit: str) -> Iterator[Item]:
    """Yield the items, each a step."""
    steps = Steps(len(items), unit)
    for item in items:
        yield item
        steps.advance()


@contextmanager
def following(tell: Tell) -> Iterator[None]:
    """Call ``tell`` with the steps of this process, for a while."""
    _listeners.append(tell)
    try:
        yield
    finally:
        _listeners.remove(tell)
