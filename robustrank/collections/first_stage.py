"""The first stage: the candidates of each query, from a retriever or from a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from robustrank.collections.trec import read_run
from robustrank.errors import DataError, PluginError, UsageError
from robustrank.paths import given_path
from robustrank.plugins import Spec, create, find, parameters, parse
from robustrank.plugins.failure import plugin_code
from robustrank.repairs import Repair, Repairs
from robustrank.retrieval.retriever import Retriever
from robustrank.text.languages import ENGLISH

DEFAULT_RETRIEVER = "bm25"
MAX_DOCUMENTS = 1_000_000  # while they are indexed, BM25 needs about 2 GB for a million passages


def retrieved_candidates(
    documents: Mapping[str, str],
    queries: Mapping[str, str],
    depth: int,
    retriever: str | None = None,
    language: str = ENGLISH,
    beyond: int = 0,
) -> dict[str, list[str]]:
    """Return the top ``depth`` documents of every query by a retriever, best first, ties by ascending document id.

    Documents that the retriever does not match are left out, so a list may be shorter, and that of a query that matches
    nothing is empty. But where there are no more than ``depth`` documents every list has all of them, those without a
    match last, by id: there is nothing to select, and a ranker that reads more than terms can rank them.

    Args:
        documents: Document id to text.
        queries: Query id to text.
        depth: Documents per query.
        retriever: Its specification; BM25 by default.
        language: Of the documents; given to a retriever that has the parameter, unless the specification sets it.
        beyond: Documents returned beyond ``depth``, in place of some that are left out later.

    Raises:
        PluginError: The retriever fails, or does not return a list of known documents for each query.
    """
    if not documents:
        return {query_id: [] for query_id in queries}
    spec = in_language(parse(retriever or DEFAULT_RETRIEVER), language)
    searcher: Retriever = create("retriever", spec)
    with plugin_code(f"retriever {spec.name!r}", "expect(), index() and search()"):
        searcher.expect(queries)
        searcher.index(documents)
        lists = searcher.search(list(queries.values()), depth + beyond)
        ranked = {query_id: [doc_id for doc_id, _ in hits] for query_id, hits in zip(queries, lists, strict=True)}
    refuse_other_documents(ranked, documents, depth + beyond, spec.name)
    if len(documents) > depth:
        return ranked
    return {query_id: [*hits, *sorted(set(documents).difference(hits))] for query_id, hits in ranked.items()}


def refuse_other_documents(
    ranked: Mapping[str, Sequence[str]], documents: Mapping[str, str], depth: int, retriever: str
) -> None:
    """Refuse lists of more documents than were wanted, or of others than were indexed.

    Raises:
        PluginError: There is one.
    """
    for query_id, doc_ids in ranked.items():
        if len(doc_ids) > depth or not all(doc_id in documents for doc_id in doc_ids):
            what = f"retriever {retriever!r} returned {len(doc_ids)} documents for query {query_id!r}"
            raise PluginError(what, allowed=f"at most {depth}, of those that were indexed")


def in_language(spec: Spec, language: str) -> Spec:
    """Return the specification of a retriever with the collection's language, if it has that parameter."""
    if not any(parameter.name == "language" for parameter in parameters(find("retriever", spec.name))):
        return spec
    return Spec(spec.name, {"language": language, **spec.parameters})


