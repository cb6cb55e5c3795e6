"""The records that walk through the house unchanged: documents, requests, rankings, edits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

Pair = tuple[str, str]  # (query text, document text)
Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Document:
    """A text that is searched."""

    doc_id: str
    text: str
    title: str = ""  # where the collection tells it apart from the text


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document that the first stage retrieved for a query."""

    document: Document
    score: float | None = None  # of the first stage, where it gives one

    @property
    def doc_id(self) -> str:
        """The document's id."""
        return self.document.doc_id

    @property
    def text(self) -> str:
        """The document's text."""
        return self.document.text


@dataclass(frozen=True)
class Request:
    """One list to rank: a query and its candidates, in the order of the first stage."""

    query_id: str
    query: str
    candidates: tuple[Candidate, ...]

    def __len__(self) -> int:
        return len(self.candidates)

    @cached_property
    def doc_ids(self) -> tuple[str, ...]:
        """The ids of the candidates, in their order."""
        return tuple(candidate.doc_id for candidate in self.candidates)

    @property
    def pairs(self) -> list[Pair]:
        """The (query text, document text) pair of each candidate."""
        return [(self.query, candidate.text) for candidate in self.candidates]

    def replaced(self, texts: Mapping[str, str]) -> Request:
        """Return the request with other texts for the documents that ``texts`` names by id."""
        candidates = tuple(
            replace(candidate, document=replace(candidate.document, text=texts[candidate.doc_id]))
            if candidate.doc_id in texts
            else candidate
            for candidate in self.candidates
        )
        return replace(self, candidates=candidates)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one ranking cost.

    Attributes:
        calls: Model calls: the pairs or prompts that a model read.
        tokens: Tokens read, where they are counted.
    """

    calls: int = 0
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ParseReport:
    """What became of the answers of a ranker that writes text, over all answers of one ranking.

    Attributes:
        answers: Number of answers.
        exact: Answers that needed no repair.
        unparsable: Answers in which nothing was read: they left the order of the input.
        identity: Answers that name an order, which is that of the input.
        missing, duplicate, out_of_range: Identifiers that answers lacked, repeated, or that name no candidate.
        pairs: Pairs that were compared in both orders.
        pairs_agreed: Those of which both orders named the same candidate; the others are ties.
        picked_first: Comparisons of two that named the candidate shown first.
    """

    answers: int
    exact: int = 0
    unparsable: int = 0
    identity: int = 0
    missing: int = 0
    duplicate: int = 0
    out_of_range: int = 0
    pairs: int = 0
    pairs_agreed: int = 0
    picked_first: int = 0


@dataclass(frozen=True, eq=False)
class Ranking:
    """A ranker's answer to a request.

    Attributes:
        order: The positions of the candidates in the request, best first: a permutation. It alone decides ranks.
        scores: float32[n], the score of each candidate in the order of the request; None where there are no scores.
        cost: What it cost.
        parse: For rankers that write text, what became of their answers.
    """

    order: tuple[int, ...]
    scores: Scores | None = None
    cost: Cost = Cost()
    parse: ParseReport | None = None

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """int64[n], the 1-based rank of each candidate, in the order of the request."""
        ranks = np.empty(len(self.order), dtype=np.int64)
        ranks[list(self.order)] = np.arange(1, len(self.order) + 1)
        return ranks


@dataclass(frozen=True, eq=False)
class RankedList:
    """A request together with its ranking: the list that is served."""

    request: Request
    ranking: Ranking

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """The candidates, best first."""
        return tuple(self.request.candidates[position] for position in self.ranking.order)

    @property
    def doc_ids(self) -> tuple[str, ...]:
        """The ids of the documents, best first."""
        return tuple(candidate.doc_id for candidate in self.candidates)

    @property
    def scores(self) -> Scores | None:
        """float32[n], the scores, best rank first; None where the ranker gives none."""
        return None if self.ranking.scores is None else self.ranking.scores[list(self.ranking.order)]

    def run(self, no_match: float | None = None) -> dict[str, float]:
        """Return the list as a run: document id to score, best first.

        Args:
            no_match: The score of documents that are left out, since the ranker has found nothing to rank them by.

        Returns:
            The ranker's scores where sorting by them gives the served order. Otherwise they count down from n;
            neighbours with one score, in the order of their ids, have one number.
        """
        if self.scores is None:
            return dict(zip(self.doc_ids, map(float, range(len(self.request), 0, -1)), strict=True))
        pairs = [pair for pair in zip(self.doc_ids, self.scores.tolist(), strict=True) if pair[1] != no_match]
        is_tied = [score == after and doc_id < next_id for (doc_id, score), (next_id, after) in pairwise(pairs)]
        if all(score > after or tied for tied, ((_, score), (_, after)) in zip(is_tied, pairwise(pairs), strict=True)):
            return dict(pairs)
        steps = accumulate([0, *(not tied for tied in is_tied)])
        return {doc_id: float(len(pairs) - step) for (doc_id, _), step in zip(pairs, steps, strict=False)}


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of the original text: characters ``start:end`` became ``text``. An insertion has start == end."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Perturbation:
    """What an attack hands back.

    Attributes:
        text: The whole new text.
        edits: The changes against the original, in order of position and not overlapping.
        note: A fact its reader should know ("no word of this document has a substitute").
        exhausted: True when the attack stopped because its budget ran out; the text is then its best so far.
    """

    text: str
    edits: tuple[Edit, ...] = ()
    note: str = ""
    exhausted: bool = False


def apply_edits(text: str, edits: tuple[Edit, ...]) -> str:
    """Return ``text`` with ``edits`` applied.

    Raises:
        ValueError: Edits overlap, are out of order, or lie outside the text.
    """
    pieces, position = [], 0
    for edit in edits:
        if not position <= edit.start <= edit.end <= len(text):
            raise ValueError(f"edit {edit} overlaps its predecessor or lies outside a text of {len(text)} characters")
        pieces += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*pieces, text[position:]])
