"""Checks what a ranker answers: numbers for pairs, permutations for lists; anything else is the plug-in's error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from robustrank.errors import PluginError
from robustrank.plugins.failure import shown
from robustrank.rankers.ranker import Ranker
from robustrank.records import Pair, Ranking, Request, Scores


def checked_scores(ranker: Ranker, pairs: Sequence[Pair], answer: object) -> Scores:
    """Return the answer as float32[n].

    Raises:
        PluginError: It is not one finite real number a pair.
    """
    name, count = type(ranker).__name__, len(pairs)
    scores = _real(answer)
    if scores is None:
        raise PluginError(f"ranker {name} returned {shown(answer)}", allowed=f"float32[{count}], a real number a pair")
    if scores.shape != (count,):
        raise PluginError(f"ranker {name} returned shape {scores.shape}", allowed=f"({count},), a score a pair")
    wrong = np.flatnonzero(~np.isfinite(scores))
    if wrong.size:
        query, document = pairs[int(wrong[0])]
        raise PluginError(
            f"ranker {name} gave the score {scores[wrong[0]]} to {wrong.size} of {count} pairs",
            where=f"first: query {query[:60]!r}, document {document[:60]!r}",
            allowed="finite numbers",
        )
    return scores


def checked_rankings(ranker: Ranker, requests: Sequence[Request], answer: object) -> list[Ranking]:
    """Return the answer as one ranking a request.

    Raises:
        PluginError: It is not a list of rankings, an order is not a permutation of the candidates, or scores are not
            finite numbers, one a candidate.
    """
    name = type(ranker).__name__
    if not isinstance(answer, list | tuple) or len(answer) != len(requests):
        raise PluginError(f"ranker {name} returned {shown(answer)}", allowed=f"a list of {len(requests)} rankings")
    return [_checked_ranking(ranker, request, one) for request, one in zip(requests, answer, strict=True)]


def _checked_ranking(ranker: Ranker, request: Request, answer: object) -> Ranking:
    name, where = type(ranker).__name__, f"query {request.query_id!r}: {request.query[:60]!r}"
    if not isinstance(answer, Ranking):
        raise PluginError(f"ranker {name} returned {shown(answer)} for a list", where=where, allowed="a Ranking")
    order = _real(answer.order)
    if order is None or sorted(order.tolist()) != list(range(len(request))):
        raise PluginError(
            f"the order that ranker {name} returned is not a permutation of the candidates: {shown(answer.order)}",
            where=where,
            allowed=f"each of 0 to {len(request) - 1} once",
        )
    scores = None if answer.scores is None else checked_scores(ranker, request.pairs, answer.scores)
    if scores is not None:
        scores.flags.writeable = False  # rankings are shared by all who ask for the same list
    return replace(answer, order=tuple(int(position) for position in order), scores=scores)


def _real(answer: object) -> Scores | None:
    """Return an answer as float32[...], or None where it is not of real numbers."""
    try:
        values = np.asarray(answer)
    except BaseException:  # a ragged list, or an object whose conversion raises
        return None
    if values.dtype.kind not in "iuf" and values.size:
        return None
    with np.errstate(over="ignore"):  # a number beyond float32 becomes infinite, and is refused as such
        return np.array(values, dtype=np.float32)
