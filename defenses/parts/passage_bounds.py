"""The range of a score of passages over edits of a document, from the ranges of the passages' scores.

Every aggregate increases with each passage's score, and substitutions move no window: words keep their number. So the
aggregate of the passages' bounds bounds that of their scores. R words are in at most R * ceil(length / stride) windows,
where no words are put before passages: of a mean and a sum, no more scores than that change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from robustrank.certification.term_edits import Relation, Substitution
from robustrank.certification.term_scores import SLACK, TermScore
from robustrank.rankers.parts import Part
from robustrank.rankers.passages import PassagesRanker
from robustrank.rankers.ranker import TermRanker

from .term_bounds import TermBounds


@dataclass(frozen=True)
class PassageScore:
    """The score of a document, and what edits make of it.

    Attributes:
        ranker: Aggregates.
        passages: The passages.
        scores: The score of each as a sum over terms.
    """

    ranker: PassagesRanker
    passages: Sequence[Part]
    scores: Sequence[TermScore]

    def lowest(self, radius: int | None) -> float:
        """Return a number below which the score is after no edit of at most ``radius`` words; None is all words."""
        return self._bound([score.lowest(radius) for score in self.scores], radius, -1)

    def highest(self, radius: int | None) -> float:
        """Return a number that the score exceeds after no edit of at most ``radius`` words; None is all words."""
        return self._bound([score.highest(radius) for score in self.scores], radius, 1)

    def interval(self, radius: int | None) -> tuple[float, float]:
        """Return what the score is between after any edit of at most ``radius`` words; None is all words."""
        return self.lowest(radius), self.highest(radius)

    def greedy_edits(self, radius: int | None) -> Iterator[tuple[int, Substitution]]:
        """Yield the greedy edits of the passage that can score highest, by the index of a word in the document."""
        reach = [score.highest(radius) for score in self.scores]
        best = 0 if self.ranker.aggregate == "first" else int(np.argmax(reach))
        edited: set[int] = set()
        for index, substitution in self.scores[best].greedy_edits(radius):
            word = self.passages[best].words[index]
            if word not in edited:  # a word of the lead may stand in a passage twice
                edited.add(word)
                yield word, substitution

    def _bound(self, bounds: Sequence[float], radius: int | None, direction: int) -> float:
        """Return the aggregate where the passages, whose scores are served in single precision, are at their bounds."""
        ranker, ends = self.ranker, np.array(bounds, dtype=np.float32)
        if ranker.aggregate in ("mean", "sum") and radius is not None and not ranker.lead_words:
            clean = np.array([score.value() for score in self.scores], dtype=np.float32)
            clean = np.nextafter(clean, np.float32(direction * np.inf))  # terms are summed in another order
            moves = abs(ranker.squashed(ends.astype(np.float64)) - ranker.squashed(clean.astype(np.float64)))
            most = radius * -(-ranker.length // ranker.stride)
            unchanged = np.argsort(-moves, kind="stable")[most:]
            ends[unchanged] = (np.minimum if direction > 0 else np.maximum)(ends, clean)[unchanged]
        value = ranker.aggregated(ends.astype(np.float64))
        return value + direction * SLACK * (1 + abs(value))


class PassageBounds:
    """The scores of documents by their passages, with what edits make of them.

    Args:
        ranker: The ranker of passages.
        relation: What may be written for a word.
    """

    def __init__(self, ranker: PassagesRanker, relation: Relation) -> None:
        self._ranker, self._bounds = ranker, TermBounds(cast(TermRanker, ranker.inner), relation)

    def score(self, query: str, text: str) -> PassageScore | None:
        """Return the score of a document; None where the terms of its words cannot be told apart."""
        passages = self._ranker.parts(query, text)
        scores = [score for p in passages if (score := self._bounds.score(query, p.text)) is not None]
        return PassageScore(self._ranker, passages, scores) if len(scores) == len(passages) else None
