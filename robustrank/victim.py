"""What an attacker may see of a ranker: access is granted, queries are counted, budgets end the attack.

An attack never meets the ranker. It meets a :class:`Victim`, which wraps a scorer and one target, or, while it
prepares, an :class:`Oracle` over any list of documents.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from robustrank.measures.ranking import inserted_rank, ranking
from robustrank.rankers.ranker import Encoding, GradientRanker, Scores

if TYPE_CHECKING:
    from robustrank.rankers.ranker import Pair, Ranker


class Access(IntEnum):
    """How much of the victim an attacker sees; each level includes those below it."""

    NOTHING = 0  # transfer only: the text is made without asking
    RANKS = 1  # the rank a text would take in the query's list
    SCORES = 2  # the score of a text for the query
    GRADIENTS = 3  # white box: gradients by the input embeddings


class ScoringBackend(Protocol):
    """What stands between an attacker and a ranker: the scoring engine, or a player's place in the queue for it."""

    @property
    def ranker(self) -> Ranker:
        """Who answers."""

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], one score a pair."""


class BudgetExhausted(Exception):
    """The victim refuses further queries: the budget of queries or the time limit is spent."""


class AccessDenied(Exception):
    """The attack asked for more than its declared access grants."""


@dataclass(frozen=True)
class Candidate:
    """A document of the list the attacker stands in."""

    doc_id: str
    text: str


@dataclass(frozen=True)
class Target:
    """All that an attack is told.

    Attributes:
        query_id, query: The query.
        doc_id, document: The document to promote; empty for an attack on the query.
        rank: The document's rank in ``ranked``, 1-based; 0 for an attack on the query.
        ranked: The victim's ranking of the candidates, best first, the target among them.
        variant: Which of several perturbed forms of a query is asked for, from 0.
    """

    query_id: str
    query: str
    doc_id: str
    document: str
    rank: int
    ranked: tuple[Candidate, ...] = ()
    variant: int = 0


@dataclass
class Budget:
    """How much one target may cost; None is no limit."""

    queries: int | None = None  # victim calls, a text each
    seconds: float | None = None  # wall-clock, checked at every call


@dataclass
class Meter:
    """Counts what was asked of a victim and enforces the budget.

    A text asked for twice by one attack counts once: a real attacker would remember the answer. ``calls`` counts
    every request, remembered answers included.
    """

    budget: Budget = field(default_factory=Budget)
    queries: int = 0
    calls: int = 0
    _started: float = field(default_factory=time.monotonic)

    @property
    def remaining(self) -> int | None:
        """Queries left, or None when there is no limit."""
        return None if self.budget.queries is None else max(0, self.budget.queries - self.queries)

    def spend(self, fresh: int, calls: int | None = None) -> None:
        """Count ``fresh`` new queries out of ``calls`` requests.

        Raises:
            BudgetExhausted: The queries would pass the budget, or the time limit is over; nothing is counted.
        """
        if self.budget.seconds is not None and time.monotonic() - self._started > self.budget.seconds:
            raise BudgetExhausted(f"the limit of {self.budget.seconds:g} s a document is over")
        if self.budget.queries is not None and self.queries + fresh > self.budget.queries:
            raise BudgetExhausted(
                f"{self.queries} of {self.budget.queries} queries are spent and {fresh} more were asked for"
            )
        self.queries += fresh
        self.calls += fresh if calls is None else calls


class GradientView:
    """White-box sight of one ranker for one query; every document differentiated counts as one query."""

    def __init__(self, ranker: GradientRanker, query: str, spend: Callable[[int], None]) -> None:
        self._ranker, self._query, self._spend = ranker, query, spend

    @property
    def embedding_table(self) -> NDArray[np.float32]:
        """float32[V, H], the input embeddings."""
        return self._ranker.embedding_table

    def encode(self, document: str) -> Encoding:
        """Tokenise a document; free, as it asks nothing of the model."""
        return self._ranker.encode(self._query, document)

    def tokens_of(self, word: str) -> NDArray[np.int64]:
        """The vocabulary ids of a word."""
        return self._ranker.tokens_of(word)

    def gradients(
        self, documents: Sequence[Encoding], embeddings: Sequence[NDArray[np.float32]] | None = None
    ) -> tuple[Scores, list[NDArray[np.float32]]]:
        """Return scores and d score / d embedding, see :meth:`GradientRanker.gradients`."""
        self._spend(len(documents))
        return self._ranker.gradients(self._query, documents, embeddings)


class Victim:
    """The ranker as the attacker of one target sees it.

    Args:
        scorer: What answers.
        target: The target under attack.
        scores: float32, the scores of ``target.ranked``, in its order; never shown to the attack below SCORES.
        access: What is granted.
        budget: What it may cost.
    """

    def __init__(
        self, scorer: ScoringBackend, target: Target, scores: Scores, access: Access, budget: Budget | None = None
    ) -> None:
        self._scorer, self._target, self.access = scorer, target, access
        self.meter = Meter(budget or Budget())
        self._answers: dict[str, float] = {}
        others = [(c.doc_id, float(s)) for c, s in zip(target.ranked, scores, strict=True) if c.doc_id != target.doc_id]
        self._other_ids = [doc_id for doc_id, _ in others]
        self._other_scores = np.array([score for _, score in others], dtype=np.float32)

    @property
    def remaining(self) -> int | None:
        """Queries left, or None when there is no limit."""
        return self.meter.remaining

    def scores(self, texts: Sequence[str]) -> Scores:
        """Return float32[n], the scores of texts in the target's place.

        Raises:
            AccessDenied: Scores are not granted.
            BudgetExhausted: The new texts would pass the budget.
        """
        self._require(Access.SCORES)
        return self._ask(texts)

    def ranks(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return int64[n], the 1-based ranks texts would take in the target's place (ties by document id)."""
        self._require(Access.RANKS)
        return np.array(
            [
                inserted_rank(float(score), self._target.doc_id, self._other_scores, self._other_ids)
                for score in self._ask(texts)
            ],
            dtype=np.int64,
        )

    def gradients(self) -> GradientView:
        """Return the white-box view.

        Raises:
            AccessDenied: Gradients are not granted, or the ranker has none.
        """
        self._require(Access.GRADIENTS)
        if not isinstance(self._scorer.ranker, GradientRanker):
            raise AccessDenied("gradients were asked for, and this ranker has none")
        return GradientView(self._scorer.ranker, self._target.query, self.meter.spend)

    def _require(self, access: Access) -> None:
        if self.access < access:
            raise AccessDenied(f"{access.name} was asked for, and only {self.access.name} is granted")

    def _ask(self, texts: Sequence[str]) -> Scores:
        fresh = [text for text in dict.fromkeys(texts) if text not in self._answers]
        self.meter.spend(len(fresh), len(texts))
        answers = self._scorer.score([(self._target.query, text) for text in fresh])
        self._answers.update(zip(fresh, answers.tolist(), strict=True))
        return np.array([self._answers[text] for text in texts], dtype=np.float32)


class QueryInterface:
    """The victim before any target is chosen: an attack that learns queries it with lists of its own.

    Args:
        scorer: What answers.
        access: What is granted.
        budget: What it may cost.
        workshop: A folder where what was learned is kept for the next run; None keeps nothing.
    """

    def __init__(
        self, scorer: ScoringBackend, access: Access, budget: Budget | None = None, checkpoint_dir: Path | None = None
    ) -> None:
        self._scorer, self.access, self.checkpoint_dir = scorer, access, checkpoint_dir
        self.meter = Meter(budget or Budget())

    def rank(self, query: str, documents: Sequence[str]) -> list[int]:
        """Return the positions of ``documents`` in the victim's order, best first; counts one query a document."""
        order: list[int] = ranking(self._score(query, documents, Access.RANKS)).tolist()
        return order

    def scores(self, query: str, documents: Sequence[str]) -> Scores:
        """Return float32[n], the victim's scores; counts one query a document."""
        return self._score(query, documents, Access.SCORES)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], the victim's scores of (query, document) pairs, in one call; counts one query a pair."""
        self._require(Access.SCORES)
        self.meter.spend(len(pairs))
        return self._scorer.score(pairs)

    def gradients(self, query: str) -> GradientView:
        """Return the white-box view for a query; counts one query a document differentiated.

        Raises:
            AccessDenied: Gradients are not granted, or the ranker has none.
        """
        self._require(Access.GRADIENTS)
        if not isinstance(self._scorer.ranker, GradientRanker):
            raise AccessDenied("gradients were asked for, and this ranker has none")
        return GradientView(self._scorer.ranker, query, self.meter.spend)

    def _score(self, query: str, documents: Sequence[str], needed: Access) -> Scores:
        self._require(needed)
        self.meter.spend(len(documents))
        return self._scorer.score([(query, document) for document in documents])

    def _require(self, access: Access) -> None:
        if self.access < access:
            raise AccessDenied(f"{access.name} was asked for, and only {self.access.name} is granted")
