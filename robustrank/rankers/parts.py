"""Rankers that score parts of a document by another ranker: what they read, and gradients in the document's tokens."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.rankers.pair_ranker import pair_ranker
from robustrank.rankers.ranker import Encoding, Pair, PointwiseRanker, Scores
from robustrank.text.edited_words import Span
from robustrank.text.words import words


class Part(NamedTuple):
    """A part of a document, that is scored by itself.

    Attributes:
        text: What the inner ranker reads.
        spans: The characters of the document that it consists of, in order; a space is between two.
        words: The words of the document that stand in it, by index; none where nothing asks for them.
    """

    text: str
    spans: tuple[Span, ...]
    words: tuple[int, ...] = ()

    @classmethod
    def of(cls, document: str, spans: Sequence[Span], words: Sequence[int] = ()) -> Part:
        """Return the part of a document that consists of some of its characters."""
        return cls(" ".join(document[start:end] for start, end in spans), tuple(spans), tuple(words))

    def in_document(self, start: int, end: int) -> Span:
        """Return the characters of the document that stand behind some of the part's; of two spans, in the first."""
        at = 0
        for first, last in self.spans:
            if start < at + last - first:
                return first + max(0, start - at), min(last, first + end - at)
            at += last - first + 1
        return self.spans[-1][1], self.spans[-1][1]

    def read(self, characters: int) -> list[Span]:
        """Return the characters of the document that stand behind the first so many of the part."""
        if not words(self.text[characters:]):
            return list(self.spans)
        at, spans = 0, []
        for start, end in self.spans:
            spans.append((start, max(start, min(end, start + characters - at))))
            at += end - start + 1
        return spans


@dataclass(frozen=True)
class PartEncoding(Encoding):
    """The tokens of a document in its parts; a token of several parts is one where it has the same characters.

    Attributes:
        parts: The encoding of each part.
        positions: For each part int64[tokens], which tokens of the document its tokens are.
    """

    parts: tuple[Encoding, ...] = ()
    positions: tuple[NDArray[np.int64], ...] = ()


class PartsRanker(PointwiseRanker):
    """Scores a document by the scores that an inner ranker gives to parts of it; subclasses say which.

    Attributes:
        ranker: The specification of the inner ranker.
        inner: The inner ranker.
    """

    ranker: str

    def __post_init__(self) -> None:
        self.inner = pair_ranker(self.ranker)
        self.family = self.inner.family  # type: ignore[misc]  # of this instance
        unmatched = self.inner.no_match
        if unmatched is not None:
            self.no_match = self.aggregated(np.array([unmatched]))

    @property
    def noise(self) -> float:
        """The inner ranker's."""
        return self.inner.noise

    def check(self) -> None:
        """Refuse what the inner ranker refuses."""
        self.inner.check()

    def prepare(self, collection: Collection) -> None:
        """Prepare the inner ranker."""
        self.inner.prepare(collection)

    def reading(self, collection: Collection) -> Sequence[str]:
        """Return how the inner ranker was read."""
        return self.inner.reading(collection)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]; each distinct part is scored once."""
        listed = [[(query, part.text) for part in self.parts(query, document)] for query, document in pairs]
        distinct = list(dict.fromkeys(pair for of_document in listed for pair in of_document))
        scores = dict(zip(distinct, self.inner.score(distinct).tolist(), strict=True)) if distinct else {}
        values = [self.combined(np.array([scores[pair] for pair in of_document])) for of_document in listed]
        return np.array(values, dtype=np.float32)

    @abstractmethod
    def parts(self, query: str, document: str) -> list[Part]:
        """Return the parts that are scored, in order: one at least."""

    def weights(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64[m], the weights of the parts' (squashed) scores in the sum that is the document's."""
        return np.ones(len(scores))

    def squashed(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what is summed of the parts' scores: the scores."""
        return scores

    def derivatives(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivatives of :meth:`squashed`."""
        return np.ones(len(scores))

    def combined(self, scores: NDArray[np.float64]) -> float:
        """Return the score of a document from those of its parts, float64[m]; a subclass may refuse some scores."""
        return self.aggregated(scores)

    def aggregated(self, scores: NDArray[np.float64]) -> float:
        """Return the score of a document from any scores of its parts, float64[m]."""
        values = self.squashed(scores)
        return math.fsum(self.weights(values) * values)

    def parts_read(self, query: str, document: str) -> Sequence[Span] | None:
        """Return the characters of the document that the inner ranker reads in any of its parts."""
        read: list[Span] = []
        for part in self.parts(query, document):
            characters = self.inner.characters_read(query, part.text)
            if characters is None:
                return None
            read += part.read(characters)
        return _merged(read)

    def characters_read(self, query: str, document: str) -> int | None:
        """Return the end of what is read; None where something before it is not read."""
        read = self.parts_read(query, document)
        return read[0][1] if read and len(read) == 1 and read[0][0] == 0 else None


class PartGradients(PartsRanker):
    """Adds the gradients of an inner ranker that has some, mapped back to the document's tokens."""

    inner: Any

    @property
    def embedding_table(self) -> NDArray[np.float32]:
        """float32[V, H], the inner ranker's."""
        table: NDArray[np.float32] = self.inner.embedding_table
        return table

    def tokens_of(self, word: str) -> NDArray[np.int64]:
        """Return the inner ranker's token ids of a word."""
        ids: NDArray[np.int64] = self.inner.tokens_of(word)
        return ids

    def encode(self, query: str, document: str) -> PartEncoding:
        """Return the tokens of the document that are read in any part, in order."""
        parts = self.parts(query, document)
        encodings = [self.inner.encode(query, part.text) for part in parts]
        located = [
            [(part.in_document(*span), int(token)) for span, token in zip(e.spans, e.ids, strict=True)]
            for part, e in zip(parts, encodings, strict=True)
        ]
        tokens = {token: i for i, token in enumerate(sorted({token for listed in located for token in listed}))}
        return PartEncoding(
            np.array([token for _, token in tokens], dtype=np.int64),
            tuple(span for span, _ in tokens),
            tuple(encodings),
            tuple(np.array([tokens[token] for token in listed], dtype=np.int64) for listed in located),
        )

    def gradients(
        self,
        query: str,
        documents: Sequence[PartEncoding],
        embeddings: Sequence[NDArray[np.float32]] | None = None,
    ) -> tuple[Scores, list[NDArray[np.float32]]]:
        """Return scores and d score / d embedding of each document's tokens: summed over the parts they stand in."""
        parts = [part for document in documents for part in document.parts]
        given = None
        if embeddings is not None:
            given = [e[p] for e, document in zip(embeddings, documents, strict=True) for p in document.positions]
        values, differentiated = self.inner.gradients(query, parts, given)
        scores, gradients, at = [], [], 0
        for document in documents:
            of_document = slice(at, at := at + len(document.parts))
            raw = values[of_document].astype(np.float64)
            weights = (self.weights(self.squashed(raw)) * self.derivatives(raw)).astype(np.float32)
            gradient = np.zeros((len(document.ids), self.embedding_table.shape[1]), dtype=np.float32)
            for weight, positions, part in zip(weights, document.positions, differentiated[of_document], strict=True):
                np.add.at(gradient, positions, weight * part)
            scores.append(self.combined(raw))
            gradients.append(gradient)
        return np.array(scores, dtype=np.float32), gradients


def _merged(spans: Sequence[Span]) -> list[Span]:
    """Return spans in order, those that touch or overlap as one, without empty ones."""
    merged: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged
