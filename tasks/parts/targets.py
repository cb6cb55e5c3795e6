"""Which documents are attacked: the papers' samples of the ranked list, by bands of ranks."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.engine.context import Context
from robustrank.plugins.values import excerpt
from robustrank.rankers.ranker import GradientRanker
from robustrank.records import Candidate
from robustrank.victim import Access

NO_CANDIDATES = "the query has no candidates: there is nothing to attack"
# Easy-5 and Hard-5 as EMPRA and IDEM sample them (Chen et al., Findings of ACL 2023; see docs/attacks.md).
NAMED = {"easy-5": ("51-60", "61-70", "71-80", "81-90", "91-100"), "hard-5": ("last-5",)}
_BAND = re.compile(r"(\d{1,9})-(\d{1,9})\Z")
_LAST = re.compile(r"last-(\d{1,9})\Z")


def rank_bands(names: Sequence[str]) -> tuple[str, ...]:
    """Return the bands ``names`` stand for.

    Raises:
        ValueError: A name is neither a set of targets, nor a band of ranks, nor ``last-N``.
    """
    bands: list[str] = []
    for name in names:
        band, last = _BAND.match(name), _LAST.match(name)
        if name in NAMED:
            bands += NAMED[name]
        elif (last and int(last[1]) >= 1) or (band and 1 <= int(band[1]) <= int(band[2])):
            bands.append(name)
        else:
            raise ValueError(
                f"{excerpt(name)} is no set of targets; allowed: easy-5, hard-5, a band of ranks from 1 as 51-60, "
                "or last-5 with at least 1"
            )
    return tuple(bands)


def sample_targets(
    ranked: Sequence[Candidate], names: Sequence[str], rng: np.random.Generator
) -> tuple[list[int], list[str]]:
    """Return the ranks (1-based) of the targets, and the bands the list is too short for.

    A band ``51-60`` gives one document drawn from these ranks; ``last-5`` the last five.
    """
    ranks: list[int] = []
    missing: list[str] = []
    for name in rank_bands(names):
        last = _LAST.match(name)
        if last:
            ranks += range(max(1, len(ranked) - int(last[1]) + 1), len(ranked) + 1)
            continue
        low, high = (int(part) for part in name.split("-"))
        if low > len(ranked):
            missing.append(name)
        else:
            ranks.append(int(rng.integers(low, min(high, len(ranked)) + 1)))
    return list(dict.fromkeys(ranks)), missing


def target_count(names: Sequence[str], listed: int) -> int:
    """Return how many targets :func:`sample_targets` draws at most from a list of so many documents."""
    counts = [
        min(int(last[1]), listed) if (last := _LAST.match(name)) else int(int(name.split("-")[0]) <= listed)
        for name in rank_bands(names)
    ]
    return sum(counts)


def unattacked_queries(context: Context, attacked: Sequence[str]) -> Collection:
    """Return the collection with the queries that are not attacked and have candidates: what an attack prepares on.

    Where all queries are attacked it has none, and an attack that learns from queries has nothing to learn from.
    """
    candidates, left_out = context.whole.candidates, set(attacked)
    return context.whole.only([q for q in context.whole.queries if candidates[q] and q not in left_out])


def beyond_grant(needed: Access, granted: Access) -> str:
    """Return why an attack that needs some access is not run by a task that grants so much, or an empty string."""
    if needed <= granted:
        return ""
    return f"the attack needs {needed.name.lower()}, and the task grants {granted.name.lower()} at most"


def unsuited_ranker(context: Context, query_ids: Sequence[str]) -> str:
    """Return why the cell's attack does not apply to the ranker that is served, or an empty string.

    It tells what planning could not know. The first list that is not empty shows whether the ranker gives scores.
    """
    needed = context.attack.access
    if needed == Access.GRADIENTS and not isinstance(context.served.ranker.differentiated, GradientRanker):
        return "the attack needs gradients, and this ranker has none"
    lists = (served for query_id in query_ids if len((served := context.ranked(query_id)).request))
    if needed >= Access.SCORES and (first := next(lists, None)) and first.ranking.scores is None:
        return "the attack needs scores, and this ranker gives none"
    return ""
