"""Effectiveness of rankings: trec_eval's measures of each query, and nDCG of a single list.

They are sums over a list's gains, computed here: ranx has the same values, but breaks ties by insertion order, ignores
NaN and unmatched queries silently, and compiles itself for 15 seconds at its first use on a machine. Ties are broken by
document id; NaN and unmatched queries are errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robustrank.errors import DataError
from robustrank.measures.measure_names import Measure, parse_measure
from robustrank.measures.ranking import ranking
from robustrank.measures.ties import Ties

Qrels = Mapping[str, Mapping[str, int]]  # query id -> document id -> gain
Run = Mapping[str, Mapping[str, float]]  # query id -> document id -> score


def evaluate(
    qrels: Qrels,
    run: Run,
    measures: Sequence[str],
    missing: Literal["error", "zero"] = "error",
    ties: Ties = "id",
) -> dict[str, dict[str, float]]:
    """Return every measure of every judged query.

    Equal scores are ordered by document id, ascending (trec_eval: descending). Otherwise the values are
    trec_eval's: linear gains; gains <= 0 and unjudged documents are not relevant; P@k divides by k and AP by
    the number of relevant documents however few were retrieved; a query without a relevant document has 0.

    Args:
        qrels: Query id to document id to gain, an integer. Its queries are those evaluated.
        run: Query id to document id to score.
        measures: Names, see :func:`robustrank.measures.measure_names.parse_measure`.
        missing: How to treat a judged query without retrieved documents: as an error, or as 0 in every measure, as
            ``trec_eval -c`` does.
        ties: The order of equal scores: by document id, or ``worst``, by ascending gain before the id.

    Returns:
        Measure to query id to value, in the order of ``measures`` and ``qrels``.

    Raises:
        ExperimentError: A measure does not exist.
        DataError: There is nothing to evaluate; a query has no judgements; a query has no retrieved
            documents, unless ``missing`` allows it; a score is NaN or infinite; a gain is not an integer.
    """
    parsed = [parse_measure(name) for name in measures]
    _refuse_unmatched(qrels, run, missing)
    values: dict[str, dict[str, float]] = {measure.name: {} for measure in parsed}
    for query_id, gains in qrels.items():
        judged = _judged_gains(query_id, gains)
        scores = run.get(query_id, {})
        order = _order(query_id, scores, gains if ties == "worst" else None)
        ranked = np.array([gains.get(doc_id, 0) for doc_id in order], dtype=np.float64)
        for measure in parsed:
            values[measure.name][query_id] = _value(measure, ranked, judged)
    return values


def list_ndcg(gains: ArrayLike, judged_gains: ArrayLike, k: int | None = None) -> float:
    """Return the nDCG of a list, equal to that of ``evaluate`` without its overhead.

    DCG = sum over ranks i <= k of max(gain_i, 0) / log2(i + 1), divided by the DCG of the ideal list.

    Args:
        gains: [n], the gains of the ranked documents, best rank first; 0 for the unjudged.
        judged_gains: [m], all gains of the query's judgements, retrieved or not, in any order.
        k: The cutoff; None is the whole list.

    Returns:
        A value in [0, 1]; 0 when nothing is relevant, as trec_eval.
    """
    ideal = _dcg(np.sort(np.asarray(judged_gains))[::-1][:k])
    return _dcg(np.asarray(gains)[:k]) / ideal if ideal > 0 else 0.0


def _dcg(gains: NDArray[Any]) -> float:
    return float((np.maximum(gains, 0) / np.log2(np.arange(2, len(gains) + 2))).sum())


def _refuse_unmatched(qrels: Qrels, run: Run, missing: str) -> None:
    if not qrels or not run:
        raise DataError(f"nothing to evaluate: {len(qrels)} judged queries, {len(run)} ranked queries")
    unjudged = [query_id for query_id in run if query_id not in qrels]
    if unjudged:
        raise DataError(
            f"{len(unjudged)} of {len(run)} ranked queries have no judgements, e.g. {unjudged[0]!r}",
            allowed=f"query ids like {next(iter(qrels))!r}",
            hint="remove unjudged queries from the run",
        )
    empty = [query_id for query_id in qrels if not run.get(query_id)]
    if empty and missing != "zero":
        raise DataError(
            f"{len(empty)} of {len(qrels)} judged queries have no ranked documents, e.g. {empty[0]!r}",
            allowed="a ranked document for every judged query",
            hint='missing="zero" counts them as 0, as trec_eval -c does',
        )


def _order(query_id: str, scores: Mapping[str, float], gains: Mapping[str, int] | None) -> list[str]:
    """Return the document ids of a query, best first; equal scores by gain, ascending, where gains are given."""
    doc_ids = list(scores)
    values = np.fromiter(scores.values(), dtype=np.float64, count=len(doc_ids))
    not_finite = np.flatnonzero(~np.isfinite(values))
    if not_finite.size:
        raise DataError(
            f"the score of document {doc_ids[not_finite[0]]!r} is {values[not_finite[0]]}",
            where=f"run, query {query_id!r}",
            allowed="finite numbers",
        )
    worst = None if gains is None else [gains.get(doc_id, 0) for doc_id in doc_ids]
    return [doc_ids[position] for position in ranking(values, doc_ids, worst)]


def _judged_gains(query_id: str, gains: Mapping[str, int]) -> NDArray[np.float64]:
    """Return float64[m], all gains of a query's judgements."""
    values = np.fromiter(gains.values(), dtype=np.float64, count=len(gains))
    if not (np.isfinite(values) & (values == np.floor(values))).all():
        raise DataError("a gain is not an integer", where=f"qrels, query {query_id!r}", allowed="integers")
    return values


def _value(measure: Measure, ranked: NDArray[np.float64], judged: NDArray[np.float64]) -> float:
    """Return a measure of a list; 0 where nothing is relevant.

    Args:
        measure: The measure.
        ranked: [n], the gains of the ranked documents, best rank first.
        judged: [m], all gains of the query's judgements.
    """
    if measure.kind == "nDCG":
        return list_ndcg(ranked, judged, measure.cutoff or None)
    relevant = int((judged >= measure.relevance).sum())
    hits, depth = ranked >= measure.relevance, measure.cutoff or len(ranked)
    ranks = np.flatnonzero(hits[:depth]) + 1  # of the relevant documents
    if not relevant or not ranks.size:
        return 0.0
    match measure.kind:
        case "AP" | "MAP":
            return float((np.arange(1, len(ranks) + 1) / ranks).sum()) / relevant
        case "RR" | "MRR":
            return 1.0 / int(ranks[0])
        case "P":
            return len(ranks) / depth
        case "R":
            return len(ranks) / relevant
        case "Success":
            return 1.0
        case _:  # Rprec
            return int(hits[:relevant].sum()) / relevant
