"""Judges attacks on documents: ranks in the list that is served, success, size, and the damage to the list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np

from robustrank.attack import Perturbation
from robustrank.engine.context import Context
from robustrank.measures.ranking import published_script_rank
from robustrank.measures.ties import Ties, degenerate_note
from robustrank.records import RankedList, Ranking
from robustrank.rows import Condition, Fact, Row
from robustrank.text.quality import edit_size
from robustrank.victim import Meter

from .answers import answer_shares
from .attack_result import AttackResult

CUTOFFS = (10, 50)


def costs(meter: Meter) -> dict[Fact, float]:
    """Return the queries, reranks and model calls that an attack caused."""
    return {
        Fact("queries"): float(meter.queries),
        Fact("reranks"): float(meter.reranks),
        Fact("model_calls"): float(meter.model_calls),
    }


def rank_attacked(context: Context, results: Sequence[AttackResult]) -> None:
    """Rank every list with the attacked text in it, and with the control's, in one call; results keep the rankings."""
    texts = [
        (result, text)
        for result in results
        for text in (result.perturbation.text, (result.control or result.perturbation).text)
    ]
    edited = [(context.ranked(result.target.query_id), {result.target.doc_id: text}) for result, text in texts]
    rankings = context.served.rerank(edited)
    for result, attacked, control in zip(results, rankings[::2], rankings[1::2], strict=True):
        result.ranking, result.control_ranking = attacked, control if result.control else None


def noise_floor(context: Context, result: AttackResult) -> dict[Fact, float]:
    """Return the mean absolute change of rank by neutral edits: how far the document moves without an attack."""
    if not result.neutral:
        return {}
    clean = context.ranked(result.target.query_id)
    edited = [(clean, {result.target.doc_id: perturbation.text}) for perturbation in result.neutral]
    position = clean.request.doc_ids.index(result.target.doc_id)
    ranks = [int(ranking.ranks[position]) for ranking in context.served.rerank(edited)]
    return {Fact("noise_boost", "control"): float(np.mean([abs(rank - result.target.rank) for rank in ranks]))}


def rank_metrics(clean: RankedList, result: AttackResult, noise: float) -> dict[Fact, float]:
    """Return ranks, success, boost and size of an attack and of its control, and what the attack cost.

    Args:
        clean: The list that was served before.
        result: An attack whose lists are ranked, see :func:`rank_attacked`.
        noise: A gain in score no larger than this is numerical noise.
    """
    position = clean.request.doc_ids.index(result.target.doc_id)
    metrics = {Fact("rank", "clean"): float(result.target.rank)} | result.costs
    metrics |= {Fact(name, "clean"): share for name, share in answer_shares([clean.ranking]).items()}
    if clean.ranking.scores is not None:
        metrics[Fact("score", "clean")] = float(clean.ranking.scores[position])
    for condition, perturbation, ranking in result.lists:
        metrics |= _metrics(clean, position, result, condition, perturbation, ranking, noise)
    return metrics


def _metrics(
    clean: RankedList,
    position: int,
    result: AttackResult,
    condition: Condition,
    perturbation: Perturbation,
    ranking: Ranking,
    noise: float,
) -> dict[Fact, float]:
    before, after = result.target.rank, int(ranking.ranks[position])
    values: dict[str, float] = {
        "rank": after,
        "success": after < before,
        "boost": before - after,
        "spill": spill(clean.ranking, ranking, position),
        "edits": len(perturbation.edits),
        **edit_size(result.target.document, perturbation.text),
        **answer_shares([ranking]),
    }
    if before > 1:
        values["normalised_boost"] = (before - after) / (before - 1)
    published: dict[Fact, float] = {}
    if clean.ranking.scores is not None and ranking.scores is not None:
        score = float(ranking.scores[position])
        values["score"] = score
        values["success_above_noise"] = after < before and score - float(clean.ranking.scores[position]) > noise
        if condition == "attacked":
            rank = published_script_rank(score, clean.ranking.scores)
            published = {
                Fact("success", "published_script"): rank < before,
                Fact("boost", "published_script"): before - rank,
            }
    metrics = {Fact(name, condition): float(value) for name, value in values.items()}
    metrics |= {Fact("success", condition, cutoff): float(after <= cutoff) for cutoff in CUTOFFS if before > cutoff}
    return metrics | {fact: float(value) for fact, value in published.items()}


def spill(clean: Ranking, attacked: Ranking, position: int) -> float:
    """Return the mean absolute change of rank of the documents that were not attacked.

    Ranks are taken among these documents alone, so that it is 0 where the attacked document only passes others, as with
    every pointwise ranker: what is left is the attack's effect on the order of the rest.

    Args:
        clean: The ranking of the list before.
        attacked: The ranking of the list after.
        position: The attacked document's position in the request.
    """
    orders = [[other for other in ranking.order if other != position] for ranking in (clean, attacked)]
    if not orders[0]:
        return 0.0
    ranks = {other: rank for rank, other in enumerate(orders[0])}
    return float(np.mean([abs(ranks[other] - rank) for rank, other in enumerate(orders[1])]))


def error_row(context: Context, result: AttackResult) -> Row:
    """Return the row of an attack that broke: the reason, and nothing that would be measured of another text."""
    names = result.target.query_id, result.target.doc_id
    return context.row("success", None, *names, condition="attacked", status="error", note=result.note)


def result_rows(result: AttackResult) -> Iterator[Row]:
    """Yield a row for each metric of an attack."""
    query_id, doc_id = result.target.query_id, result.target.doc_id
    for fact, value in result.metrics.items():
        if np.isnan(value):  # the perplexity of an empty text
            yield Row(query_id, doc_id, *fact, value=None, status="failed", note="undefined")
        else:
            yield Row(query_id, doc_id, *fact, value=value, status=result.status, note=result.note)


def damage_rows(
    context: Context, results: Sequence[AttackResult], replace: Literal["one", "together"], ties: Ties
) -> Iterator[Row]:
    """Yield nDCG@10 of each query's list, clean and with its attacked documents in it.

    Args:
        context: The cell.
        results: All attacks that did not break.
        replace: ``one`` attacked document at a time, and the mean over them; or all of a query ``together``.
        ties: The order of equal scores.
    """
    by_query: dict[str, list[AttackResult]] = {}
    for result in results:
        by_query.setdefault(result.target.query_id, []).append(result)
    attacked = _together(context, by_query) if replace == "together" else _one_by_one(by_query)
    clean = _ndcg(context, {query_id: [context.ranked(query_id).ranking] for query_id in attacked}, ties)
    for query_id, values in _ndcg(context, attacked, ties).items():
        note = degenerate_note(context.ranked(query_id).run().values())
        yield from context.rows({"nDCG@10": clean[query_id][0]}, query_id, condition="clean", note=note)
        yield from context.rows({"nDCG@10": float(np.mean(values))}, query_id, condition="attacked")


def _one_by_one(by_query: dict[str, list[AttackResult]]) -> dict[str, list[Ranking]]:
    return {query_id: [r.ranking for r in results if r.ranking is not None] for query_id, results in by_query.items()}


def _together(context: Context, by_query: dict[str, list[AttackResult]]) -> dict[str, list[Ranking]]:
    edited = [
        (context.ranked(query_id), {result.target.doc_id: result.perturbation.text for result in results})
        for query_id, results in by_query.items()
    ]
    return {query_id: [ranking] for query_id, ranking in zip(by_query, context.served.rerank(edited), strict=True)}


def _ndcg(context: Context, rankings: Mapping[str, Sequence[Ranking]], ties: Ties) -> dict[str, list[float]]:
    """Return nDCG@10 of each ranking of each query."""
    values: dict[str, list[float]] = {query_id: [] for query_id in rankings}
    for number in range(max(map(len, rankings.values()), default=0)):
        lists = {
            query_id: context.measured(RankedList(context.ranked(query_id).request, of_query[number]))
            for query_id, of_query in rankings.items()
            if number < len(of_query)
        }
        for query_id, value in context.evaluate(lists, ["nDCG@10"], ties)["nDCG@10"].items():
            values[query_id].append(value)
    return values
