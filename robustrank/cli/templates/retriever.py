"""Mine: says in two sentences how the retriever searches. It counts the words that query and document share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from robustrank.plugins import Count
from robustrank.retrieval.retriever import Hits, Retriever, refuse_empty, refuse_unknown


@dataclass
class Mine(Retriever):
    """Scores a document by the number of words that it shares with the query."""

    minimum: Count = 1  # shared words of a document that is returned
    _words: dict[str, set[str]] = field(default_factory=dict, init=False, repr=False)  # by document id

    def index(self, corpus: Mapping[str, str]) -> None:
        """Index documents by id, in place of what was indexed before."""
        self._words = {doc_id: set(text.lower().split()) for doc_id, text in corpus.items()}

    def add(self, documents: Mapping[str, str]) -> None:
        """Add documents, or replace those of the same id."""
        self._words |= {doc_id: set(text.lower().split()) for doc_id, text in documents.items()}

    def remove(self, doc_ids: Iterable[str]) -> None:
        """Take documents away."""
        for doc_id in refuse_unknown(doc_ids, self._words):
            del self._words[doc_id]

    def search(self, queries: Sequence[str], k: int) -> list[Hits]:
        """Return the top k (document id, score) of each query, best first, ties by ascending id."""
        refuse_empty(self._words)
        return [self._hits(set(query.lower().split()))[:k] for query in queries]

    def _hits(self, query: set[str]) -> Hits:
        shared = ((doc_id, float(len(words & query))) for doc_id, words in self._words.items())
        return sorted((hit for hit in shared if hit[1] >= self.minimum), key=lambda hit: (-hit[1], hit[0]))
