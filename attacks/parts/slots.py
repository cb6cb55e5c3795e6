"""Passages of slots, each filled by a word or a token, and what replacing one of them does to mean scores over queries.

Bi-encoders score hundreds of passages that differ in one slot. Their tokens are put together from those of
the passage, in place of tokenising each text. So a passage that is to be kept is read again from its text: only then is
it known that the text has these tokens.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from robustrank.rankers.ranker import Encoding
from robustrank.victim import GradientView

from .surrogates import PairModel

Unit = TypeVar("Unit", bound=Hashable)  # what fills a slot: a word, or a token's id
Flip = tuple[int, Unit]  # a slot, and what is put there
TokenSpans = tuple[
    tuple[int, int], ...
]  # the first and the last token of each slot, exclusive; two equal: it is not read


@dataclass(frozen=True)
class Passage(Generic[Unit]):
    """A passage as a model reads it.

    Attributes:
        units: What fills its slots.
        text: The text.
        encoding: Its tokens.
        spans: Where its slots are among them.
        is_whole: Whether all of the text is read.
    """

    units: tuple[Unit, ...]
    text: str
    encoding: Encoding
    spans: TokenSpans
    is_whole: bool


Variants = tuple[Sequence[str], Passage[Unit], Sequence[Flip[Unit]]]  # a group of queries, its passage, and flips of it


class Alphabet(ABC, Generic[Unit]):
    """What may fill a slot, and how passages are written."""

    @abstractmethod
    def text_of(self, units: Sequence[Unit]) -> str:
        """Return the text of a passage."""

    @abstractmethod
    def ids_of(self, unit: Unit, is_first: bool, view: GradientView) -> NDArray[np.int64]:
        """Return the vocabulary ids of a unit in the first slot of a passage, or in a later one."""

    @abstractmethod
    def spans_of(self, units: Sequence[Unit], text: str, encoding: Encoding) -> TokenSpans:
        """Return where the slots are among the tokens of the text."""


@dataclass(frozen=True)
class SlotModel(Generic[Unit]):
    """Mean scores of passages over groups of queries, and their gradients by slot; all groups in one batch.

    Attributes:
        model: The victim, or a surrogate model.
        alphabet: What may fill a slot.
    """

    model: PairModel
    alphabet: Alphabet[Unit]

    def read(self, units: Sequence[Unit]) -> Passage[Unit]:
        """Return a passage as the model reads it, by its text."""
        text = self.alphabet.text_of(units)
        encoding = self._view.encode(text)
        is_whole = max((end for _, end in encoding.spans), default=0) >= len(text.rstrip())
        return Passage(tuple(units), text, encoding, self.alphabet.spans_of(units, text, encoding), is_whole)

    def values(self, variants: Sequence[Variants[Unit]]) -> list[NDArray[np.float32]]:
        """Return for each group float32[1 + n], the mean score of its passage as it is, and with each of n flips."""
        rows = _rows(variants)
        if self._view.averages_queries:
            encodings = [self._spliced(passage, flip)[0] for _, passage, flip in rows]
            values = self._view.mean_scores([queries for queries, _, _ in rows], encodings)
        else:
            texts = [self.alphabet.text_of(_units(passage, flip)) for _, passage, flip in rows]
            scores = iter(self.model.score([(q, t) for (qs, _, _), t in zip(rows, texts, strict=True) for q in qs]))
            means = [np.mean([next(scores) for _ in queries]) for queries, _, _ in rows]
            values = np.array(means, dtype=np.float32)
        return _grouped(values, variants)

    def gradients(self, variants: Sequence[Variants[Unit]]) -> list[NDArray[np.float32]]:
        """Return for each group float32[1 + n, slots, H], the gradients of what :meth:`values` returns.

        The gradient of a slot is the sum over its tokens, because the vector of a word is their mean; 0 without any.
        """
        rows = _rows(variants)
        if self._view.averages_queries:
            read = [self._spliced(passage, flip) for _, passage, flip in rows]
            by_token = self._view.mean_gradients([queries for queries, _, _ in rows], [e for e, _ in read])
            slots = [_by_slot(gradient, spans) for gradient, (_, spans) in zip(by_token, read, strict=True)]
        else:
            slots = [self._mean_gradient(queries, _units(passage, flip)) for queries, passage, flip in rows]
        return _grouped(np.array(slots, dtype=np.float32), variants)

    def improved(self, variants: Sequence[Variants[Unit]]) -> list[Passage[Unit]]:
        """Return each group's passage with the flip of the highest mean score, or as it is if none is higher.

        A flip counts only if the text that it makes is read as the tokens that were scored.
        """
        values = self.values(variants)
        return [self._best(passage, flips, v) for (_, passage, flips), v in zip(variants, values, strict=True)]

    def _best(self, passage: Passage[Unit], flips: Sequence[Flip[Unit]], values: NDArray[np.float32]) -> Passage[Unit]:
        for i in np.argsort(-values[1:], kind="stable").tolist():
            if not values[1 + i] > values[0]:
                break
            read = self.read(_units(passage, flips[i]))
            if np.array_equal(read.encoding.ids, self._spliced(passage, flips[i])[0].ids):
                return read
        return passage

    @cached_property
    def _view(self) -> GradientView:
        return self.model.gradients("")

    def _spliced(self, passage: Passage[Unit], flip: Flip[Unit] | None) -> tuple[Encoding, TokenSpans]:
        """Return the tokens of a passage with a slot flipped, and its spans; a text cut short is read anew."""
        if flip is None:
            return passage.encoding, passage.spans
        slot, unit = flip
        start, end = passage.spans[slot]
        if not passage.is_whole or start == end:
            read = self.read(_units(passage, flip))
            return read.encoding, read.spans
        ids = self.alphabet.ids_of(unit, slot == 0, self._view)
        spans, more = passage.spans, len(ids) - (end - start)
        if more:
            later = ((first + more, last + more) for first, last in spans[slot + 1 :])
            spans = (*spans[:slot], (start, start + len(ids)), *later)
        return passage.encoding.replaced(start, end, ids), spans

    def _mean_gradient(self, queries: Sequence[str], units: Sequence[Unit]) -> NDArray[np.float32]:
        text, gradients = self.alphabet.text_of(units), []
        for query in queries:
            view = self.model.gradients(query)
            encoding = view.encode(text)
            spans = self.alphabet.spans_of(units, text, encoding)
            gradients.append(_by_slot(view.gradients([encoding])[1][0], spans))
        return np.asarray(np.mean(gradients, axis=0), dtype=np.float32)


def _rows(variants: Sequence[Variants[Unit]]) -> list[tuple[Sequence[str], Passage[Unit], Flip[Unit] | None]]:
    return [(queries, passage, flip) for queries, passage, flips in variants for flip in (None, *flips)]


def _grouped(values: NDArray[np.float32], variants: Sequence[Variants[Unit]]) -> list[NDArray[np.float32]]:
    return np.split(values, np.cumsum([1 + len(flips) for _, _, flips in variants])[:-1]) if variants else []


def _units(passage: Passage[Unit], flip: Flip[Unit] | None) -> tuple[Unit, ...]:
    if flip is None:
        return passage.units
    slot, unit = flip
    return (*passage.units[:slot], unit, *passage.units[slot + 1 :])


def _by_slot(gradient: NDArray[np.float32], spans: TokenSpans) -> NDArray[np.float32]:
    return np.array([gradient[first:last].sum(axis=0) for first, last in spans], dtype=np.float32)
