"""Performance variance on i.i.d. queries: how unevenly a ranker serves queries of the distribution it is used for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from robustrank.engine.context import Context
from robustrank.measures.ties import Ties, degenerate_note
from robustrank.plugins.constraints import Count
from robustrank.rows import Row
from robustrank.task import Task

from .parts.answers import answer_shares
from .parts.measures import Measures, with_recall

if TYPE_CHECKING:
    from robustrank.tables import TaskReport


@dataclass(frozen=True)
class IidVariance(Task):
    """Effectiveness of every query, from which the tables take mean, variance, VNAP and the worst-served queries.

    The statistics over queries (mean, Var(AP), VNAP, lower-tail means, GMAP) are the report's: rows hold facts.
    """

    queries: Count | None = None  # the first so many queries of the collection; null is all
    measures: Measures = ("nDCG@10", "AP", "RR@10")  # effectiveness measures, each in [0, 1]
    ties: Ties = "id"  # the order of equal scores in measures: by document id, or the worst for the ranker

    reference = "Wu, Zhang, Guo, Fan, Cheng: Are Neural Ranking Models Robust? ACM TOIS 41(2), 2023, arXiv 2108.05018"
    deviations = "the paper's normaliser of VNAP was not at hand: NAP = AP / MAP by default, Var(AP) beside it"
    undivided = ""

    @staticmethod
    def report() -> TaskReport:
        """Its tables and figures."""
        from .reports.iid_variance import REPORT

        return REPORT

    def run(self, context: Context) -> Iterator[Row]:
        """Score every candidate list once and evaluate it."""
        query_ids = context.query_ids(self.queries)
        if not query_ids:
            return  # none of the first queries is in this fold
        run = context.run(query_ids=query_ids)
        context.runs["clean"] = run
        notes = {query_id: degenerate_note(scores.values()) for query_id, scores in run.items()}
        by_measure = with_recall(context, context.evaluate(run, self.measures, self.ties), query_ids)
        for measure, values in by_measure.items():
            for query_id, value in values.items():
                yield from context.rows({measure: value}, query_id, note=notes[query_id], pool=context.pool)
        for query_id in query_ids:
            yield from context.rows(answer_shares([context.ranked(query_id).ranking]), query_id)

    def calls(self, context: Context) -> int:
        """Every candidate of every query."""
        return sum(len(context.collection.candidates[q]) for q in context.query_ids(self.queries))
