"""What one target may cost its attacker: budgets, and the meter that enforces them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


class BudgetExhausted(Exception):
    """The victim refuses further queries: a budget or the time limit is spent."""


@dataclass
class Budget:
    """How much one target may cost; None is no limit."""

    queries: int | None = None  # queries to the victim: distinct texts put to it
    model_calls: int | None = None  # pairs or prompts that the ranker reads for it
    seconds: float | None = None  # wall-clock, checked at every query


@dataclass
class Meter:
    """Counts the queries to a victim and enforces the budget.

    A text that an attack submits twice counts once: a real attacker would store the answer.

    Attributes:
        queries: Distinct texts put to the victim.
        reranks: Whole lists that a list ranker ranked for it.
        model_calls: Pairs or prompts that the ranker read for it.
    """

    budget: Budget = field(default_factory=Budget)
    queries: int = 0
    reranks: int = 0
    model_calls: int = 0
    _started: float = field(default_factory=time.monotonic)

    @property
    def remaining(self) -> int | None:
        """Queries left, or None when there is no limit."""
        return None if self.budget.queries is None else max(0, self.budget.queries - self.queries)

    def check(self, queries: int, model_calls: int) -> None:
        """Refuse what the budget does not cover.

        Raises:
            BudgetExhausted: So many more queries or model calls would pass the budget, or the time limit is over.
        """
        limit = self.budget
        if limit.seconds is not None and time.monotonic() - self._started > limit.seconds:
            raise BudgetExhausted(f"the limit of {limit.seconds:g} s a target is over")
        for name, spent, more, most in (
            ("queries", self.queries, queries, limit.queries),
            ("model calls", self.model_calls, model_calls, limit.model_calls),
        ):
            if most is not None and spent + more > most:
                raise BudgetExhausted(f"{spent} of {most} {name} are spent, and {more} more are needed")

    def spend(self, queries: int, model_calls: int, reranks: int = 0) -> None:
        """Count queries and calls after :meth:`check` has permitted them."""
        self.queries += queries
        self.model_calls += model_calls
        self.reranks += reranks

    def gradients(self, count: int) -> None:
        """Count ``count`` documents differentiated, each as a query and a model call."""
        self.check(count, count)
        self.spend(count, count)
