"""Imitation: how well a black box can be copied from its ranked lists, and how many queries that takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from robustrank.engine.context import Context
from robustrank.imitation import Imitation, SurrogateTraining, imitate
from robustrank.measures.stability import kendall_tau_distance, rbo, top_k_overlap
from robustrank.plugins import RankerSpec, canonical_name, parse
from robustrank.plugins.constraints import Count
from robustrank.rankers.serving import ServedRanker
from robustrank.records import RankedList
from robustrank.rows import Row
from robustrank.task import Task
from robustrank.victim import Access, QueryInterface

from .parts.targets import unattacked_queries

if TYPE_CHECKING:
    from robustrank.tables import TaskReport


@dataclass(frozen=True)
class ImitationAgreement(Task):
    """Agreement of an imitation model with its victim on test queries; sweep ``queries`` for the curve."""

    queries: Count = 50  # queries whose candidates the victim ranks for the surrogate
    tested: Count = 20  # test queries: the first queries of the collection
    surrogate: RankerSpec = Imitation.surrogate  # specification of the surrogate model
    training: SurrogateTraining = field(default_factory=dict)  # the surrogate's training settings

    reference = "Liu et al. (PAT), CCS 2022, arXiv 2209.06506, agreement of the imitation model"
    deviations = "candidates are the first stage's list; RBO with p = .7, truncated, as the authors' script prints it"
    undivided = "the surrogate model is trained in the cell"

    @staticmethod
    def report() -> TaskReport:
        """Its tables and figures."""
        from .reports.imitation import REPORT

        return REPORT

    def run(self, context: Context) -> Iterator[Row]:
        """Train the surrogate, and compare its order with the victim's, query by query."""
        tested = context.query_ids(self.tested)
        interface = QueryInterface(context.served, Access.RANKS, checkpoint_dir=context.checkpoint_dir)
        how = Imitation(surrogate=self.surrogate, queries=self.queries, training=self.training)
        rng = context.rng("imitation", canonical_name("ranker", parse(self.surrogate)))
        surrogate = ServedRanker(imitate(interface, unattacked_queries(context, tested), how, rng))
        yield context.row("queries", interface.meter.queries, group="prepare")
        imitated = surrogate.rank([context.request(query_id) for query_id in tested])
        for query_id, ranking in zip(tested, imitated, strict=True):
            served = context.ranked(query_id)
            if not served.candidates:
                yield context.row("RBO", None, query_id, status="skipped", note="the query has no candidates")
                continue
            victim, surrogate_list = served.doc_ids, RankedList(served.request, ranking).doc_ids
            values = {
                "overlap@10": top_k_overlap(victim, surrogate_list, 10),
                "RBO": rbo(victim, surrogate_list, 0.7),
                "Kendall's tau distance": kendall_tau_distance(victim, surrogate_list),
            }
            yield from context.rows(values, query_id)

    def calls(self, context: Context) -> int:
        """Every candidate of the tested queries, and of the queries that the surrogate learns from."""
        tested = context.query_ids(self.tested)
        learned = unattacked_queries(context, tested).candidates
        lengths = sorted(map(len, learned.values()), reverse=True)[: self.queries]
        return sum(lengths) + sum(len(context.collection.candidates[query_id]) for query_id in tested)
