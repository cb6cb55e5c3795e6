"""The first stage: the candidates of each query, from BM25 or from a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.trec import read_run
from robustrank.errors import DataError
from robustrank.text.analysis import analyze

MAX_DOCUMENTS = 1_000_000  # BM25 needs texts and index in memory: about 3 GB for a million passages


def bm25_candidates(
    documents: Mapping[str, str], queries: Mapping[str, str], depth: int, k1: float = 0.9, b: float = 0.4
) -> dict[str, list[str]]:
    """Return the top ``depth`` documents of every query by BM25, best first, ties by ascending document id.

    Documents without a query term fill the end of the list (score 0), so every list has min(depth, number of
    documents) entries. The formula is Lucene's variant of Robertson et al., "Okapi at
    TREC-3" (1994), see Kamphuis et al., ECIR 2020; the terms are those of
    :func:`robustrank.text.analysis.analyze`.

    Args:
        documents: Document id to text.
        queries: Query id to text.
        depth: Documents per query.
        k1: Saturation of the term frequency.
        b: Strength of the length normalisation, 0 to 1.
    """
    import bm25s

    doc_ids = sorted(documents)  # so that the index breaks ties
    terms = [analyze(documents[doc_id]) for doc_id in doc_ids]
    if not any(terms):
        return {query_id: doc_ids[:depth] for query_id in queries}  # noqa: C420 - a list each
    index = bm25s.BM25(k1=k1, b=b)
    index.index(terms, show_progress=False)
    zeros = np.zeros(len(doc_ids), dtype=np.float32)
    candidates = {}
    for query_id, text in queries.items():
        query = [term for term in analyze(text) if term in index.vocab_dict]
        scores = index.get_scores(query) if query else zeros
        candidates[query_id] = [doc_ids[position] for position in _best(scores, depth)]
    return candidates


def _best(scores: NDArray[np.float32], depth: int) -> NDArray[np.intp]:
    """Return the positions of the ``depth`` highest scores, best first, ties by position."""
    threshold = np.partition(scores, -depth)[-depth] if depth < len(scores) else -np.inf
    indices = np.flatnonzero(scores >= threshold)
    return indices[np.argsort(-scores[indices], kind="stable")][:depth]


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
) -> dict[str, list[str]]:
    """Return the candidates of the judged queries, from the TREC run in file ``run`` or, where None, by BM25.

    Raises:
        DataError: The run is malformed or ranks no judged query, or there are too many documents for BM25.
    """
    judged = {query_id: text for query_id, text in queries.items() if query_id in qrels}
    if run is not None:
        path = Path(run).expanduser()
        return run_candidates(read_run(path), judged, depth, str(path))
    refuse_many(len(documents), max_documents, "the documents")
    return bm25_candidates(documents, judged, depth)
