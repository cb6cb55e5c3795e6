"""Pipelines: a ranker behind a first stage, which searches again for a query that was changed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from robustrank.collections.collection import Collection
from robustrank.collections.document_store import DocumentStore
from robustrank.collections.first_stage import cut_list, in_language, refuse_other_documents
from robustrank.errors import PluginError
from robustrank.kept import kept_folder
from robustrank.plugins import Spec, create, digest_of
from robustrank.plugins.failure import plugin_code
from robustrank.read_only import ReadOnlyMapping
from robustrank.retrieval.first_stage import FirstStage
from robustrank.retrieval.overlay import Overlay
from robustrank.retrieval.retriever import Retriever

Lists = Mapping[str, tuple[str, ...]]  # query id -> document ids, best first


class Retrieval:
    """A first stage over the documents of a collection.

    Args:
        stage: The first stage.
        collection: The collection; its candidates are not used.
        retriever: The retriever, if it has indexed the documents already.
    """

    def __init__(self, stage: FirstStage, collection: Collection, retriever: Retriever | None = None) -> None:
        self.stage, self._collection = stage, collection
        self._known: dict[tuple[tuple[str, str], ...], Lists] = {}  # by queries
        if retriever is not None:
            self.__dict__["_retriever"] = retriever

    def lists(self, queries: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
        """Return the ids of the documents of queries, (query id, text) each, best first.

        The collection's rule for documents with the id of their query holds.

        Raises:
            PluginError: The retriever fails, or returns something else than lists of indexed documents.
        """
        texts = list(dict.fromkeys(text for _, text in queries))
        wanted, name = self.stage.depth + 1, self.stage.retriever.name  # one for the document of the query's id
        with plugin_code(f"retriever {name!r}", "search()"):
            hits = [[doc_id for doc_id, _ in listed] for listed in self._retriever.search(texts, wanted)]
            ranked = dict(zip(texts, hits, strict=True))
        refuse_other_documents(ranked, self._collection.documents, wanted, name)
        return [self._cut(query_id, ranked[text]) for query_id, text in queries]

    def kept_lists(self, queries: Mapping[str, str]) -> Lists:
        """Return :meth:`lists` by query id; over a document store they are kept, for the next cell and the next run."""
        key = tuple(queries.items())
        if key not in self._known:
            self._known[key] = dict(zip(queries, self._kept(key), strict=True))
        return self._known[key]

    def with_documents(self, documents: Mapping[str, str]) -> Retrieval:
        """Return the first stage over the collection with documents added; the others are not indexed anew.

        Raises:
            PluginError: The first stage does not search: it would not see them.
        """
        if not self.stage.searches:
            raise PluginError(
                f"first stage {self.stage.retriever.text!r} does not search: documents that are added are in no list",
                allowed="a first stage that searches, as bm25",
            )
        changed = replace(self._collection, documents=Overlay(self._collection.documents).with_documents(documents))
        with plugin_code(f"retriever {self.stage.retriever.name!r}", "a deep copy, and add()"):
            retriever = copy.deepcopy(self._retriever)
            retriever.add(documents)
        return Retrieval(self.stage, changed, retriever)

    def candidates(self, query: Callable[[str], str] = lambda text: text) -> Collection:
        """Return the collection with the lists of this first stage as candidates, which are searched for when needed.

        Args:
            query: Returns what the first stage reads in place of a query.
        """
        queries = self._collection.queries
        search = cache(lambda: self.kept_lists({query_id: query(text) for query_id, text in queries.items()}))
        return self._collection.with_candidates(LazyLists(search, tuple(queries)))

    def _cut(self, query_id: str, doc_ids: Sequence[str]) -> tuple[str, ...]:
        """Return the first documents of a list, without the one of the query's id where the collection says so."""
        return tuple(cut_list(query_id, doc_ids, self.stage.depth, self._collection.ignores_identical_ids))

    def _kept(self, queries: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
        documents = self._collection.documents
        if not isinstance(documents, DocumentStore):
            return self.lists(queries)
        decides = documents.digest, self.stage.identity, self._spec.text, self._collection.ignores_identical_ids
        folder = kept_folder("candidates", digest_of([*decides, queries]), lambda new: _write(new, self.lists(queries)))
        read: list[list[str]] = json.loads((folder / "lists.json").read_text(encoding="utf-8"))
        return [tuple(doc_ids) for doc_ids in read]

    @cached_property
    def _spec(self) -> Spec:
        return in_language(self.stage.retriever, self._collection.language)

    @cached_property
    def _retriever(self) -> Retriever:
        retriever: Retriever = create("retriever", self._spec)
        with plugin_code(f"retriever {self.stage.retriever.name!r}", "expect() and index()"):
            retriever.expect(self._collection.queries)
            retriever.index(self._collection.documents)
        return retriever


class LazyLists(ReadOnlyMapping[str, Sequence[str]]):
    """The candidates of some queries; nothing is searched before one of them is looked at."""

    def __init__(self, search: Callable[[], Lists], query_ids: tuple[str, ...]) -> None:
        self._search, self._query_ids = search, dict.fromkeys(query_ids)

    def only(self, keys: Iterable[str]) -> LazyLists:
        """Return those of some queries, which share the search."""
        return LazyLists(self._search, tuple(keys))

    def __getitem__(self, query_id: str) -> Sequence[str]:
        if query_id not in self._query_ids:
            raise KeyError(query_id)
        return self._search()[query_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._query_ids)

    def __len__(self) -> int:
        return len(self._query_ids)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (list(self.items()),)


def _write(folder: Path, lists: Sequence[Sequence[str]]) -> None:
    (folder / "lists.json").write_text(json.dumps(lists), encoding="utf-8")
