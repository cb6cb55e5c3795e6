"""Test collections: queries, documents, judgements and first-stage candidates, checked once when built."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from collections.abc import Collection as Sized
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeVar

from robustrank.collections.document_store import documents_digest
from robustrank.read_only import ReadOnlyMapping, read_only
from robustrank.records import Candidate, Document, Request
from robustrank.text.languages import ENGLISH

Value = TypeVar("Value")


@dataclass(frozen=True)
class Collection:
    """A test collection: queries, judgements and candidates in memory, documents there or in a store.

    ``documents`` has at least every candidate; lexical rankers take corpus statistics from all of it. Build collections
    with :func:`robustrank.collections.check.checked`, which refuses inconsistent ones.

    All of it is read-only: cells of one process share it, and no plug-in may change what the next one reads. An
    attempt to write raises TypeError.

    Attributes:
        name: The label rows carry.
        queries: Query id to text, in the collection's order.
        documents: Document id to text.
        qrels: Query id to document id to graded gain, an integer; gains <= 0 are not relevant.
        candidates: Query id to the first stage's document ids, best first.
        query_types: Query id to its type, for queries that have one.
        notes: What the reader excluded, merged or assumed, each as a sentence; printed in the run header.
        language: The code of its language, see :mod:`robustrank.text.languages`: decides the analyser of every lexical
            ranker, and which attacks and defenses apply.
        ignores_identical_ids: Whether the document with a query's id is in no list of that query.
    """

    name: str
    queries: Mapping[str, str]
    documents: Mapping[str, str]
    qrels: Mapping[str, Mapping[str, int]]
    candidates: Mapping[str, Sequence[str]]
    query_types: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    language: str = ENGLISH
    ignores_identical_ids: bool = False

    def __post_init__(self) -> None:
        """Replace what was given by read-only copies."""
        read_only = {
            "queries": _read_only(self.queries),
            "documents": _read_only(self.documents),
            "qrels": _read_only(self.qrels, _read_only),
            "candidates": _read_only(self.candidates, tuple),
            "query_types": _read_only(self.query_types),
            "notes": tuple(self.notes),
        }
        for name, value in read_only.items():
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as plain dictionaries, as read-only views cannot be pickled; a document store by its folder."""
        return type(self), tuple(_plain(getattr(self, item.name)) for item in fields(self))

    def __copy__(self) -> Collection:
        """Return the collection itself, since nothing can change it."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Collection:
        """Return the collection itself, since nothing can change it."""
        return self

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything that can change a row: ids, texts, judgements, candidates, types, language."""
        digest = hashlib.sha256(f"{self.language}\x1d{self.ignores_identical_ids}\x1d".encode())
        for texts in (self.queries, self.documents, self.query_types):
            digest.update(f"{documents_digest(texts)}\x1d".encode())
        for query_id, gains in self.qrels.items():
            digest.update(f"{query_id}\x1f{sorted(gains.items())}\x1e".encode())
        for query_id, doc_ids in self.candidates.items():
            digest.update(f"{query_id}\x1f{list(doc_ids)}\x1e".encode())
        return digest.hexdigest()[:32]

    @cached_property
    def candidate_ids(self) -> tuple[str, ...]:
        """The ids of the documents that are a candidate of some query, each once."""
        return tuple(dict.fromkeys(doc_id for listed in self.candidates.values() for doc_id in listed))

    def pairs(self, query_id: str) -> list[tuple[str, str]]:
        """Return the (query text, document text) pairs of one query's candidates, in first-stage order."""
        query = self.queries[query_id]
        return [(query, self.documents[doc_id]) for doc_id in self.candidates[query_id]]

    def request(self, query_id: str) -> Request:
        """Return the request of a query: its candidates in first-stage order."""
        candidates = tuple(Candidate(Document(doc_id, self.documents[doc_id])) for doc_id in self.candidates[query_id])
        return Request(query_id, self.queries[query_id], candidates)

    def statistic(self, compute: Callable[..., Value], *arguments: Hashable) -> Value:
        """Return ``compute(texts, *arguments)`` of the documents' texts, computed once and read-only.

        It is computed once for all restrictions of the collection to some queries, too.
        """

        def read_only_value() -> Value:
            value: Value = read_only(compute(self.documents.values(), *arguments))
            return value

        return self._once((compute, arguments), read_only_value)

    def of_documents(self, compute: Callable[[Mapping[str, str], str], Value]) -> Value:
        """Return ``compute(documents, language)``, computed once as by :meth:`statistic`; nobody may change it."""
        return self._once((compute,), lambda: compute(self.documents, self.language))

    def _once(self, key: Hashable, compute: Callable[[], Value]) -> Value:
        if key not in self._statistics:
            self._statistics[key] = compute()
        value: Value = self._statistics[key]
        return value

    @cached_property
    def _statistics(self) -> dict[Hashable, Any]:
        return {}

    @cached_property
    def answered(self) -> Collection:
        """The collection restricted to queries with a relevant document and with candidates: what is learned from."""
        return self.only([q for q in self.queries if self.candidates[q] and any(g > 0 for g in self.qrels[q].values())])

    def only(self, query_ids: Sized[str]) -> Collection:
        """Return the collection restricted to these queries, in its order; documents are unchanged."""
        wanted = set(query_ids)
        selected = [query_id for query_id in self.queries if query_id in wanted]
        if len(selected) == len(self.queries):
            return self
        restricted = replace(
            self,
            queries={q: self.queries[q] for q in selected},
            qrels={q: self.qrels[q] for q in selected},
            candidates=_restricted(self.candidates, selected),
            query_types={q: self.query_types[q] for q in selected if q in self.query_types},
        )
        restricted.__dict__["_statistics"] = self._statistics  # of the same documents
        return restricted

    def with_candidates(self, candidates: Mapping[str, Sequence[str]]) -> Collection:
        """Return the collection with the lists of another first stage."""
        changed = replace(self, candidates=candidates)
        changed.__dict__["_statistics"] = self._statistics  # of the same documents
        return changed


def _restricted(lists: Mapping[str, Any], query_ids: Sequence[str]) -> Mapping[str, Any]:
    if isinstance(lists, ReadOnlyMapping):
        return lists.only(query_ids)
    return {query_id: lists[query_id] for query_id in query_ids}


def _read_only(mapping: Mapping[str, Any], convert: Callable[[Any], Any] | None = None) -> Mapping[str, Any]:
    """Return a read-only copy of a mapping, its values converted; one that is read-only already is returned itself."""
    if isinstance(mapping, ReadOnlyMapping):
        return mapping
    if isinstance(mapping, MappingProxyType) and (
        convert is None or all(isinstance(value, MappingProxyType | tuple) for value in mapping.values())
    ):
        return mapping
    return MappingProxyType({key: convert(value) if convert else value for key, value in mapping.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping) and not isinstance(value, ReadOnlyMapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def evenly_spaced(items: Sequence[str], count: int) -> list[str]:
    """Return at most ``count`` items, evenly spaced."""
    step = max(1, -(-len(items) // count))
    return list(items[::step])
