"""Out-of-distribution corpora: what a ranker loses that was trained on another collection than it is tested on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from robustrank.engine.context import Context
from robustrank.engine.training_split import TrainingSplit
from robustrank.measures.ties import Ties
from robustrank.plugins.constraints import Count
from robustrank.rows import Condition, Row
from robustrank.task import Task

from .parts.measures import Measures, with_recall

if TYPE_CHECKING:
    from robustrank.tables import TaskReport


@dataclass(frozen=True)
class OodCorpus(Task):
    """The ranker trained on each other collection of the experiment, beside the ranker trained in-domain.

    Both are tested on the same queries, which the in-domain ranker has not seen. The corpus statistics a ranker
    uses (document frequencies) are those of the collection that is searched.
    """

    queries: Count | None = None  # the first so many queries of the collection; null is all
    measures: Measures = ("nDCG@10", "AP", "RR@10")  # effectiveness measures, each in [0, 1]
    ties: Ties = "id"  # the order of equal scores in measures: by document id, or the worst for the ranker

    cross_domain = True
    reference = "Wu, Zhang, Guo, Fan, Cheng: Are Neural Ranking Models Robust? ACM TOIS 41(2), 2023, arXiv 2108.05018"
    undivided = "rankers are trained in the cell"

    @staticmethod
    def report() -> TaskReport:
        """Its tables and figures."""
        from .reports.ood_corpus import REPORT

        return REPORT

    def run(self, context: Context) -> Iterator[Row]:
        """Evaluate the ranker trained in-domain and the one of each other collection on the cell's queries."""
        if not context.query_ids(self.queries):
            return  # none of the first queries is in this fold
        in_domain = self._evaluate(context, context.training_split)
        yield from self._rows(context, in_domain, "in_domain")
        if not context.other_domains:
            trained = context.training_split is not None
            reason = "there is no other collection, or it is not trained in-domain" if trained else "it is not trained"
            yield context.row("nDCG@10", None, condition="out_of_domain", status="skipped", note=reason)
            return
        out_of_domain = {}
        for number, (source, training_split) in enumerate(context.other_domains.items()):
            context.advance(number, len(context.other_domains), "other collections")
            out_of_domain[source] = self._evaluate(context, training_split)
            yield from self._rows(context, out_of_domain[source], "out_of_domain", context.domain_identity(source))
        means = {
            measure: {q: float(np.mean([values[measure][q] for values in out_of_domain.values()])) for q in by_query}
            for measure, by_query in in_domain.items()
        }
        yield from self._rows(context, means, "out_of_domain")

    def calls(self, context: Context) -> int:
        """Every candidate of every query, under the ranker of each collection."""
        pairs = sum(len(context.collection.candidates[q]) for q in context.query_ids(self.queries))
        return pairs * (1 + len(context.other_domains))

    def _evaluate(self, context: Context, training_split: TrainingSplit | None) -> dict[str, dict[str, float]]:
        query_ids = context.query_ids(self.queries)
        run = context.run(context.served_trained_on(training_split), query_ids)
        return with_recall(context, context.evaluate(run, self.measures, self.ties), query_ids)

    def _rows(
        self, context: Context, values: dict[str, dict[str, float]], condition: Condition, group: str = ""
    ) -> Iterator[Row]:
        for measure, by_query in values.items():
            for query_id, value in by_query.items():
                yield from context.rows({measure: value}, query_id, condition=condition, group=group, pool=context.pool)
