"""Scores of smoothed copies by a ranker of terms: from the terms that are drawn, without writing the copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.coupling import CoupledCopies
from robustrank.certification.term_edits import Substitution
from robustrank.certification.term_scores import TermScore
from robustrank.rankers.ranker import Scores, TermRanker

from .term_bounds import TermBounds

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class _Document:
    """A document as a query meets it.

    Attributes:
        drawn_words: The words, (index, key) each, for which something is drawn that changes the score.
        changes: For each of them int64[|P(key)|, terms + 1]: what each word of its set adds to the count of each term
            of the query, and to the document's length.
        counts: int64[terms + 1], the counts and the length of the document itself.
    """

    drawn_words: list[tuple[int, str]]
    changes: list[Counts]
    counts: Counts


class TermCopies:
    """The copies of documents as a ranker of terms reads them: most words of a document change no term of a query.

    Args:
        ranker: The ranker.
        bounds: What a word can be replaced by in a copy, and what that changes.
        coupled: The copies.
    """

    def __init__(self, ranker: TermRanker, bounds: TermBounds, coupled: CoupledCopies) -> None:
        self._ranker, self._bounds, self._coupled = ranker, bounds, coupled
        self._query, self._documents = "", dict[str, _Document | None]()  # of one query

    def scores(self, query: str, document: str, stop: int, start: int) -> Scores | None:
        """Return float32[stop - start], the score of each copy: to the last bit what the ranker gives its text.

        None where the terms of the document's words cannot be told apart.
        """
        if query != self._query:
            self._query, self._documents = query, {}
        if document not in self._documents:
            score = self._bounds.score(query, document)
            self._documents[document] = None if score is None else self._read(document, score)
        known = self._documents[document]
        if known is None:
            return None
        drawn = known.counts[None, :].repeat(stop - start, axis=0)
        for changes, picks in zip(known.changes, self._coupled.picks(known.drawn_words, stop, start), strict=True):
            drawn += changes[picks]
        read = self._ranker.terms(query)
        terms = list(dict.fromkeys(read))
        rows = [tuple(row) for row in drawn.tolist()]
        scores = {}
        for row in dict.fromkeys(rows):
            *counts, length = row
            scores[row] = self._ranker.terms_score(read, dict(zip(terms, counts, strict=True)), length)
        return np.array([scores[row] for row in rows], dtype=np.float32)

    def _read(self, document: str, score: TermScore) -> _Document:
        counts = np.array([*(score.counts[term] for term in score.query), score.length], dtype=np.int64)
        drawn_words = [word for word in self._coupled.drawn_words(document) if word.index in score.edits]
        column = {term: number for number, term in enumerate(score.query)}
        changes = [self._changes(word.key, score.edits[word.index], column) for word in drawn_words]
        return _Document([(word.index, word.key) for word in drawn_words], changes, counts)

    def _changes(self, key: str, edits: Sequence[Substitution], column: dict[str, int]) -> Counts:
        """Return what each word of P(key) changes in a document; see :class:`_Document`.

        Args:
            key: The word of the document.
            edits: Those of its substitutes that change anything.
            column: That of each term of the query.
        """
        row = {word: number for number, word in enumerate(self._coupled.sets.neighbourhood(key))}
        changes = np.zeros((len(row), len(column) + 1), dtype=np.int64)
        for edit in edits:
            if edit.key in row:
                changes[row[edit.key], -1] = edit.growth
                for term in edit.change.keys() & column.keys():
                    changes[row[edit.key], column[term]] = edit.change[term]
        return changes
