"""Permutation self-consistency: a list is ranked in several orders, and the rankings are aggregated.

Source: Tang et al., Permutation Self-Consistency, NAACL 2024, arXiv 2310.07712. Kemeny's rule (1959) is
followed by local search from Borda's order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.defense import Defense
from robustrank.plugins.constraints import Amount, Count
from robustrank.randomness import derive
from robustrank.rankers.ranker import Ranker
from robustrank.records import Cost, Ranking, Request

RRF = 60  # constant of reciprocal rank fusion
Rule = Literal["borda", "rrf", "kemeny"]


@dataclass(frozen=True)
class PermutationConsistency(Defense):
    """Ranks each list in ``orders`` orders of its candidates, and aggregates: so many times the cost.

    Orders depend on the query, the ids of the candidates and the seed alone: an attacked list has those of the clean.
    """

    orders: Count = 5  # shuffled orders a list is ranked in
    rule: Rule = "borda"  # mean rank, reciprocal rank fusion, or the fewest disagreements
    seed: Amount = 0  # of the shuffles

    reference = "Tang et al., NAACL 2024, arXiv 2310.07712"
    deviations = (
        "Kemeny's order by swaps of neighbours and moves of one document from Borda's, not by an exact programme"
    )

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker of aggregated lists."""
        return Aggregating(ranker, self)


class Aggregating(Ranker):
    """Serves the aggregate of a ranker's lists over orders of their candidates."""

    def __init__(self, inner: Ranker, settings: PermutationConsistency) -> None:
        self.inner, self._settings = inner, settings

    def characters_read(self, query: str, document: str) -> int | None:
        """Return what the inner ranker reads."""
        return self.inner.characters_read(query, document)

    def parts_read(self, query: str, document: str) -> Sequence[tuple[int, int]] | None:
        """Return what the inner ranker reads."""
        return self.inner.parts_read(query, document)

    def rank(self, requests: Sequence[Request]) -> list[Ranking]:
        """Return the aggregates; equals keep the order of the request."""
        orders = [self._orders(request) for request in requests]
        shuffled = [
            replace(request, candidates=tuple(request.candidates[position] for position in order))
            for request, of_request in zip(requests, orders, strict=True)
            for order in of_request
        ]
        rankings = iter(self.inner.rank(shuffled))
        return [self._aggregate([(order, next(rankings)) for order in of_request]) for of_request in orders]

    def _orders(self, request: Request) -> list[list[int]]:
        rng = derive(self._settings.seed, "permutation-consistency", request.query, *request.doc_ids)
        return [rng.permutation(len(request)).tolist() for _ in range(self._settings.orders)]

    def _aggregate(self, shuffled: Sequence[tuple[list[int], Ranking]]) -> Ranking:
        ranks = np.array([ranking.ranks[np.argsort(order)] for order, ranking in shuffled])  # int64[orders, n]
        calls = sum(ranking.cost.calls for _, ranking in shuffled)
        tokens = [ranking.cost.tokens for _, ranking in shuffled if ranking.cost.tokens is not None]
        order = tuple(int(position) for position in aggregated(ranks, self._settings.rule))
        return Ranking(order, None, Cost(calls, sum(tokens) if tokens else None), shuffled[0][1].parse)


def aggregated(ranks: NDArray[np.int64], rule: Rule) -> NDArray[np.int64]:
    """Return the order, best first, that aggregates rankings of n documents: int64[n]; equals in their order.

    Args:
        ranks: int64[rankings, n], the rank of each document in each ranking, 1-based.
        rule: The rule.
    """
    if rule == "rrf":
        return np.argsort(-(1 / (RRF + ranks)).sum(axis=0), kind="stable")
    borda = np.argsort(ranks.mean(axis=0), kind="stable")
    return borda if rule == "borda" else _kemeny(ranks, borda)


def _kemeny(ranks: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return an order that no move of one document improves: fewest pairs ordered against rankings, locally."""
    wins = (ranks[:, :, None] < ranks[:, None, :]).sum(axis=0)  # wins[i, j]: rankings with i before j
    margin = wins - wins.T
    current, n = order.tolist(), len(order)
    improved = True
    while improved:
        improved = False
        for start in range(n):
            document = current[start]
            rest = current[:start] + current[start + 1 :]
            gains = np.concatenate([[0], np.cumsum([margin[other, document] for other in rest])])
            best = int(np.argmax(gains))  # documents before it that should be
            if gains[best] > gains[start]:
                current = [*rest[:best], document, *rest[best:]]
                improved = True
    return np.array(current, dtype=np.int64)
