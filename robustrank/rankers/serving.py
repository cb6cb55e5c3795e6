"""Serves a ranker: distinct pairs and lists are computed once, cached, and every answer is validated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from time import monotonic, sleep
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import PluginError
from robustrank.plugins.failure import plugin_code
from robustrank.rankers.answers import checked_rankings, checked_scores
from robustrank.rankers.cache import ScoreCache
from robustrank.rankers.ranker import (
    BATCH,
    FP32_NOISE,
    GradientRanker,
    PointwiseRanker,
    Ranker,
    ranking_by_score,
    rankings_by_score,
)
from robustrank.records import Pair, RankedList, Ranking, Request, Scores
from robustrank.steps import Steps

SLICE, LIST_SLICE = 4096, 64  # pairs, and lists, that a ranker is given at once
SECONDS = 1.0  # between two writes of a slice's scores into the cache: a kill loses these, and a batch
PAUSE = 0.05  # between two looks whether another process has computed something
PROBES = 4  # pairs that a pointwise ranker is probed with
Item = TypeVar("Item", Pair, Request)
Answer = TypeVar("Answer")
Edited = tuple[RankedList, Mapping[str, str]]  # a served list, and new texts of some of its documents by id


class ServedRanker:
    """A ranker as tasks, attacks and certificates meet it.

    Attributes:
        ranker: The ranker.
        scored, cached: Distinct pairs that the ranker scored, and that the cache knew.
        ranked, lists_cached: Distinct lists that a list ranker ranked, and that the cache knew.

    Args:
        ranker: The ranker, prepared for its collection.
        identity: Everything that decides an answer, as the framework computed it: the key of the cache.
        cache: Keeps answers; None keeps nothing.
    """

    def __init__(self, ranker: Ranker, identity: str = "", cache: ScoreCache | None = None) -> None:
        self.ranker, self.identity, self._cache = ranker, identity, cache
        self.scored = self.cached = self.ranked = self.lists_cached = 0
        self._is_probed = self._is_differentiated = False

    @property
    def is_pointwise(self) -> bool:
        """Whether a score depends on its pair alone."""
        return isinstance(self.ranker, PointwiseRanker)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], one score a pair.

        Raises:
            PluginError: The ranker is a list ranker, raised, answered with something else than finite numbers, or is
                not pointwise though it says so.
            DataError: The cache cannot be used.
        """
        distinct = list(dict.fromkeys(pairs))
        known = self._cache.get(self.identity, distinct) if self._cache else {}
        steps, scored = Steps(len(distinct) - len(known), "pairs"), self.scored

        def score(fresh: list[Pair]) -> Mapping[Pair, float]:
            self.scored += len(fresh)
            return dict(zip(fresh, self._fresh_scores(fresh, steps).tolist(), strict=True))

        look_up = partial(self._cache.get, self.identity) if self._cache else None
        self._complete(known, distinct, lambda: self._at_once(SLICE) if self._is_probed else BATCH, score, look_up)
        self.cached += len(distinct) - (self.scored - scored)
        return np.array([known[pair] for pair in pairs], dtype=np.float32)

    def parts_read(self, query: str, document: str) -> Sequence[tuple[int, int]] | None:
        """Return the characters of the document that the ranker reads beside this query, in order; None: not known.

        Raises:
            PluginError: The ranker raised, or answered with something else.
        """
        name = f"ranker {type(self.ranker).__name__}"
        with plugin_code(name, "characters_read()"):
            parts = self.ranker.parts_read(query, document)
        bounds = [0, *(bound for part in parts or () for bound in part), len(document)]
        if any(isinstance(b, bool) or not isinstance(b, int) for b in bounds) or bounds != sorted(bounds):
            raise PluginError(
                f"{name} says that it reads {parts!r} of a document of {len(document)} characters",
                where="characters_read() or parts_read()",
                allowed="whole numbers from 0 to the length of the document, in order, or None",
            )
        return parts

    def rank(self, requests: Sequence[Request]) -> list[Ranking]:
        """Return a ranking for each request, without asking the ranker about an empty list.

        See :meth:`score` for what it raises.
        """
        if self.is_pointwise:
            return rankings_by_score(requests, self.score)
        distinct = [request for request in dict.fromkeys(requests) if len(request)]
        known = self._cache.get_rankings(self.identity, distinct) if self._cache else {}
        steps, ranked = Steps(len(distinct) - len(known), "lists"), self.ranked

        def rank(lists: list[Request]) -> Mapping[Request, Ranking]:
            self.ranked += len(lists)
            rankings = dict(zip(lists, checked_rankings(self.ranker, lists, self._asked_to_rank(lists)), strict=True))
            if self._cache:
                self._cache.put_rankings(self.identity, rankings)
            steps.advance(len(lists))
            return rankings

        look_up = partial(self._cache.get_rankings, self.identity) if self._cache else None
        self._complete(known, distinct, lambda: self._at_once(LIST_SLICE), rank, look_up)
        self.lists_cached += len(distinct) - (self.ranked - ranked)
        return [known[request] if len(request) else Ranking(()) for request in requests]

    def rank_anew(self, requests: Sequence[Request]) -> list[Ranking]:
        """Return rankings that are computed whatever is cached, and kept nowhere.

        For repeats, and for lists that are met once and are too many to keep.

        Raises:
            PluginError: The ranker raised, or answered with something else than a ranking.
        """
        lists = [request for request in requests if len(request)]
        rankings = iter(checked_rankings(self.ranker, lists, self._asked_to_rank(lists)) if lists else ())
        if self.is_pointwise:
            self.scored += sum(map(len, lists))
        else:
            self.ranked += len(lists)
        return [next(rankings) if len(request) else Ranking(()) for request in requests]

    def rerank(self, edited: Sequence[Edited]) -> list[Ranking]:
        """Return the ranking of each list with the new texts of its documents.

        A list ranker ranks the whole list again. A pointwise ranker scores the new texts alone: what else is in the
        list keeps its score.
        """
        if not self.is_pointwise:
            return self.rank([served.request.replaced(texts) for served, texts in edited])
        scores = iter(self.score([(s.request.query, text) for s, texts in edited for text in texts.values()]).tolist())
        rankings = []
        for served, texts in edited:
            new = {doc_id: next(scores) for doc_id in texts}
            rankings.append(_with_new_scores(served, new))
        return rankings

    def refuse_foreign_gradients(self, query: str, document: str) -> None:
        """Refuse, once, a ranker whose gradients come with another score than it gives: they are of another input.

        Raises:
            PluginError: The two scores of the pair differ by more than rounding.
        """
        ranker = self.ranker.differentiated
        if self._is_differentiated or not (isinstance(ranker, PointwiseRanker) and isinstance(ranker, GradientRanker)):
            return
        with plugin_code(f"ranker {type(ranker).__name__}", "gradients()"):
            by_gradients = float(ranker.gradients(query, [ranker.encode(query, document)])[0][0])
            score = float(ranker.score([(query, document)])[0])
        allowed = max(getattr(ranker, "noise", 0.0), FP32_NOISE) * 10 * max(1.0, abs(score))
        if not abs(score - by_gradients) <= allowed:
            raise PluginError(
                f"ranker {type(ranker).__name__} scores {score:g} by score() and {by_gradients:g} by gradients()",
                where=f"query {query[:60]!r}, document {document[:60]!r}",
                allowed=f"differences up to {allowed:g}",
                hint="gradients() has to read the very ids and mask that score() reads",
            )
        self._is_differentiated = True

    def _at_once(self, size: int) -> int:
        """Return the size of a slice: a smaller one where others want some of it, too, so that all compute a part."""
        return size // 8 if self._cache and self._cache.is_shared else size

    def _complete(
        self,
        known: dict[Item, Answer],
        wanted: Sequence[Item],
        size: Callable[[], int],
        compute: Callable[[list[Item]], Mapping[Item, Answer]],
        look_up: Callable[[Sequence[Item]], Mapping[Item, Answer]] | None,
    ) -> None:
        """Add what is wanted to what is known; what another process computes is waited for.

        Args:
            known: Answers.
            wanted: Pairs or lists.
            size: How many are computed at once.
            compute: Computes answers, and puts them into the cache.
            look_up: What the cache knows; None without a cache.
        """
        left = [item for item in wanted if item not in known]
        while left:
            start = 0
            while start < len(left):
                some = left[start : start + size()]
                start += len(some)
                with self._cache.claimed(self.identity, some) if self._cache else nullcontext(some) as mine:
                    known.update(compute(mine) if mine else {})
            left = [item for item in left if item not in known]
            if left and look_up:
                known.update(look_up(left))
                left = [item for item in left if item not in known]
                sleep(PAUSE if left else 0.0)

    def _asked_to_rank(self, requests: list[Request]) -> object:
        with plugin_code(f"ranker {type(self.ranker).__name__}", f"while it ranked {len(requests)} lists"):
            return self.ranker.rank(tuple(requests))

    def _fresh_scores(self, pairs: list[Pair], steps: Steps) -> Scores:
        """Return the scores of distinct pairs, which are in the cache then; those of a ranker not yet probed at last.

        Others are put there as they come, so that a kill loses the last of them only.
        """
        scores, unsaved, saved = np.full(len(pairs), np.nan, dtype=np.float32), np.empty(0, dtype=np.int64), monotonic()
        for positions, values in self._scored_in_batches(pairs):
            scores[positions], unsaved = values, np.concatenate([unsaved, positions])
            steps.advance(len(positions))
            if self._is_probed and monotonic() - saved > SECONDS:
                self._save(pairs, scores, unsaved)
                unsaved, saved = unsaved[:0], monotonic()
        checked_scores(self.ranker, pairs, scores)  # none may be missing
        if not self._is_probed:
            self._probe(pairs, scores)
        self._save(pairs, scores, unsaved)
        return scores

    def _save(self, pairs: list[Pair], scores: Scores, positions: NDArray[np.int64]) -> None:
        if self._cache:
            self._cache.put(self.identity, {pairs[i]: float(scores[i]) for i in positions.tolist()})

    def _scored_in_batches(self, pairs: list[Pair]) -> Iterator[tuple[NDArray[np.int64], Scores]]:
        ranker = self._pointwise()
        failure = plugin_code(f"ranker {type(ranker).__name__}", f"while it scored {len(pairs)} pairs")
        with failure:
            batches = iter(ranker.score_in_batches(tuple(pairs)))
        while True:
            with failure:
                batch = next(batches, None)
            if batch is None:
                return
            positions, scores = batch
            yield positions, checked_scores(ranker, [pairs[i] for i in positions.tolist()], scores)

    def _asked_to_score(self, pairs: list[Pair]) -> Scores:
        ranker = self._pointwise()
        with plugin_code(f"ranker {type(ranker).__name__}", f"while it scored {len(pairs)} pairs"):
            scores = ranker.score(tuple(pairs))
        return checked_scores(ranker, pairs, scores)

    def _pointwise(self) -> PointwiseRanker:
        if not isinstance(self.ranker, PointwiseRanker):
            raise PluginError(
                f"ranker {type(self.ranker).__name__} ranks lists and scores no single pairs",
                hint="ask it to rank; what needs scores of single texts does not work with list rankers",
            )
        return self.ranker

    def _probe(self, pairs: list[Pair], scores: Scores) -> None:
        """Refuse a pointwise ranker whose scores depend on their company; needs two documents of one query."""
        sample = _sample(pairs)
        if len(sample) < 2:
            return
        together = scores[[pairs.index(pair) for pair in sample]]
        alone = np.concatenate([self._asked_to_score([pair]) for pair in sample])
        turned = self._asked_to_score(sample[::-1])[::-1]
        self._refuse_moves(sample, alone, {"in company": together, "in reversed company": turned})
        self._is_probed = True

    def _refuse_moves(self, sample: list[Pair], alone: Scores, others: Mapping[str, Scores]) -> None:
        allowed = getattr(self.ranker, "noise", 0.0) * max(1.0, float(np.abs(alone).max()))
        for company, scores in others.items():
            moves = np.abs(scores.astype(np.float64) - alone)
            worst = int(moves.argmax())
            if moves[worst] > allowed:
                query, document = sample[worst]
                raise PluginError(
                    f"ranker {type(self.ranker).__name__} is declared pointwise, and a score moved from "
                    f"{alone[worst]:g} (alone) to {scores[worst]:g} ({company})",
                    where=f"query {query[:60]!r}, document {document[:60]!r}",
                    allowed=f"moves up to {allowed:g}",
                    hint="if a score depends on the list, subclass Ranker and implement rank(requests); "
                    "if not, pad, normalise and draw so that a score depends on its pair alone",
                )


def _sample(pairs: Sequence[Pair]) -> list[Pair]:
    """Return some documents of the query that has most of them, and one pair of another query."""
    query = Counter(query for query, _ in pairs).most_common(1)[0][0]
    group = [pair for pair in pairs if pair[0] == query]
    if len(group) < 2:
        return []
    spread = group[:: max(1, (len(group) - 1) // (PROBES - 1))][:PROBES]
    return [*spread, *[pair for pair in pairs if pair[0] != query][:1]]


def _with_new_scores(served: RankedList, new: Mapping[str, float]) -> Ranking:
    """Return a pointwise ranking with some documents' scores replaced."""
    if served.ranking.scores is None:
        raise PluginError("a pointwise ranker's list has no scores")
    scores = served.ranking.scores.copy()
    for doc_id, score in new.items():
        scores[served.request.doc_ids.index(doc_id)] = score
    return ranking_by_score(served.request, scores, calls=len(new))
