"""Session DCG: the gain of several queries in a row, discounted by rank and by the query's place in the session.

Source: Järvelin, Price, Delcambre, Nielsen: Discounted Cumulated Gain Based Evaluation of Multiple-Query IR Sessions,
ECIR 2008; in the form of Jiang, Allan: Correlation Between System and User Metrics in a Session, CHIIR 2016.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

RANK_BASE, QUERY_BASE = 2.0, 4.0  # of the logarithms that discount ranks and queries


def session_dcg(
    lists: Sequence[Sequence[int]], rank_base: float = RANK_BASE, query_base: float = QUERY_BASE, cutoff: int = 10
) -> float:
    """Return sDCG: sum over queries q of 1 / log_bq(q - 1 + bq) times sum over ranks i of (2^y - 1) / log_b(i - 1 + b).

    Args:
        lists: The gains of each query's list, best rank first, in the order of the session; gains below 0 count 0.
        rank_base: b, above 1.
        query_base: bq, above 1.
        cutoff: Ranks that count.

    Raises:
        ValueError: A base is not above 1.
    """
    if min(rank_base, query_base) <= 1:
        raise ValueError(f"bases of logarithms are above 1, not {rank_base:g} and {query_base:g}")
    total = 0.0
    for number, gains in enumerate(lists):
        values = 2.0 ** np.maximum(np.asarray(gains[:cutoff], dtype=np.float64), 0) - 1
        discounts = np.log(np.arange(len(values)) + rank_base) / math.log(rank_base)
        total += float((values / discounts).sum()) * math.log(query_base) / math.log(number + query_base)
    return total


def normalised_session_dcg(lists: Sequence[Sequence[int]], judged: Sequence[Sequence[int]], cutoff: int = 10) -> float:
    """Return sDCG over that of the best lists of the judged gains of each query; nan where nothing is relevant.

    Args:
        lists: As of :func:`session_dcg`.
        judged: All judged gains of each query.
        cutoff: Ranks that count.
    """
    ideal = session_dcg([sorted(gains, reverse=True) for gains in judged], cutoff=cutoff)
    return session_dcg(lists, cutoff=cutoff) / ideal if ideal else math.nan
