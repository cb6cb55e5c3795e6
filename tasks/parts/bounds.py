"""Upper bounds on model calls, from the collection and the attack alone: what the dry run of a task tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from heapq import nlargest

from robustrank.attack import PlannedTarget
from robustrank.engine.context import Context

from .targets import unattacked_queries


def list_lengths(context: Context, query_ids: Sequence[str]) -> dict[str, int]:
    """Return the number of candidates of each query; of a pipeline the most that there may be."""
    return {query_id: context.listed(query_id) for query_id in query_ids}


def document_attack_calls(
    context: Context,
    targets: Mapping[str, Sequence[str]],
    counts: Mapping[str, int],
    queries: int | None,
    model_calls: int | None,
) -> int | None:
    """Return how many model calls the cell's attack on documents makes at most, in ``prepare`` too; None: not known.

    Which documents are attacked is not known before they are ranked: of each query the costliest are counted.

    Args:
        context: The cell.
        targets: The documents that may be attacked, by query.
        counts: How many of them are attacked, by query.
        queries: The budget of queries of a target; None is no limit.
        model_calls: The budget of model calls of a target; None is no limit.
    """
    lengths, documents = list_lengths(context, list(targets)), context.collection.documents
    cost = _target_cost(context, queries, model_calls)
    prepared = context.attack.prepare_bound(unattacked_queries(context, list(targets)))
    if cost is None or prepared is None:
        return None
    return prepared + sum(
        sum(nlargest(counts[q], (cost(PlannedTarget(documents[d], lengths[q])) for d in targets[q]))) for q in targets
    )


def query_attack_calls(context: Context, query_ids: Sequence[str], variants: int, queries: int | None) -> int | None:
    """Return how many model calls the cell's attack on queries makes at most, in ``prepare`` too; None: not known."""
    cost = _target_cost(context, queries, None, ranks_lists=True)
    prepared = context.attack.prepare_bound(unattacked_queries(context, query_ids))
    if cost is None or prepared is None:
        return None
    texts = context.collection.queries
    lengths = list_lengths(context, query_ids)
    return prepared + sum(variants * cost(PlannedTarget(texts[q], lengths[q])) for q in query_ids)


def _target_cost(
    context: Context, queries: int | None, model_calls: int | None, ranks_lists: bool = False
) -> Callable[[PlannedTarget], int] | None:
    """Return what tells the model calls of a target: its queries, each a call, or one for each document of the list."""
    bound = context.attack.target_bound(context.whole)
    if bound is None and queries is None and model_calls is None:
        return None
    is_single = context.is_pointwise_ranker and not ranks_lists
    known: dict[PlannedTarget, int] = {}

    def cost(target: PlannedTarget) -> int:
        if target not in known:
            texts = [limit for limit in (queries, bound(target) if bound else None) if limit is not None]
            calls = [min(texts) * (1 if is_single else target.listed)] if texts else []
            known[target] = min([*calls, *([model_calls] if model_calls is not None else [])])
        return known[target]

    return cost
