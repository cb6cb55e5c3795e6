"""The first stage: the candidates of each query, from BM25 or from a run."""

from __future__ import annotations

from collections.abc import Mapping

from robustrank.collections.repairs import Repairs
from robustrank.collections.trec import read_run
from robustrank.errors import DataError
from robustrank.paths import given_path
from robustrank.retrieval.bm25 import BM25Retriever
from robustrank.text.languages import ENGLISH

MAX_DOCUMENTS = 1_000_000  # BM25 needs texts and index in memory: about 3 GB for a million passages


def bm25_candidates(
    documents: Mapping[str, str],
    queries: Mapping[str, str],
    depth: int,
    k1: float = 0.9,
    b: float = 0.4,
    language: str = ENGLISH,
) -> dict[str, list[str]]:
    """Return the top ``depth`` documents of every query by BM25, best first, ties by ascending document id.

    Documents without a query term fill the end of the list (score 0), so every list has min(depth, number of
    documents) entries. See :class:`robustrank.retrieval.bm25.BM25Retriever`.

    Args:
        documents: Document id to text.
        queries: Query id to text.
        depth: Documents per query.
        k1: Saturation of the term frequency.
        b: Strength of the length normalisation, 0 to 1.
        language: Decides the analyser.
    """
    if not documents:
        return {query_id: [] for query_id in queries}
    retriever = BM25Retriever(k1, b, language)
    retriever.index(documents)
    lists = retriever.search(list(queries.values()), depth)
    return {query_id: [doc_id for doc_id, _ in hits] for query_id, hits in zip(queries, lists, strict=True)}


def run_candidates(
    run: Mapping[str, Mapping[str, float]], queries: Mapping[str, str], depth: int, where: str
) -> dict[str, list[str]]:
    """Return the first ``depth`` documents of every query that the run ranks; further queries of the run are ignored.

    Args:
        run: Query id to document id to score, best first, as
            :func:`robustrank.collections.trec.read_run` gives it.
        queries: Query id to text.
        depth: Documents per query.
        where: The origin of the run, for the error.

    Raises:
        DataError: The run ranks none of the queries.
    """
    candidates = {query_id: list(run[query_id])[:depth] for query_id in queries if query_id in run}
    if queries and not candidates:
        raise DataError(
            f"the run ranks none of the {len(queries)} judged queries; it ranks {len(run)} different ones",
            where=where,
            allowed=f"query ids like {next(iter(queries))!r}, not like {next(iter(run), '')!r}",
        )
    return candidates


def refuse_many(count: int, limit: int, where: str) -> None:
    """Refuse to index more than ``limit`` documents.

    Raises:
        DataError: ``count`` exceeds ``limit``.
    """
    if count > limit:
        raise DataError(
            f"{count:,} documents exceed the limit of BM25 in memory",
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
    language: str,
    repairs: Repairs,
) -> dict[str, list[str]]:
    """Return the candidates of the judged queries, from the TREC run in file ``run`` or, where None, by BM25.

    Raises:
        DataError: The run is malformed or ranks no judged query, or there are too many documents for BM25.
    """
    judged = {query_id: text for query_id, text in queries.items() if query_id in qrels}
    if run is not None:
        path = given_path(run)
        return run_candidates(read_run(path, repairs), judged, depth, str(path))
    refuse_many(len(documents), max_documents, "the documents")
    return bm25_candidates(documents, judged, depth, language=language)
