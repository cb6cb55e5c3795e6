"""The contracts of rankers: of lists, of pairs, and the capabilities some rankers have beyond them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.measures.ranking import ranking
from robustrank.records import Cost, Pair, Ranking, Request, Scores

__all__ = [
    "BATCH",
    "BF16_NOISE",
    "FP32_NOISE",
    "Cost",
    "Encoding",
    "GradientRanker",
    "Pair",
    "PointwiseRanker",
    "Ranker",
    "Ranking",
    "Request",
    "Scores",
    "TermRanker",
    "TrainableRanker",
    "ranking_by_score",
    "rankings_by_score",
]

BATCH = 512  # pairs in a call of a ranker that says nothing else
FP32_NOISE = 1e-5  # of the largest score of a call: some dozens of units in the last place, summed
BF16_NOISE = 2**-6  # four units in the last place


class Ranker(ABC):
    """Ranks lists: requests in, rankings out.

    A constructor only keeps its parameters: weights load at the first ranking, or in :meth:`check`, so that listing
    stays fast. What a ranking depends on is its request alone: neither the other requests of the call nor
    their order may change it. A ranker whose scores depend on single pairs declares itself a :class:`PointwiseRanker`.
    """

    family: ClassVar[str] = "other"  # a group of tables, see analysis.entries.FAMILIES
    no_match: float | None = None  # the score of what matches nothing: no measure counts it as ranked

    @property
    def fingerprint(self) -> str:
        """What decides a ranking beyond code, parameters, files they name and the collection, as a model of the hub.

        It is read at planning: before :meth:`prepare`, and before a ranker is trained that is to be trained.
        """
        return ""

    @abstractmethod
    def rank(self, requests: Sequence[Request]) -> list[Ranking]:
        """Return a ranking for each request, in the order given. Texts may be empty, candidates may be few."""

    def characters_read(self, query: str, document: str) -> int | None:
        """Return how many leading characters of the document enter its rank beside this query; None: not known.

        It is read for ``edits_unseen``: the share of an attack's edited words that the ranker cannot read.
        """
        return None

    def parts_read(self, query: str, document: str) -> Sequence[tuple[int, int]] | None:
        """Return the characters of the document that enter its rank, as (start, end) in order; None: not known.

        Override it where something before the last of them is not read.
        """
        read = self.characters_read(query, document)
        return None if read is None else [(0, read)]

    @property
    def differentiated(self) -> Ranker:
        """The ranker whose gradients an attack follows: this one, or that behind a defense that passes them."""
        return self

    def first_stage_query(self, query: str) -> str:
        """Return what a first stage before this ranker reads of a query; a defense of queries rewrites it."""
        return query

    def prepare(self, collection: Collection) -> None:  # noqa: B027 - optional hook
        """Learn what needs no judgements, as document frequencies; called once, before rank."""

    def reading(self, collection: Collection) -> Sequence[str]:
        """Return how the ranker was read and what it leaves unread on a collection, a sentence for each fact.

        A run prints the sentences in its header, once, before its cells. Say what a reader of the numbers has to know,
        as the maximum length and the share of documents it truncates. Asked once for each collection of a run, of a
        new ranker that is neither prepared nor trained: load no more than the answer needs.
        """
        return ()

    def check(self) -> None:  # noqa: B027 - optional hook
        """Refuse at planning what cannot rank, as missing weights; not called if the ranker is to be trained."""


class PointwiseRanker(Ranker):
    """A ranker of pairs: the score of a pair is a function of the pair alone, higher is more relevant.

    The promise is checked at the first use: pairs are scored alone, in company and in reversed company.
    """

    @property
    def noise(self) -> float:
        """How far a score may move with its company by rounding, relative to the largest score of the call."""
        return FP32_NOISE

    @abstractmethod
    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], one score a pair, in the order given. Pairs may repeat and texts may be empty."""

    def score_in_batches(self, pairs: Sequence[Pair]) -> Iterator[tuple[NDArray[np.int64], Scores]]:
        """Yield positions of pairs and their scores, as they are computed: a kill loses what was not yielded yet.

        By default :meth:`score` is called for ``BATCH`` pairs at a time. Every position comes once.
        """
        for start in range(0, len(pairs), BATCH):
            batch = pairs[start : start + BATCH]
            yield np.arange(start, start + len(batch)), self.score(batch)

    def characters_read(self, query: str, document: str) -> int | None:
        """Return the length of the document: all of it is read. A ranker that truncates documents says how much."""
        return len(document)

    def rank(self, requests: Sequence[Request]) -> list[Ranking]:
        """Return the rankings by descending score, ties by ascending document id."""
        return rankings_by_score(requests, self.score)


