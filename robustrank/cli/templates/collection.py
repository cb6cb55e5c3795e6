"""Mine: says in two sentences what the collection is. Its texts stand here; read those of your files instead."""

from __future__ import annotations

from dataclasses import dataclass

from robustrank.collections.check import checked
from robustrank.collections.collection import Collection
from robustrank.collections.first_stage import retrieved_candidates
from robustrank.collections.reader import CollectionReader
from robustrank.plugins import Count, RetrieverSpec

DOCUMENTS = {
    "d1": "The bakery sells rye bread and warm rolls every morning.",
    "d2": "Stone bridges outlast wooden bridges over fast rivers.",
    "d3": "The old mill grinds rye and wheat into coarse flour.",
    "d4": "Night trains cross the stone bridge near the mill.",
}
QUERIES = {"q1": "rye bread", "q2": "stone bridge"}
JUDGEMENTS = {"q1": {"d1": 2, "d3": 1}, "q2": {"d2": 1, "d4": 1}}  # query id -> document id -> gain


@dataclass(frozen=True)
class Mine(CollectionReader):
    """Two queries on four documents."""

    depth: Count = 100  # candidates per query
    retriever: RetrieverSpec = "bm25"  # the first stage

    def read(self) -> Collection:
        """Return the collection; ``checked`` refuses what does not fit together."""
        candidates = retrieved_candidates(DOCUMENTS, QUERIES, self.depth, self.retriever)
        return checked(Collection("mine", QUERIES, DOCUMENTS, JUDGEMENTS, candidates, language="en"))
