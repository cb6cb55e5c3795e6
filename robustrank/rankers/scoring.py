"""The scoring engine in front of every ranker: each distinct pair once, the cache first, no bad score let through."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robustrank.errors import PluginError, RobustrankError
from robustrank.rankers.cache import ScoreCache
from robustrank.rankers.ranker import Pair, Ranker, Scores


class Scorer:
    """Answers with a ranker's scores.

    Attributes:
        ranker: Who answers.
        identity: What produced the scores; the cache holds them under it.
        scored, cached: How many distinct pairs the ranker scored, and how many the cache knew.
    """

    def __init__(self, ranker: Ranker, identity: str = "", cache: ScoreCache | None = None) -> None:
        self.ranker, self.identity, self._cache = ranker, identity, cache
        self.scored = self.cached = 0

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], one score a pair.

        Raises:
            PluginError: The ranker raised, or answered with the wrong shape, NaN or infinity.
            DataError: The cache cannot be used.
        """
        distinct = list(dict.fromkeys(pairs))
        known = self._cache.get(self.identity, distinct) if self._cache else {}
        fresh = [pair for pair in distinct if pair not in known]
        if fresh:
            scores = dict(zip(fresh, self._ask(fresh).tolist(), strict=True))
            if self._cache:
                self._cache.put(self.identity, scores)
            known.update(scores)
        self.scored += len(fresh)
        self.cached += len(distinct) - len(fresh)
        return np.array([known[pair] for pair in pairs], dtype=np.float32)

    def _ask(self, pairs: Sequence[Pair]) -> Scores:
        name = type(self.ranker).__name__
        try:
            scores = np.asarray(self.ranker.score(pairs), dtype=np.float32)
        except RobustrankError:
            raise
        except Exception as error:
            raise PluginError(
                f"ranker {name} raised {type(error).__name__}: {error}",
                where=f"while it scored {len(pairs)} pairs",
            ) from error
        if scores.shape != (len(pairs),):
            raise PluginError(
                f"ranker {name} returned shape {scores.shape}", allowed=f"({len(pairs)},), a score a pair"
            )
        wrong = np.flatnonzero(~np.isfinite(scores))
        if wrong.size:
            query, document = pairs[int(wrong[0])]
            raise PluginError(
                f"ranker {name} gave the score {scores[wrong[0]]} to {wrong.size} of {len(pairs)} pairs",
                where=f"first: query {query[:60]!r}, document {document[:60]!r}",
                allowed="finite numbers",
            )
        return scores
