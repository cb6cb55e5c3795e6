"""Documents that come and go over a corpus that stays as it is: nothing of the corpus is copied or read."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Self

from robustrank.read_only import ReadOnlyMapping
from robustrank.retrieval.retriever import Retriever, refuse_unknown


class Overlay(ReadOnlyMapping[str, str]):
    """Texts by document id: those of a corpus, without some, with others added.

    Attributes:
        base: The corpus, which must not change.
        added: Documents that are not the corpus's, or replace one of it.
        hidden: Ids of documents of the corpus that were removed or replaced.
    """

    def __init__(
        self, base: Mapping[str, str], added: Mapping[str, str] | None = None, hidden: Set[str] = frozenset()
    ) -> None:
        self.base, self.added, self.hidden = base, dict(added or {}), frozenset(hidden)

    def with_documents(self, documents: Mapping[str, str]) -> Overlay:
        """Return it with documents added; one of an id that is there is replaced."""
        replaced = (doc_id for doc_id in documents if doc_id in self.base)
        return Overlay(self.base, {**self.added, **documents}, self.hidden.union(replaced))

    def without(self, doc_ids: Iterable[str]) -> Overlay:
        """Return it without these documents."""
        leaving = set(doc_ids)
        added = {doc_id: text for doc_id, text in self.added.items() if doc_id not in leaving}
        return Overlay(self.base, added, self.hidden.union(doc_id for doc_id in leaving if doc_id in self.base))

    def __getitem__(self, doc_id: str) -> str:
        if doc_id in self.added:
            return self.added[doc_id]
        if doc_id in self.hidden:
            raise KeyError(doc_id)
        return self.base[doc_id]

    def __contains__(self, doc_id: object) -> bool:
        return doc_id in self.added or (doc_id not in self.hidden and doc_id in self.base)

    def __iter__(self) -> Iterator[str]:
        yield from (doc_id for doc_id in self.base if doc_id not in self.hidden)
        yield from self.added

    def __len__(self) -> int:
        return len(self.base) - len(self.hidden) + len(self.added)


@dataclass
class OverlayRetriever(Retriever):
    """A retriever that never changes its index of the corpus: documents that come and go lie over it."""

    _documents: Overlay = field(default_factory=lambda: Overlay({}), init=False, repr=False)

    def add(self, documents: Mapping[str, str]) -> None:
        """Add documents; one whose id is indexed already is replaced."""
        self._documents = self._documents.with_documents(documents)

    def remove(self, doc_ids: Iterable[str]) -> None:
        """Take documents away.

        Raises:
            PluginError: An id is not indexed.
        """
        self._documents = self._documents.without(refuse_unknown(doc_ids, self._documents))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return a copy that shares the index."""
        return copy.copy(self)
