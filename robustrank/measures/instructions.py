"""Measures of following instructions: the change of ranks that an instruction asks for, and the worst instruction.

Sources: p-MRR: Weller et al.: FollowIR, NAACL 2025, arXiv 2403.15246; robustness@k: Oh et al.: INSTRUCTIR, 2024, arXiv
2402.14334.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from robustrank.errors import DataError


def p_mrr(before: Mapping[str, int], after: Mapping[str, int], changed: Sequence[str]) -> float:
    """Return p-MRR of a query in [-1, 1]: 1 where no longer relevant documents fall far, -1 where they rise.

    Args:
        before: Document id to its 1-based rank with the original instruction.
        after: The same with the changed instruction.
        changed: The documents that the change makes non-relevant; nan if there are none.

    Raises:
        DataError: A document is missing in a ranking.
    """
    if missing := [doc_id for doc_id in changed if doc_id not in before or doc_id not in after]:
        raise DataError(f"{len(missing)} documents are not in both rankings, e.g. {missing[0]!r}")
    values = [_change(before[doc_id], after[doc_id]) for doc_id in changed]
    return float(np.mean(values)) if values else float("nan")


def robustness_at(values: Mapping[str, Sequence[float]]) -> float:
    """Return robustness@k: the mean over queries of the least value over instructions.

    Args:
        values: Query to nDCG@k under each instruction.

    Raises:
        DataError: A query without an instruction, or no query.
    """
    if not values or not all(values.values()):
        raise DataError("robustness@k needs a value of each query under one instruction or more")
    return float(np.mean([min(of_query) for of_query in values.values()]))


def _change(before: int, after: int) -> float:
    """Return the change of a reciprocal rank, relative to the larger: above 0 where the document falls."""
    return after / before - 1 if before >= after else 1 - before / after
