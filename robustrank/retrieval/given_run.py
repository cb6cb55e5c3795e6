"""A run as a first stage: the lists of a system that is not at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from robustrank.collections.trec import read_run
from robustrank.errors import DataError
from robustrank.paths import given_path
from robustrank.repairs import Repairs
from robustrank.retrieval.overlay import Overlay, OverlayRetriever
from robustrank.retrieval.retriever import Hits, best_first, refuse_empty


@dataclass
class RunRetriever(OverlayRetriever):
    """The lists of a run in TREC's six columns, for the queries of the collection; it searches for no other query.

    Documents of the run that are not indexed are left out; one that is added is in the lists that its id is in.
    """

    path: str  # of the run: query, Q0, document, rank, score, tag; the scores decide, ties by document id
    _lists: dict[str, Hits] = field(default_factory=dict, init=False, repr=False)  # by the text of the query

    searches = False

    @cached_property
    def run(self) -> Mapping[str, Mapping[str, float]]:
        """Query id to document id to score.

        Raises:
            DataError: The file cannot be read, or is not a run.
        """
        repairs = Repairs()
        run = read_run(given_path(self.path), repairs)
        repairs.tell(f"run {self.path}")
        return run

    def expect(self, queries: Mapping[str, str]) -> None:
        """Take the queries that the run has lists of.

        Raises:
            DataError: Two queries have one text, and different lists.
        """
        self._lists = {}
        for query_id, text in queries.items():
            hits = best_first(self.run.get(query_id, {}).items())
            if self._lists.setdefault(text, hits) != hits:
                raise DataError(
                    f"query {query_id!r} has the text of another query, and another list",
                    where=self.path,
                    allowed="one list for a text",
                    hint="leave one of the two queries out",
                )

    def index(self, corpus: Mapping[str, str]) -> None:
        """Take the documents that lists may have, in place of earlier ones."""
        self._documents = Overlay(corpus)

    def search(self, queries: Sequence[str], k: int) -> list[Hits]:
        """Return the first ``k`` indexed documents of each query's list.

        Raises:
            PluginError: Nothing was indexed.
            DataError: A query is not the collection's.
        """
        refuse_empty(self._documents)
        if unknown := [query for query in queries if query not in self._lists]:
            raise DataError(
                f"the run has no list for the query {unknown[0][:80]!r}",
                where=self.path,
                allowed="the queries of the collection as they are",
                hint="take a first stage that searches, as bm25, where queries are changed",
            )
        return [[hit for hit in self._lists[query] if hit[0] in self._documents][:k] for query in queries]
