"""Effectiveness measures as a parameter of tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from robustrank.engine.context import Context
from robustrank.measures.measure_names import parse_measure
from robustrank.plugins.constraints import Checked, Several

Measures = Several[Annotated[str, Checked(parse_measure, "measure, as nDCG@10, AP(rel=2)@100 or RR")]]


def pool_recall(context: Context, lists: Mapping[str, Sequence[str]]) -> dict[str, dict[str, float]]:
    """Return the recall of candidates at the depth of the cell's first stage, by measure and query; none without one.

    Args:
        context: The cell.
        lists: Query id to the ids of the candidates, whatever a ranker makes of them.
    """
    if context.first_stage is None:
        return {}
    run = {query_id: {doc_id: -float(rank) for rank, doc_id in enumerate(ids)} for query_id, ids in lists.items()}
    return context.evaluate(run, (f"R@{context.first_stage.depth}",))


def with_recall(
    context: Context, values: Mapping[str, dict[str, float]], query_ids: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return values by measure and query, and the recall of the unchanged queries' candidates beside them."""
    return {**values, **pool_recall(context, {q: context.request(q).doc_ids for q in query_ids})}
