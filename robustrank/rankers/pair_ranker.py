"""Rankers of pairs that other rankers are built on."""

from __future__ import annotations

from robustrank.errors import UsageError
from robustrank.plugins import create
from robustrank.plugins.specification import parse
from robustrank.rankers.ranker import PointwiseRanker, Ranker


def pair_ranker(specification: str) -> PointwiseRanker:
    """Return the ranker of a specification, neither prepared nor trained.

    Raises:
        UsageError: It ranks lists.
    """
    ranker: Ranker = create("ranker", parse(specification))
    if not isinstance(ranker, PointwiseRanker):
        raise UsageError(f"ranker {specification!r} ranks lists", allowed="a ranker of pairs, as bm25")
    return ranker
