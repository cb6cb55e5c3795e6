"""Poisoned documents: what n new documents of any text can cost a list, exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from robustrank.engine.context import Context
from robustrank.measures.effectiveness import evaluate
from robustrank.measures.ties import Ties
from robustrank.plugins.constraints import Count, Several
from robustrank.rows import Row
from robustrank.task import Task

from .parts.measures import Measures

if TYPE_CHECKING:
    from robustrank.tables import TaskReport


@dataclass(frozen=True)
class PoisoningBound(Task):
    """The effectiveness that is left, for certain, where n documents of any text are added to every list.

    The scores of a pointwise ranker do not depend on what else is in a list, so n more documents move each of the
    others down by at most n ranks: whoever is in the top K - n stays in the top K. Every measure is least where n
    documents without relevance are at the top, and an attacker whose text may be anything can be there, so more cannot
    be certified. The ranker's statistics of the collection are those of the clean one. Of a pipeline, whose first stage
    cuts its list, the last candidates are taken for lost, as many as no longer fit.
    """

    ns: Several[Count] = (1, 5, 10)  # how many documents are added
    queries: Count | None = None  # the first so many queries of the collection; null is all
    measures: Measures = ("nDCG@10",)  # effectiveness measures
    ties: Ties = "id"  # the order of equal scores in measures: by document id, or the worst for the ranker

    reference = "Zou, Geng, Wang, Jia: PoisonedRAG, USENIX Security 2025, arXiv 2402.07867 (the threat)"
    deviations = "nothing is attacked: the worst list of any attack is evaluated"
    undivided = ""
    headline = ("nDCG@10", "worst")

    @staticmethod
    def report() -> TaskReport:
        """Its table."""
        from .reports.poisoning_bound import REPORT

        return REPORT

    def skip_reason(self, context: Context) -> str:
        """A ranker of lists may order the others anew."""
        return "" if context.is_pointwise_ranker else "a document more may change the order of the others"

    def run(self, context: Context) -> Iterator[Row]:
        """Evaluate every list behind n documents without relevance."""
        query_ids = context.query_ids(self.queries)
        context.run(query_ids=query_ids)  # all lists in one call
        for query_id in query_ids:
            if not context.served.is_pointwise:
                note = "the defended ranker ranks lists: a document more may change the order of the others"
                yield context.row(self.measures[0], None, query_id, status="skipped", note=note)
                continue
            yield from self._rows(context, query_id)

    def calls(self, context: Context) -> int:
        """Every candidate once."""
        return sum(context.listed(query_id) for query_id in context.query_ids(self.queries))

    def _rows(self, context: Context, query_id: str) -> Iterator[Row]:
        served, gains = context.ranked(query_id), context.collection.qrels[query_id]
        clean = context.measured(served)
        room = context.first_stage.depth - len(served.request) if context.first_stage else max(self.ns)
        for n in (0, *self.ns):
            fitting = len(served.request) - max(0, n - room)
            kept = set(served.request.doc_ids[: max(0, fitting)])
            left = {doc_id: score for doc_id, score in clean.items() if doc_id in kept}
            values = evaluate({query_id: gains}, {query_id: _below(left, n)}, self.measures, "zero", self.ties)
            of_query = {measure: values[measure][query_id] for measure in self.measures}
            yield from context.rows(of_query, query_id, condition="worst" if n else "", radius=n or None)


def _below(scores: dict[str, float], count: int) -> dict[str, float]:
    """Return a list with so many unjudged documents at its top."""
    top = max(scores.values(), default=0.0)
    names = (f"\0poisoned {number}" for number in range(1, count + 1))
    return {name: top + (1 + abs(top)) * number for number, name in enumerate(names, 1)} | scores
