"""Out-of-distribution queries: what a ranker loses on a type of query that its training has not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from robustrank.engine.context import Context
from robustrank.engine.training_split import TrainingSplit
from robustrank.errors import DataError
from robustrank.measures.ties import Ties
from robustrank.plugins.constraints import Count
from robustrank.rows import Condition, Row
from robustrank.task import Task
from robustrank.text.query_types import SCHEME_LANGUAGES, scheme_named

from .parts.measures import Measures, with_recall

if TYPE_CHECKING:
    from robustrank.tables import TaskReport

Values = Mapping[str, Mapping[str, float]]  # measure -> query id -> value


@dataclass(frozen=True)
class OodQuery(Task):
    """The ranker trained without the queries of a type, tested on that type, beside the ranker trained with them.

    Both learn from the same number of queries: as many as the smallest set that leaves one type out. A ranker that is
    not trained has seen no type, and is measured once.
    """

    scheme: str = "question-form"  # collection, question-form, length, topics, or module:function
    least: Count = 5  # queries of a type, tested and learned from; a smaller type is refused
    types: tuple[str, ...] = ()  # the types to leave out, each in its turn; none is all that are large enough
    largest: Count | None = None  # leave out no more than so many types, the largest
    queries: Count | None = None  # the first so many queries of the collection; null is all
    measures: Measures = ("nDCG@10", "AP", "RR@10")  # effectiveness measures, each in [0, 1]
    ties: Ties = "id"  # the order of equal scores in measures: by document id, or the worst for the ranker

    reference = "Wu, Zhang, Guo, Fan, Cheng: Are Neural Ranking Models Robust? ACM TOIS 41(2), 2023, arXiv 2108.05018"
    deviations = "any scheme of types, where the paper has MS MARCO's answer types"
    undivided = "rankers are trained in the cell"

    @staticmethod
    def report() -> TaskReport:
        """Its tables and figures."""
        from .reports.ood_query import REPORT

        return REPORT

    def __post_init__(self) -> None:
        if self.scheme != "collection":
            scheme_named(self.scheme)  # refuse an unknown scheme before anything runs

    @property
    def languages(self) -> tuple[str, ...]:
        """Those of the scheme of query types."""
        return SCHEME_LANGUAGES.get(self.scheme, ())

    def run(self, context: Context) -> Iterator[Row]:
        """Train a ranker for each type that is left out and one for all; evaluate each type's queries under both."""
        tested, learned = self._types(context)
        yield from self._counts(context, tested, learned)
        chosen = self._chosen(context, tested, learned)
        query_ids = [query_id for query_id in context.query_ids(self.queries) if tested.get(query_id) in chosen]
        if context.training_split is None:
            yield from self._rows(context, tested, self._evaluate(context, query_ids, None), "seen")
            reason = "the ranker is not trained: no type is new to it"
            yield context.row(self.measures[0], None, condition="unseen", status="skipped", note=reason)
            return
        all_of_them = tuple(learned)
        without = {kind: tuple(q for q in learned if learned[q] != kind) for kind in chosen}
        count = min(len(left) for left in without.values())
        seen = self._sample(context, all_of_them, count)
        yield from self._rows(context, tested, self._evaluate(context, query_ids, seen), "seen")
        for number, (kind, left) in enumerate(without.items()):
            context.advance(number, len(without), "query types")
            of_type = [query_id for query_id in query_ids if tested[query_id] == kind]
            unseen = self._evaluate(context, of_type, self._sample(context, left, count))
            yield from self._rows(context, tested, unseen, "unseen")

    def calls(self, context: Context) -> int:
        """Every candidate of every query of a type, by the ranker that has seen it, and by the one that has not."""
        tested, learned = self._types(context)
        chosen = self._chosen(context, tested, learned)
        query_ids = [query_id for query_id in context.query_ids(self.queries) if tested.get(query_id) in chosen]
        rankers = 1 if context.training_split is None else 2
        return rankers * sum(len(context.collection.candidates[query_id]) for query_id in query_ids)

    def _types(self, context: Context) -> tuple[dict[str, str], dict[str, str]]:
        """Return the type of each query of the tested collection, and of each training query."""
        tested, learned = context.whole, context.train_collection
        if self.scheme == "collection":
            return dict(tested.query_types), dict(learned.query_types)
        # All texts at once: a clustering scheme must give test and training queries the same types.
        types = iter(scheme_named(self.scheme, tested.language)([*tested.queries.values(), *learned.queries.values()]))
        return dict(zip(tested.queries, types, strict=False)), dict(zip(learned.queries, types, strict=False))

    def _chosen(self, context: Context, tested: Mapping[str, str], learned: Mapping[str, str]) -> list[str]:
        """Return the types that are left out in turn.

        Raises:
            DataError: A type that was named has too few queries, or fewer than two types have enough.
        """
        counts, training_counts = Counter(tested.values()), Counter(learned.values())
        enough = [kind for kind in sorted(counts) if min(counts[kind], training_counts[kind]) >= self.least]
        sizes = ", ".join(f"{kind} {counts[kind]} (training: {training_counts[kind]})" for kind in sorted(counts))
        present = f"present: {sizes or 'none'}"
        where = f"collection {context.whole.name!r}, scheme {self.scheme!r}"
        refused = [kind for kind in self.types if kind not in enough]
        if refused:
            raise DataError(
                f"too few queries of type {', '.join(refused)}",
                where=where,
                allowed=f"at least {self.least} per type; {present}",
            )
        if len(enough) < 2:
            raise DataError(
                f"{len(enough)} query types have at least {self.least} queries, but 2 are needed",
                where=where,
                allowed=present,
                hint="choose another scheme, or lower least",
            )
        largest = sorted(enough, key=lambda kind: -counts[kind])[: self.largest]
        return list(self.types) or sorted(largest)

    def _sample(self, context: Context, query_ids: Sequence[str], count: int) -> TrainingSplit:
        """Return a training split of ``count`` of the queries, sampled by the seed."""
        drawn = set(context.rng("ood-query", self.scheme).permutation(len(query_ids))[:count].tolist())
        collection = context.training_split.collection if context.training_split else context.cell.collection
        return TrainingSplit(collection, tuple(query_id for i, query_id in enumerate(query_ids) if i in drawn))

    def _evaluate(self, context: Context, query_ids: list[str], training_split: TrainingSplit | None) -> Values:
        if not query_ids:
            return {}
        run = context.run(context.served_trained_on(training_split), query_ids)
        return with_recall(context, context.evaluate(run, self.measures, self.ties), query_ids)

    def _rows(self, context: Context, types: Mapping[str, str], values: Values, condition: Condition) -> Iterator[Row]:
        """Yield each query's value, once among all queries and once under its type."""
        for measure, by_query in values.items():
            for query_id, value in by_query.items():
                for group in ("", types[query_id]):
                    yield from context.rows(
                        {measure: value}, query_id, condition=condition, group=group, pool=context.pool
                    )

    def _counts(self, context: Context, tested: Mapping[str, str], learned: Mapping[str, str]) -> Iterator[Row]:
        """Yield the number of test queries and training queries of each type."""
        test_counts = Counter(tested[q] for q in context.query_ids(self.queries) if q in tested)
        for kind in sorted({*tested.values(), *learned.values()}):
            yield context.row("test_queries", test_counts[kind], group=kind)
            if context.training_split is not None:
                yield context.row("training_queries", Counter(learned.values())[kind], group=kind)
