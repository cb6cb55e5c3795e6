"""Order consistency: does a ranker give the same list whatever the order in which the candidates come?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from robustrank.engine.context import Context
from robustrank.measures.stability import kendall_tau_distance, top_k_overlap
from robustrank.measures.ties import Ties
from robustrank.notices import notice
from robustrank.plugins.constraints import Amount, Count
from robustrank.rankers.llm.calls import without_call_cache
from robustrank.records import RankedList, Ranking, Request
from robustrank.rows import Row
from robustrank.task import Task

from .parts.answers import answer_shares

if TYPE_CHECKING:
    from robustrank.tables import TaskReport

BROKEN = 0.5  # share of answers from which on a ranker is said to rank as its input
RANKS_AS_INPUT = "ranks as its input"


@dataclass(frozen=True)
class OrderConsistency(Task):
    """The same candidates in first-stage order, reversed and shuffled: agreement of the lists, and the worst of them.

    A ranker of pairs gives one list whatever the order. A list ranker that returns its input has the effectiveness of
    the first stage, and its robustness: the reversed order unmasks it, and it is told as failed.
    """

    orders: Count = 5  # random orders of the candidates, beside the first stage's and its reverse
    repeats: Amount = 2  # further rankings of one order, without any cache: the noise of the model itself
    queries: Count | None = None  # the first so many queries of the collection; null is all
    ties: Ties = "id"  # the order of equal scores in nDCG: by document id, or the worst for the ranker

    reference = "Tang et al., Permutation Self-Consistency, NAACL 2024, arXiv 2310.07712"
    deviations = "the measures are ours: agreement over all orders, the worst order, and the slope of positions"
    headline = ("nDCG@10", "worst")

    @staticmethod
    def report() -> TaskReport:
        """Its tables and figures."""
        from .reports.order_consistency import REPORT

        return REPORT

    def run(self, context: Context) -> Iterator[Row]:
        """Rank every order of each query's candidates."""
        identities: list[float] = []
        query_ids = [query_id for query_id in context.query_ids(self.queries) if len(context.request(query_id)) > 1]
        for number, query_id in enumerate(query_ids):
            context.advance(number, len(query_ids), "queries")
            requests = self._requests(context, query_id)
            rankings = context.served.rank(requests)
            repeated = self._repeated(context, requests[0])
            identities.append(_identity(rankings[1:]))
            yield from self._measured(context, query_id, requests, rankings, repeated)
        yield from _verdict(context, identities)

    def calls(self, context: Context) -> int:
        """Every candidate in every order, and in every repeat."""
        return sum(context.listed(q) for q in context.query_ids(self.queries)) * (2 + self.orders + self.repeats)

    def _requests(self, context: Context, query_id: str) -> list[Request]:
        """Return the request in first-stage order, reversed, and in random orders."""
        first = context.request(query_id)
        rng, n = context.rng("order-consistency", query_id), len(first)
        orders = [range(n), range(n)[::-1], *(rng.permutation(n).tolist() for _ in range(self.orders))]
        return [replace(first, candidates=tuple(first.candidates[i] for i in order)) for order in orders]

    def _repeated(self, context: Context, request: Request) -> list[Ranking]:
        """Return further rankings of one list; none of a ranker of pairs, whose scores do not depend on the call."""
        if context.served.is_pointwise or not self.repeats:
            return []
        with without_call_cache():
            return [context.served.rank_anew([request])[0] for _ in range(self.repeats + 1)]

    def _measured(
        self,
        context: Context,
        query_id: str,
        requests: Sequence[Request],
        rankings: Sequence[Ranking],
        repeated: Sequence[Ranking],
    ) -> Iterator[Row]:
        lists = [RankedList(request, ranking) for request, ranking in zip(requests, rankings, strict=True)]
        values = [self._ndcg(context, query_id, ranked) for ranked in lists]
        ids = [ranked.doc_ids for ranked in lists]
        agreement = {
            "tau": _mean(1 - 2 * kendall_tau_distance(a, b) for a, b in combinations(ids, 2)),
            "overlap@10": _mean(top_k_overlap(a, b, 10) for a, b in combinations(ids, 2)),
            "position_slope": _mean(map(_slope, rankings[2:])),
            "identity": _identity(rankings[1:]),
        }
        yield from context.rows({"nDCG@10": values[0]}, query_id, condition="clean")
        yield from context.rows({"nDCG@10": min(values)}, query_id, condition="worst")
        yield from context.rows({"nDCG@10": values[1]}, query_id, group="reversed")
        yield from context.rows({"nDCG@10": _mean(values[2:])}, query_id, group="random")
        yield from context.rows({**agreement, **answer_shares(rankings)}, query_id)
        yield from context.rows({"model_calls": _mean(ranking.cost.calls for ranking in rankings)}, query_id)
        tokens = [ranking.cost.tokens for ranking in rankings if ranking.cost.tokens is not None]
        if tokens:
            yield from context.rows({"tokens": _mean(tokens)}, query_id)
        if repeated:
            again = [RankedList(requests[0], ranking).doc_ids for ranking in repeated]
            tau = _mean(1 - 2 * kendall_tau_distance(a, b) for a, b in combinations(again, 2))
            yield from context.rows({"tau": tau}, query_id, group="repeats")

    def _ndcg(self, context: Context, query_id: str, ranked: RankedList) -> float:
        run = {query_id: context.measured(ranked)}
        return context.evaluate(run, ["nDCG@10"], self.ties)["nDCG@10"][query_id]


def _identity(rankings: Sequence[Ranking]) -> float:
    """Return the share of rankings that are the order of their input."""
    return _mean(ranking.order == tuple(range(len(ranking.order))) for ranking in rankings)


def _slope(ranking: Ranking) -> float:
    """Return the least-squares slope of the rank on the place in the input: 0 is none, 1 is the identity."""
    positions = np.arange(len(ranking.ranks)) - (len(ranking.ranks) - 1) / 2
    return float((positions * ranking.ranks).sum() / (positions**2).sum())


def _mean(values: Iterator[float] | Sequence[float] | Mapping[str, float] | map[float]) -> float:
    numbers = [float(value) for value in values]
    return float(np.mean(numbers)) if numbers else float("nan")


def _verdict(context: Context, identities: Sequence[float]) -> Iterator[Row]:
    """Yield a row that says that the ranker returns its input, where it does so for most shuffled lists."""
    if not identities:
        return
    share = _mean(identities)
    if share <= BROKEN:
        yield context.row("ranks_as_input", share)
        return
    note = f"{RANKS_AS_INPUT}: {share:.0%} of reversed and shuffled lists come back as they are"
    notice(f"{context.cell.ranker.label} on {context.cell.collection.label} {note}")
    yield context.row("ranks_as_input", None, status="failed", note=note)
