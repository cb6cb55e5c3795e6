"""Sweeps over the slots of a trigger: each slot in turn gets the best of the words of the largest first-order gain.

Reference: Ebrahimi, Rao, Lowd, Dou: HotFlip, ACL 2018; the loop of Wang, Lyu, Anand: BERT Rankers are Brittle, ICTIR
2022 (code menauwy/brittlebert): one gradient a sweep, all slots from left to right, several starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .lexicon import Lexicon, Start, Trigger

Gradients = Callable[[Trigger], NDArray[np.float32]]  # float32[L, H], with respect to each slot's embedding
Objective = Callable[[Sequence[Trigger]], NDArray[np.float32]]  # float32[n], the values to maximise, of n triggers


@dataclass(frozen=True)
class Sweeps:
    """A search from several starts, each swept until a whole sweep finds nothing better.

    Attributes:
        length: Words of the trigger.
        candidates: Words tried in each slot, those of the largest first-order gain.
        sweeps: The maximum number of sweeps of a start.
        restarts: The number of starts.
        start: What the first start consists of; all others are random words.
    """

    length: int
    candidates: int
    sweeps: int
    restarts: int
    start: Start

    @property
    def bound(self) -> int:
        """The number of triggers and gradients that all starts ask at most."""
        return self.restarts * (1 + self.sweeps * (1 + self.length * self.candidates))

    def starts(self, lexicon: Lexicon, rng: np.random.Generator) -> Iterator[Trigger]:
        """Yield the initial triggers."""
        yield lexicon.initial(self.length, self.start, rng)
        for _ in range(self.restarts - 1):
            yield lexicon.initial(self.length, "random", rng)

    def run(
        self, trigger: Trigger, lexicon: Lexicon, gradients: Gradients, objective: Objective
    ) -> Iterator[tuple[Trigger, float]]:
        """Yield triggers of increasing objective with their values, the initial one first."""
        value = float(objective([trigger])[0])
        yield trigger, value
        for _ in range(self.sweeps):
            before = trigger
            for slot, gradient in enumerate(gradients(trigger)):
                flips = lexicon.flips(trigger, slot, gradient, self.candidates)
                values = objective(flips) if flips else np.empty(0, dtype=np.float32)
                if values.size and float(values.max()) > value:
                    value, trigger = float(values.max()), flips[int(values.argmax())]
                    yield trigger, value
            if trigger == before:
                return
