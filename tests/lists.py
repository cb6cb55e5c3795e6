"""Served lists made by hand, for tests."""

from __future__ import annotations

from collections.abc import Mapping

from robustrank.rankers.ranker import Ranker
from robustrank.rankers.serving import ServedRanker
from robustrank.records import Candidate, Document, RankedList, Request
from robustrank.testing import RankerConformance


def request(texts: Mapping[str, str], query: str, query_id: str = "q") -> Request:
    """Return the request for documents by id."""
    return Request(query_id, query, tuple(Candidate(Document(*item)) for item in texts.items()))


def check_reading(ranker: Ranker) -> None:
    """Hold a ranker with its weights against what it says that it reads of a document."""

    class Case(RankerConformance):
        def new_ranker(self) -> Ranker:
            return ranker

    Case().test_says_what_it_reads()


def served(ranker: Ranker | ServedRanker, texts: Mapping[str, str], query: str, query_id: str = "q") -> RankedList:
    """Return the list that a ranker serves."""
    asked = request(texts, query, query_id)
    return RankedList(asked, ranker.rank([asked])[0])
