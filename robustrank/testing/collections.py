"""What readers of collections promise."""

from __future__ import annotations

from typing import ClassVar

from robustrank.collections.check import checked
from robustrank.collections.collection import Collection
from robustrank.plugins import create
from robustrank.plugins.specification import parse
from robustrank.testing.samples import require


class CollectionConformance:
    """Reads the same collection each time, checked and read-only."""

    plugin: ClassVar[str]  # a specification

    def test_reads_the_same_each_time(self) -> None:
        """Two reads have one fingerprint."""
        require(self.read().fingerprint == self.read().fingerprint, "two reads gave different collections")

    def test_is_checked(self) -> None:
        """Nothing is left for the checks of :func:`robustrank.collections.check.checked` to leave out."""
        collection = self.read()
        require(checked(collection).fingerprint == collection.fingerprint, "the reader does not return checked(...)")

    def test_every_query_has_candidates_with_texts_and_judgements(self) -> None:
        """Candidates are documents of the collection, none twice."""
        collection = self.read()
        require(bool(collection.queries), "there are no queries")
        for query_id in collection.queries:
            candidates = collection.candidates[query_id]
            require(len(set(candidates)) == len(candidates) > 0, f"query {query_id!r}: candidates missing or duplicate")
            require(all(d in collection.documents for d in candidates), f"query {query_id!r}: a candidate has no text")
            require(bool(collection.qrels[query_id]), f"query {query_id!r} has no judgements")

    def read(self) -> Collection:
        """Return the collection; override it where parameters are not known before the test runs."""
        collection = create("collection", parse(self.plugin)).read()
        require(isinstance(collection, Collection), f"read returned {type(collection).__name__}, not a Collection")
        return collection  # type: ignore[no-any-return]