def rankings_by_score(requests: Sequence[Request], score: Callable[[Sequence[Pair]], Scores]) -> list[Ranking]:
    """Return the rankings of requests by the scores of their pairs, all scored in one call of ``score``."""
    scores = score([pair for request in requests for pair in request.pairs])
    ends = np.cumsum([len(request) for request in requests])[:-1]
    parts = np.split(np.asarray(scores, dtype=np.float32), ends) if requests else []
    return [ranking_by_score(request, part) for request, part in zip(requests, parts, strict=True)]


def ranking_by_score(request: Request, scores: Scores, calls: int | None = None) -> Ranking:
    """Return the ranking of a request by descending score, ties by ascending document id.

    Args:
        request: What is ranked.
        scores: float32[n], in the order of its candidates.
        calls: The model calls it cost; by default one a candidate.
    """
    order = tuple(ranking(scores, request.doc_ids).tolist())
    return Ranking(order, scores, Cost(len(request) if calls is None else calls))


@runtime_checkable
class TrainableRanker(Protocol):
    """A ranker with weights to be learned from judgements."""

    def fit(
        self, train: Collection, validation: Collection, seed: int, folder: str, settings: Mapping[str, Any]
    ) -> None:
        """Train on ``train``, stop early on ``validation``; ``folder`` appears whole, with a checkpoint and a card."""

    def load(self, folder: str) -> Ranker:
        """Return the ranker with the weights :meth:`fit` left in ``folder``."""


@runtime_checkable
class TermRanker(Protocol):
    """A pointwise ranker whose score is a sum over the query's terms, so that its robustness can be computed exactly.

    The part of a term depends on its count in the document and on the document's length in terms alone: it is
    increasing and concave in the count, and not increasing in the length. What it takes from a collection is fixed.
    """

    def terms(self, text: str) -> Sequence[str]:
        """Return the terms of a query or a document, in order, with repetitions."""

    def terms_score(self, query: Sequence[str], counts: Mapping[str, int], length: int) -> float:
        """Return the score of a document, before its rounding to single precision, as ``score`` computes it.

        Args:
            query: The query's terms, with repetitions.
            counts: How often the document has each of them.
            length: The number of its terms.
        """


@dataclass(frozen=True)
class Encoding:
    """The document's tokens as the model reads them, query and special tokens left out.

    Attributes:
        ids: int64[L], vocabulary ids of the document's tokens after truncation.
        spans: L pairs (start, end): the characters of the document text each token covers.
    """

    ids: NDArray[np.int64]
    spans: tuple[tuple[int, int], ...]

    def replaced(self, start: int, end: int, ids: NDArray[np.int64]) -> Encoding:
        """Return it with other tokens in the place of ``start:end``, which cover no characters known."""
        return Encoding(np.concatenate([self.ids[:start], ids, self.ids[end:]]), ())


@runtime_checkable
class GradientRanker(Protocol):
    """A ranker whose score can be differentiated by the document's input embeddings (white-box access)."""

    def encode(self, query: str, document: str) -> Encoding:
        """Tokenise the document as :meth:`score` would beside this query."""

    @property
    def embedding_table(self) -> NDArray[np.float32]:
        """float32[V, H], the input embeddings, one row a vocabulary id."""

    def tokens_of(self, word: str) -> NDArray[np.int64]:
        """The vocabulary ids a word is split into inside a document."""

    def gradients(
        self,
        query: str,
        documents: Sequence[Encoding],
        embeddings: Sequence[NDArray[np.float32]] | None = None,
    ) -> tuple[Scores, list[NDArray[np.float32]]]:
        """Return scores float32[n] and, a document, d score / d embedding as float32[L, H].

        ``embeddings`` replaces the documents' input embeddings (float32[L, H] each) where given.
        """
