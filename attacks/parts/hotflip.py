"""Gradients by the words that an edit inserts, and the mean score of a trigger over many pairs.

Reference: Ebrahimi, Rao, Lowd, Dou: HotFlip, ACL 2018; Wallace et al.: Universal Adversarial Triggers, EMNLP 2019.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Edit, apply_edits
from robustrank.rankers.ranker import Encoding, Pair
from robustrank.text.words import words
from robustrank.victim import GradientView

from .insertion import Position, insertion
from .lexicon import Trigger
from .surrogates import PairModel

Span = tuple[int, int]


@dataclass(frozen=True)
class MeanOverPairs:
    """The mean score of a trigger over (query, document) pairs, and its gradients.

    Attributes:
        model: The victim, or a surrogate model.
        pairs: Queries and the documents into which the trigger is inserted.
        position: Where it is inserted.
        sign: 1, or -1 for a trigger that demotes.
    """

    model: PairModel
    pairs: Sequence[Pair]
    position: Position = "start"
    sign: int = 1

    def values(self, triggers: Sequence[Trigger]) -> NDArray[np.float32]:
        """Return float32[n], the mean scores of n triggers."""
        attacked = [
            (query, apply_edits(document, (insertion(document, " ".join(trigger), self.position),)))
            for trigger in triggers
            for query, document in self.pairs
        ]
        means = self.model.score(attacked).reshape(len(triggers), -1).mean(axis=1)
        return np.asarray(self.sign * means, dtype=np.float32)

    def gradients(self, trigger: Trigger) -> NDArray[np.float32]:
        """Return float32[L, H], the mean gradient with respect to the embedding of each slot."""
        gradients = [
            slot_gradients(document, insertion(document, " ".join(trigger), self.position), self.model.gradients(query))
            for query, document in self.pairs
        ]
        return np.asarray(self.sign * np.mean(gradients, axis=0), dtype=np.float32)


def slot_gradients(document: str, edit: Edit, view: GradientView) -> NDArray[np.float32]:
    """Return float32[L, H]: d score / d embedding of each of the L texts between spaces that an edit inserts."""
    (encoding,), (gradient,) = _differentiated([(document, edit)], view)
    return _gradients_of(_slots(edit), edit, encoding, gradient)


def _slots(edit: Edit) -> list[Span]:
    """Return where the texts between spaces that an edit inserts are in it."""
    return [match.span() for match in re.finditer(r"\S+", edit.text)]


def embedding_gradients_of(edited: Sequence[tuple[str, Edit]], view: GradientView) -> list[NDArray[np.float32]]:
    """Return float32[L, H] for several documents with an edit each: d score / d embedding of each word it inserts.

    All are computed in one call. The gradient of a word is the sum over its tokens, because its vector is their mean.
    It is zero for words that are truncated.
    """
    return [
        _gradients_of([(word.start, word.end) for word in words(edit.text)], edit, encoding, gradient)
        for (_, edit), encoding, gradient in zip(edited, *_differentiated(edited, view), strict=True)
    ]


def _differentiated(
    edited: Sequence[tuple[str, Edit]], view: GradientView
) -> tuple[list[Encoding], list[NDArray[np.float32]]]:
    encodings = [view.encode(apply_edits(document, (edit,))) for document, edit in edited]
    return encodings, view.gradients(encodings)[1]


def _gradients_of(
    spans: Iterable[Span], edit: Edit, encoding: Encoding, gradient: NDArray[np.float32]
) -> NDArray[np.float32]:
    sums = [
        gradient[_overlapping(edit.start + first, edit.start + last, encoding)].sum(axis=0) for first, last in spans
    ]
    return np.array(sums, dtype=np.float32)  # zeros without a token


def _overlapping(start: int, end: int, encoding: Encoding) -> list[int]:
    """Return the indices of the tokens of the characters ``start:end``; a token may cover the space before a word."""
    return [i for i, (first, last) in enumerate(encoding.spans) if first < end and last > start]


def tokens_within(start: int, end: int, encoding: Encoding) -> list[int]:
    """Return the indices of the tokens inside the characters ``start:end``."""
    return [i for i, (first, last) in enumerate(encoding.spans) if first >= start and last <= end and last > first]
