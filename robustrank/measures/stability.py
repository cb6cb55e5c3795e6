"""Rank-stability measures: similarity of two rankings of a query, as lists of document ids, best first.

Sources: Goren, Kurland, Tennenholtz, Raiber, "Ranking robustness under adversarial document manipulations", SIGIR 2018
(Kendall's tau distance and RBO between rankings); Webber, Moffat, Zobel, "A similarity measure for indefinite
rankings", TOIS 28(4), 2010 (RBO). Every measure of an empty ranking is nan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError


def kendall_tau_distance(before: Sequence[str], after: Sequence[str]) -> float:
    """Return the share of discordant document pairs: 0 for equal orders, 1 for the reverse.

    nan for fewer than two documents.

    Raises:
        DataError: A duplicate document, or a document in only one of the rankings.
    """
    ranks = _ranks(after)
    if _ranks(before).keys() != ranks.keys():
        different = sorted(ranks.keys() ^ set(before))
        raise DataError(
            f"{len(different)} documents are in only one of the two rankings, e.g. {different[0]!r}",
            allowed="two orders of the same documents",
            hint="rbo and top_k_overlap compare rankings of different documents",
        )
    order = np.array([ranks[doc_id] for doc_id in before])
    pairs = len(order) * (len(order) - 1) // 2
    # Row i, column j: the document at i before is ranked after the document at j; above the diagonal i < j.
    return float(np.count_nonzero(np.triu(order[:, None] > order[None, :])) / pairs) if pairs else math.nan


def rbo(before: Sequence[str], after: Sequence[str], p: float = 0.9, depth: int | None = None) -> float:
    """Return rank-biased overlap, truncated: (1 - p) * sum over d <= depth of p^(d-1) * overlap_d / d.

    Ranks below the depth count as different, so two equal lists have 1 - p^depth, not 1. This is the form of the
    published imitation-agreement script of PAT (p = 0.7, depth 1000).

    Args:
        before: The first ranking.
        after: The second ranking; its documents may differ.
        p: Persistence, in (0, 1): the larger, the deeper the comparison.
        depth: The last rank compared; None is the length of the longer ranking.

    Raises:
        DataError: A duplicate document.
        ValueError: ``p`` is not in (0, 1).
    """
    length = max(len(before), len(after)) if depth is None else depth
    if not before or not after or length < 1:
        return math.nan
    ranks = np.arange(1, length + 1)
    return _rank_biased(_overlaps(before, after, length) / ranks, p)


def top_k_overlap(before: Sequence[str], after: Sequence[str], k: int) -> float:
    """Return the share of the top k that two rankings have in common.

    If both are shorter than k, of the longer ranking.

    Raises:
        DataError: A duplicate document.
    """
    depth = min(k, max(len(before), len(after)))
    if not before or not after or depth < 1:
        return math.nan
    return float(_overlaps(before, after, depth)[-1] / depth)


def _rank_biased(agreement: NDArray[np.float64], p: float) -> float:
    if not 0 < p < 1:
        raise ValueError(f"p={p}; it must lie in (0, 1)")
    return float((1 - p) * (p ** np.arange(len(agreement)) * agreement).sum())


def _overlaps(before: Sequence[str], after: Sequence[str], depth: int) -> NDArray[np.int64]:
    """Return int64[depth], the number of documents in the top d of both, for d = 1 … depth."""
    first, second = _ranks(before), _ranks(after)
    shared = [max(rank, second[doc_id]) for doc_id, rank in first.items() if doc_id in second]
    counts = np.bincount(np.array([rank for rank in shared if rank < depth], dtype=np.int64), minlength=depth)
    return np.cumsum(counts)


def _ranks(ranked: Sequence[str]) -> dict[str, int]:
    """Return the 0-based rank of each document."""
    ranks = {doc_id: rank for rank, doc_id in enumerate(ranked)}
    if len(ranks) < len(ranked):
        raise DataError(f"{len(ranked) - len(ranks)} duplicate documents in a ranking of {len(ranked)}")
    return ranks
