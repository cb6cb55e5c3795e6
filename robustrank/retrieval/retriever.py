"""The contract of first stages that search a corpus."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import ClassVar

from robustrank.errors import PluginError

Hits = list[tuple[str, float]]  # document ids with their scores, best first, ties by ascending document id


class Retriever(ABC):
    """Searches a corpus. Subclass as a dataclass: its fields are the parameters.

    A constructor only keeps its parameters. What a search returns depends on the indexed documents alone, never on the
    order in which they came or went. What is indexed must not change meanwhile.

    Attributes:
        searches: Whether it finds documents for any query; otherwise it has lists for a collection's queries alone.
    """

    searches: ClassVar[bool] = True

    def expect(self, queries: Mapping[str, str]) -> None:  # noqa: B027 - optional hook
        """Take the queries of the collection, by id; called before they are searched, among others."""

    @abstractmethod
    def index(self, corpus: Mapping[str, str]) -> None:
        """Index documents by id, in place of what was indexed before."""

    @abstractmethod
    def search(self, queries: Sequence[str], k: int) -> list[Hits]:
        """Return for each query its top ``k`` documents; fewer where fewer match, and none where nothing does.

        A document that the retriever cannot tell from any other, as one without a query term, is not a match: its place
        in the list would be chance.

        Raises:
            PluginError: Nothing was indexed.
        """

    @abstractmethod
    def add(self, documents: Mapping[str, str]) -> None:
        """Add documents; one whose id is indexed already is replaced."""

    @abstractmethod
    def remove(self, doc_ids: Iterable[str]) -> None:
        """Take documents away; an id that is not indexed is an error.

        Raises:
            PluginError: An id is not indexed.
        """


def best_first(hits: Iterable[tuple[str, float]]) -> Hits:
    """Return hits by descending score, ties by ascending document id."""
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))


def refuse_empty(indexed: Collection[str]) -> None:
    """Refuse to search before anything was indexed.

    Raises:
        PluginError: Nothing is indexed.
    """
    if not indexed:
        raise PluginError("there is nothing to search", hint="call index(corpus) first")


def refuse_unknown(doc_ids: Iterable[str], indexed: Collection[str]) -> list[str]:
    """Return the ids of documents that are to be removed.

    Raises:
        PluginError: One of them is not indexed; nothing is removed.
    """
    leaving = list(doc_ids)
    unknown = [doc_id for doc_id in leaving if doc_id not in indexed]
    if unknown:
        raise PluginError(f"{len(unknown)} of {len(leaving)} documents are not indexed, as {unknown[0]!r}")
    return leaving
