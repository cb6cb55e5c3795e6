"""The range of a lexical ranker's score over edits of a text, for exact certificates and for ceilings of copies."""

from __future__ import annotations

from collections import Counter

from robustrank.certification.term_edits import Relation, TermEdits
from robustrank.certification.term_scores import TermScore
from robustrank.rankers.ranker import TermRanker


class TermBounds:
    """The scores of documents as sums over terms, with what edits make of them.

    Args:
        ranker: The ranker.
        relation: What may be written for a word.
    """

    def __init__(self, ranker: TermRanker, relation: Relation) -> None:
        self._ranker, self._edits = ranker, TermEdits(relation, ranker.terms)
        self._query, self._scores = "", dict[str, TermScore | None]()  # of one query

    def score(self, query: str, text: str) -> TermScore | None:
        """Return the score of a document; None where the terms of its words cannot be told apart."""
        if query != self._query:
            self._query, self._scores = query, {}
        if text not in self._scores:
            self._scores[text] = self._score(query, text)
        return self._scores[text]

    def _score(self, query: str, text: str) -> TermScore | None:
        terms, wanted = Counter(self._ranker.terms(text)), Counter(self._ranker.terms(query))
        positions = self._edits.of(text)
        if positions is None:
            return None
        counts = {term: terms[term] for term in wanted}
        return TermScore(wanted, counts, terms.total(), self._part, positions)

    def _part(self, term: str, count: int, length: int) -> float:
        return self._ranker.terms_score([term], {term: count}, length)