def run_candidates(
    run: Mapping[str, Mapping[str, float]], queries: Mapping[str, str], depth: int, where: str, repairs: Repairs
) -> dict[str, list[str]]:
    """Return the first ``depth`` + 1 documents of every query that the run ranks, one for what is left out later.

    Lists that are longer than ``depth``, and queries of the run that are not among these, are counted as repairs.

    Args:
        run: Query id to document id to score, best first, as
            :func:`robustrank.collections.trec.read_run` gives it.
        queries: Query id to text.
        depth: Documents per query.
        where: The origin of the run.
        repairs: Counts what is not read.

    Raises:
        DataError: The run is empty, or ranks none of the queries.
    """
    if not run:
        raise DataError("the run has no lines", where=where, allowed="6 columns: query Q0 document rank score tag")
    candidates = {query_id: list(run[query_id])[: depth + 1] for query_id in queries if query_id in run}
    for query_id, listed in run.items():
        if query_id not in queries:
            repairs.add(Repair.OTHER_QUERY, f"{where}, query {query_id!r}")
        elif len(listed) > depth:
            repairs.add(Repair.CUT_LIST, f"{where}, query {query_id!r}")
    if queries and not candidates:
        raise DataError(
            f"the run ranks none of the {len(queries)} judged queries; it ranks {len(run)} different ones",
            where=where,
            allowed=f"query ids like {next(iter(queries))!r}, not like {next(iter(run))!r}",
        )
    return candidates


def without_own_documents(
    candidates: Mapping[str, Sequence[str]], qrels: Mapping[str, Mapping[str, int]], depth: int, ignored: bool
) -> tuple[dict[str, list[str]], list[str]]:
    """Return the first ``depth`` candidates of each query and, where a document has its query's id, a note on that.

    Args:
        candidates: Query id to document ids, best first; one more than ``depth``, so that lists keep their length.
        qrels: Query id to document id to gain.
        depth: Documents per query.
        ignored: Whether a document with the query's id is left out, as BEIR does (``ignore_identical_ids``).
    """
    lists = {query_id: cut_list(query_id, ranked, depth, ignored) for query_id, ranked in candidates.items()}
    seen = [q for q, ranked in candidates.items() if q in (ranked if ignored else lists[q])]
    if not seen:
        return lists, []
    judged = sum(qrels.get(query_id, {}).get(query_id, 0) > 0 for query_id in seen)
    what = "left out of the list" if ignored else "kept in the list: ignore_identical_ids leaves it out"
    relevant = f"; {judged} of them are judged relevant" if judged else ""
    return lists, [f"For {len(seen):,} of {len(lists):,} queries the document with the query's id is {what}{relevant}."]


def cut_list(query_id: str, ranked: Sequence[str], depth: int, ignored: bool) -> list[str]:
    """Return the first ``depth`` documents of a list, without that of the query's id where it is ignored."""
    return [doc_id for doc_id in ranked if not (ignored and doc_id == query_id)][:depth]


def refuse_many(count: int, limit: int, where: str) -> None:
    """Refuse to index more than ``limit`` documents.

    Raises:
        DataError: ``count`` exceeds ``limit``.
    """
    if count > limit:
        raise DataError(
            f"{count:,} documents exceed the limit of an index in memory",
            where=where,
            allowed=f"max_documents={limit}",
            hint="give a first-stage run: run=PATH (TREC format); or raise max_documents",
        )


def file_candidates(
    run: str | None,
    documents: Mapping[str, str],
    queries: Mapping[str, str],
    qrels: Mapping[str, object],
    depth: int,
    max_documents: int,
    retriever: str | None,
    language: str,
    repairs: Repairs,
) -> dict[str, list[str]]:
    """Return ``depth`` + 1 candidates of the judged queries, from the TREC run in file ``run`` or by a retriever.

    Raises:
        DataError: The run is malformed or ranks no judged query, or there are too many documents to index.
        UsageError: Both a run and a retriever are given.
    """
    refuse_both(run, retriever)
    judged = {query_id: text for query_id, text in queries.items() if query_id in qrels}
    if run is not None:
        path = given_path(run)
        return run_candidates(read_run(path, repairs), judged, depth, str(path), repairs)
    refuse_many(len(documents), max_documents, "the documents")
    return retrieved_candidates(documents, judged, depth, retriever, language, beyond=1)


def refuse_both(run: str | None, retriever: str | None) -> None:
    """Refuse two first stages.

    Raises:
        UsageError: Both a run and a retriever are given.
    """
    if run is not None and retriever is not None:
        raise UsageError(f"run={run} and retriever={retriever} are both given", allowed="one first stage")
