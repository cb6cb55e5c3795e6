"""Mine: says in two sentences what the task measures. It compares the lists of a query with and without capitals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from robustrank.engine.context import Context
from robustrank.plugins import Count
from robustrank.records import RankedList
from robustrank.rows import Row
from robustrank.task import Task


@dataclass(frozen=True)
class Mine(Task):
    """Overlap of the top k of a query and of the same query in capitals: 1 is no change."""

    k: Count = 10  # documents that are compared
    queries: Count | None = None  # the first so many queries of the collection; null is all

    axes = ("defense",)  # what it is crossed with, beside collections, rankers and seeds
    reference = "authors, title, venue, section"

    def run(self, context: Context) -> Iterator[Row]:
        """Yield a row for each query; ``context`` has the collection, the defended ranker and the randomness."""
        for query_id in context.query_ids(self.queries):
            request = replace(context.request(query_id), query=context.request(query_id).query.upper())
            shouted = RankedList(request, context.served.rank([request])[0])
            k = min(self.k, len(request))
            shared = set(context.ranked(query_id).doc_ids[:k]) & set(shouted.doc_ids[:k])
            yield from context.rows({f"overlap@{self.k}": len(shared) / k if k else None}, query_id)

    def calls(self, context: Context) -> int:
        """Return the number of pairs it scores at most: both lists of each query."""
        return sum(2 * len(context.collection.candidates[q]) for q in context.query_ids(self.queries))
