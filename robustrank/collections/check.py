"""Refuses inconsistent collections, and notes what was excluded from the consistent ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection as Sized
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.errors import DataError
from robustrank.printing import counted
from robustrank.text.languages import foreign_script

Unanswered = Literal["zero", "leave-out"]


def checked(collection: Collection, unanswered: Unanswered = "zero") -> Collection:
    """Return ``collection`` with the queries that are measured; what is excluded or odd is counted in its notes.

    Excluded: judgements of unknown queries, and queries without judgements. Included and noted: judged queries without
    a relevant document or without candidates, empty documents, judgements of documents without text, which the ideal
    ranking of a measure needs, and texts of which most letters are of another script than the collection's language.

    Args:
        collection: What was read.
        unanswered: What becomes of judged queries without a relevant document, or without candidates: ``zero``, they
            stay and every measure of them is 0, as in ``trec_eval -c``; ``leave-out``, they are excluded.

    Raises:
        DataError: No queries or documents; a judged query without text; candidates for unknown queries, of unknown
            documents, or duplicate candidates; judgements that match no query or no document; a gain that is not an
            integer; no query left.
        UsageError: The language is not known.
    """
    where = f"collection {collection.name!r}"
    _refuse_empty(collection, where)
    _refuse_candidates(collection, where)
    qrels, notes = _matching_qrels(collection, where)
    queries = _judged(collection.queries, qrels, notes)
    relevant = {q for q in queries if any(gain > 0 for gain in qrels[q].values())}
    queries = _answered(queries, relevant, "a relevant document", unanswered, notes, where)
    listed = {q for q in queries if collection.candidates.get(q)}
    queries = _answered(queries, listed, "candidates", unanswered, notes, where)
    qrels = {query_id: qrels[query_id] for query_id in queries}
    notes += _document_notes(collection, qrels)
    return replace(
        collection,
        queries=queries,
        qrels=qrels,
        candidates={query_id: tuple(collection.candidates.get(query_id, ())) for query_id in queries},
        query_types={q: collection.query_types[q] for q in queries if q in collection.query_types},
        notes=(*collection.notes, *notes),
    )


def _refuse_empty(collection: Collection, where: str) -> None:
    for name, texts in (("queries", collection.queries), ("documents", collection.documents)):
        if not texts:
            raise DataError(f"no {name}", where=where, allowed="at least one")
    judged = (query_id for query_id in collection.queries if query_id in collection.qrels)
    empty = [query_id for query_id in judged if not collection.queries[query_id].strip()]
    if empty:
        what = f"{counted(len(empty), 'query')} without text, though judged: {_some(empty)}"
        raise DataError(what, where=where, allowed="a text for each query that has judgements")


def _refuse_candidates(collection: Collection, where: str) -> None:
    unknown = [query_id for query_id in collection.candidates if query_id not in collection.queries]
    if unknown:
        raise DataError(f"candidates for unknown queries: {_some(unknown)}", where=f"{where}, candidates")
    for query_id, doc_ids in collection.candidates.items():
        query_where = f"{where}, candidates of query {query_id!r}"
        missing = [doc_id for doc_id in doc_ids if doc_id not in collection.documents]
        if missing:
            raise DataError(
                f"{len(missing):,} of {len(doc_ids)} candidates have no document: {_some(missing)}",
                where=query_where,
                allowed=f"document ids like {next(iter(collection.documents))!r}",
                hint="check that run and documents are of the same collection",
            )
        if len(set(doc_ids)) < len(doc_ids):
            duplicates = [doc_id for doc_id, count in Counter(doc_ids).items() if count > 1]
            raise DataError(f"duplicate candidates: {_some(duplicates)}", where=query_where)


def _matching_qrels(collection: Collection, where: str) -> tuple[dict[str, dict[str, int]], list[str]]:
    """Return the judgements of known queries as plain integers, and the notes on unknown queries."""
    qrels_where = f"{where}, judgements"
    qrels = {
        query_id: {
            doc_id: _integer(gain, f"{qrels_where}, query {query_id!r}, document {doc_id!r}")
            for doc_id, gain in gains.items()
        }
        for query_id, gains in collection.qrels.items()
        if query_id in collection.queries
    }
    if not collection.qrels:
        raise DataError("no judgements", where=qrels_where, allowed="at least one")
    if not qrels:
        raise _no_match("query", collection.qrels, collection.queries, qrels_where)
    judged = {doc_id: None for gains in qrels.values() for doc_id in gains}
    if not any(doc_id in collection.documents for doc_id in judged):
        raise _no_match("document", judged, collection.documents, qrels_where)
    unknown = [query_id for query_id in collection.qrels if query_id not in collection.queries]
    note = f"Judgements of {counted(len(unknown), 'unknown query')} were excluded: {_some(unknown)}."
    return qrels, [note] if unknown else []


def _integer(gain: object, where: str) -> int:
    if isinstance(gain, bool) or not isinstance(gain, int | np.integer):
        raise DataError(f"the gain is {gain!r}", where=where, allowed="an integer")
    return int(gain)


def _no_match(kind: str, judged: Mapping[str, object], known: Mapping[str, object], where: str) -> DataError:
    sample = f", e.g. {next(iter(judged))!r}," if judged else ""
    return DataError(
        f"none of the {len(judged):,} judged {kind} ids{sample} is one of the {len(known):,} {kind} ids",
        where=where,
        allowed=f"ids like {next(iter(known))!r}",
        hint="check that queries, documents and judgements are of the same collection",
    )


def _judged(queries: Mapping[str, str], qrels: Mapping[str, object], notes: list[str]) -> dict[str, str]:
    unjudged = [query_id for query_id in queries if query_id not in qrels]
    empty = [query_id for query_id in unjudged if not queries[query_id].strip()]
    if empty:
        notes.append(f"{counted(len(empty), 'query')} without text and without judgements: {_some(empty)}.")
    if unjudged:
        notes.append(
            f"{len(unjudged):,} of {counted(len(queries), 'query')} excluded, with no judgements: {_some(unjudged)}."
        )
    return {query_id: text for query_id, text in queries.items() if query_id in qrels}


def _answered(
    queries: dict[str, str], answered: Sized[str], what: str, unanswered: Unanswered, notes: list[str], where: str
) -> dict[str, str]:
    """Return the queries to measure; those that are not answered are counted in a note, and stay or leave."""
    without = [query_id for query_id in queries if query_id not in answered]
    if len(without) == len(queries):
        raise DataError(
            f"none of {counted(len(queries), 'query')} has {what}", where=where, allowed="at least one query that has"
        )
    if not without:
        return queries
    policy = "0 in every measure, as in trec_eval -c" if unanswered == "zero" else "left out"
    notes.append(f"{len(without):,} of {counted(len(queries), 'query')} without {what}, {policy}: {_some(without)}.")
    return queries if unanswered == "zero" else {q: text for q, text in queries.items() if q in answered}


def _document_notes(collection: Collection, qrels: Mapping[str, Mapping[str, int]]) -> list[str]:
    empty = [doc_id for doc_id, text in collection.documents.items() if not text.strip()]
    judged = {doc_id for gains in qrels.values() for doc_id in gains}
    missing = sorted(judged.difference(collection.documents))
    foreign = foreign_script(collection.language, collection.queries.values(), collection.documents.values())
    notes = [foreign] if foreign else []
    if empty:
        notes.append(f"{len(empty):,} of {counted(len(collection.documents), 'document')} are empty: {_some(empty)}.")
    if missing:
        documents = counted(len(judged), "judged document")
        notes.append(f"{len(missing):,} of {documents} have no text and count for ideal rankings alone.")
    return notes


def _some(ids: list[str]) -> str:
    return ", ".join(map(repr, ids[:3])) + (", …" if len(ids) > 3 else "")
