"""How alike two rankings of one query are: rank-stability measures of lists of document ids, best first.

Sources: Goren, Kurland, Tennenholtz, Raiber, "Ranking robustness under adversarial document manipulations",
SIGIR 2018 (top change, Kendall's tau distance and RBO between rankings); Webber, Moffat, Zobel, "A similarity
measure for indefinite rankings", TOIS 28(4), 2010 (RBO). An empty ranking has no measure: nan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError


def top_change(before: Sequence[str], after: Sequence[str]) -> float:
    """Return 1.0 when another document stands first, else 0.0."""
    return float(before[0] != after[0]) if before and after else math.nan


def kendall_tau_distance(before: Sequence[str], after: Sequence[str]) -> float:
    """Return the share of document pairs that stand the other way round: 0 for one order, 1 for the reverse.

    nan for fewer than two documents.

    Raises:
        DataError: A document stands twice, or in one ranking only: the distance is between orders of one set.
    """
    places = _places(after)
    if _places(before).keys() != places.keys():
        different = sorted(places.keys() ^ set(before))
        raise DataError(
            f"{len(different)} documents stand in one of the two rankings only, as {different[0]!r}",
            allowed="two orders of the same documents",
            hint="rbo and top_k_overlap compare rankings of different documents",
        )
    order = np.array([places[doc_id] for doc_id in before])
    pairs = len(order) * (len(order) - 1) // 2
    # Row i, column j: what stood at i came to stand behind what stood at j; above the diagonal i < j.
    return float(np.count_nonzero(np.triu(order[:, None] > order[None, :])) / pairs) if pairs else math.nan


def rbo(before: Sequence[str], after: Sequence[str], p: float = 0.9, depth: int | None = None) -> float:
    """Return rank-biased overlap, truncated: (1 - p) * sum over d <= depth of p^(d-1) * overlap_d / d.

    What lies below the depth counts as different, so two equal lists have 1 - p^depth, not 1. The form that
    the published imitation-agreement script of PAT prints (p = 0.7, depth 1000); :func:`rbo_ext` has no such
    ceiling.

    Args:
        before: A ranking.
        after: Another; it may hold other documents.
        p: Persistence, in (0, 1): the larger, the deeper the comparison.
        depth: The last rank compared; None is the length of the longer ranking.

    Raises:
        DataError: A document stands twice.
        ValueError: ``p`` is not in (0, 1).
    """
    length = max(len(before), len(after)) if depth is None else depth
    if not before or not after or length < 1:
        return math.nan
    ranks = np.arange(1, length + 1)
    return _rank_biased(_overlaps(before, after, length) / ranks, p)


def rbo_ext(before: Sequence[str], after: Sequence[str], p: float = 0.9) -> float:
    """Return extrapolated rank-biased overlap, RBO_EXT: equal lists have 1 (Webber et al. 2010, equation 32).

    The agreement at the end of the lists is taken to go on below it; where one list ends first, its unseen
    documents are taken to agree as its seen ones do.

    Args:
        before: A ranking.
        after: Another; it may hold other documents, and be shorter or longer.
        p: Persistence, in (0, 1).

    Raises:
        DataError: A document stands twice.
        ValueError: ``p`` is not in (0, 1).
    """
    if not before or not after:
        return math.nan
    short, long = sorted((len(before), len(after)))
    ranks = np.arange(1, long + 1)
    overlaps = _overlaps(before, after, long)
    unseen = np.maximum(0, ranks - short) * overlaps[short - 1] / short
    agreement = (overlaps + unseen) / ranks
    return _rank_biased(agreement, p) + float(p**long * agreement[-1])


def top_k_overlap(before: Sequence[str], after: Sequence[str], k: int) -> float:
    """Return the share of the top k that two rankings have in common.

    Of the longer ranking when both are shorter than k.

    Raises:
        DataError: A document stands twice.
    """
    depth = min(k, max(len(before), len(after)))
    if not before or not after or depth < 1:
        return math.nan
    return float(_overlaps(before, after, depth)[-1] / depth)


def _rank_biased(agreement: NDArray[np.float64], p: float) -> float:
    if not 0 < p < 1:
        raise ValueError(f"p is {p}; allowed: between 0 and 1, both excluded")
    return float((1 - p) * (p ** np.arange(len(agreement)) * agreement).sum())


def _overlaps(before: Sequence[str], after: Sequence[str], depth: int) -> NDArray[np.int64]:
    """Return int64[depth], the number of documents in the top d of both, for d = 1 … depth."""
    first, second = _places(before), _places(after)
    met = [max(place, second[doc_id]) for doc_id, place in first.items() if doc_id in second]
    counts = np.bincount(np.array([place for place in met if place < depth], dtype=np.int64), minlength=depth)
    return np.cumsum(counts)


def _places(ranked: Sequence[str]) -> dict[str, int]:
    places = {doc_id: place for place, doc_id in enumerate(ranked)}
    if len(places) < len(ranked):
        raise DataError(f"{len(ranked) - len(places)} documents stand more than once in a ranking of {len(ranked)}")
    return places
