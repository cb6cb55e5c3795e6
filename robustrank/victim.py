"""The victim model as an attack sees it: access is granted, queries are counted, budgets end the attack.

An attack never meets the ranker. It meets a :class:`Victim`, the served list of one query, or, while it prepares, a
:class:`QueryInterface` over any list of documents.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from robustrank.budget import Budget, BudgetExhausted, Meter
from robustrank.loaded import load_once
from robustrank.rankers.ranker import Encoding, GradientRanker, Ranker
from robustrank.records import Candidate, Document, Pair, RankedList, Ranking, Request, Scores
from robustrank.text.languages import ENGLISH

__all__ = [
    "Access",
    "AccessDenied",
    "Budget",
    "BudgetExhausted",
    "DocumentVictim",
    "GradientView",
    "Meter",
    "QueryInterface",
    "QueryVictim",
    "ScoringBackend",
    "Target",
    "Victim",
    "blind_victim",
]


class Access(IntEnum):
    """How much of the victim an attacker sees; each level includes those below it."""

    NOTHING = 0  # black-box (transfer): no query to the victim
    RANKS = 1  # the ranks of the query's list, with a text in it
    SCORES = 2  # the scores of that list, where the ranker gives scores
    GRADIENTS = 3  # white-box: gradients with respect to input embeddings


class ScoringBackend(Protocol):
    """The ranking interface behind a victim: the served ranker, or the thread of one attack among many."""

    @property
    def ranker(self) -> Ranker:
        """The ranker that answers."""

    @property
    def is_pointwise(self) -> bool:
        """Whether a score depends on its pair alone."""

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], one score a pair; pointwise rankers alone."""

    def rank(self, requests: Sequence[Request]) -> list[Ranking]:
        """Return a ranking for each request."""

    def rerank(self, edited: Sequence[tuple[RankedList, Mapping[str, str]]]) -> list[Ranking]:
        """Return the ranking of each list with new texts, by document id, in it."""

    def refuse_foreign_gradients(self, query: str, document: str) -> None:
        """Refuse, at the first use, a ranker whose gradients are of another input than its scores."""


class AccessDenied(Exception):
    """A query beyond the declared access of the attack, or beyond what the ranker offers."""


@dataclass(frozen=True)
class Target:
    """All that an attack is told.

    Attributes:
        query_id, query: The query.
        doc_id, document: The target document, to be promoted; empty for an attack on the query.
        rank: The document's rank in ``ranked``, 1-based; 0 for an attack on the query.
        ranked: The victim's list, best first, the target among it.
        variant: Number of the perturbed form of the query, from 0.
        language: The code of the collection's language.
        position: The document's 1-based position in the list that is ranked; 0 for an attack on the query.
    """

    query_id: str
    query: str
    doc_id: str
    document: str
    rank: int
    ranked: tuple[Candidate, ...] = ()
    variant: int = 0
    language: str = ENGLISH
    position: int = 0


class GradientView:
    """White-box view of one ranker for one query; every document differentiated counts as one query."""

    def __init__(
        self,
        ranker: GradientRanker,
        query: str,
        spend: Callable[[int], None],
        gate: AbstractContextManager[object] | None = None,
        refuse_foreign: Callable[[str, str], None] = lambda query, document: None,
    ) -> None:
        self._ranker, self._query, self._spend, self._gate = ranker, query, spend, gate or nullcontext()
        self._refuse_foreign = refuse_foreign

    @property
    def embedding_table(self) -> NDArray[np.float32]:
        """float32[V, H], the input embeddings; read-only."""
        with self._gate:
            table = self._ranker.embedding_table.view()
            table.flags.writeable = False
            return table

    def encode(self, document: str) -> Encoding:
        """Tokenise a document; free, as it asks nothing of the model."""
        with self._gate:
            self._refuse_foreign(self._query, document)
            return self._ranker.encode(self._query, document)

    def tokens_of(self, word: str) -> NDArray[np.int64]:
        """The vocabulary ids of a word."""
        with self._gate:
            return self._ranker.tokens_of(word)

    @property
    def mask(self) -> str | None:
        """What the tokenizer reads as its mask token; None where it has none."""
        with self._gate:
            mask = getattr(getattr(self._ranker, "tokenizer", None), "mask_token", None)
            return mask if mask and len(self._ranker.tokens_of(mask)) == 1 else None

    def query_vectors(self, queries: Sequence[str]) -> NDArray[np.float32]:
        """Return float32[n, H]: queries as a bi-encoder embeds them; of other rankers, their mean input embeddings.

        A query without tokens has zeros there. No document is scored, so they count as no query.
        """
        embed = getattr(self._ranker, "embed_queries", None)
        if embed is None:
            tokens = (self.embedding_table[self.encode(query).ids] for query in queries)
            return np.array([of_query.sum(axis=0) / max(1, len(of_query)) for of_query in tokens], dtype=np.float32)
        with self._gate:
            vectors = embed(queries)
        return np.array([vectors[query] for query in queries], dtype=np.float32)

    def mean_vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return float32[n, H], the mean input embedding of each word's tokens; zeros for a word without tokens.

        The array is read-only, and computed once for a network.
        """

        def compute() -> NDArray[np.float32]:
            table = self.embedding_table
            vectors = np.zeros((len(words), table.shape[1]), dtype=np.float32)
            for row, word in enumerate(words):
                tokens = self.tokens_of(word)
                if len(tokens):
                    vectors[row] = table[tokens].mean(axis=0)
            vectors.flags.writeable = False
            return vectors

        network = getattr(self._ranker, "network", None)
        return compute() if network is None else load_once((network, "mean vectors", *words), compute)

    def gradients(
        self, documents: Sequence[Encoding], embeddings: Sequence[NDArray[np.float32]] | None = None
    ) -> tuple[Scores, list[NDArray[np.float32]]]:
        """Return scores and d score / d embedding, see :meth:`GradientRanker.gradients`."""
        with self._gate:
            self._spend(len(documents))
            return self._ranker.gradients(self._query, documents, embeddings)

    @property
    def averages_queries(self) -> bool:
        """Whether means over queries are there: of bi-encoders, whose encodings are those of any query."""
        return hasattr(self._ranker, "mean_gradients")

    def mean_gradients(
        self, groups: Sequence[Sequence[str]], documents: Sequence[Encoding]
    ) -> list[NDArray[np.float32]]:
        """Return float32[tokens, H] of each document, the gradient of its mean score over its group of queries.

        Each query of each group counts as one query.
        """
        averaging: Any = self._ranker
        with self._gate:
            self._spend(sum(map(len, groups)))
            gradients: list[NDArray[np.float32]] = averaging.mean_gradients(groups, documents)
            return gradients

    def mean_scores(self, groups: Sequence[Sequence[str]], documents: Sequence[Encoding]) -> Scores:
        """Return float32[n], the mean score of each document over its group of queries, each of which counts as one."""
        averaging: Any = self._ranker
        with self._gate:
            self._spend(sum(map(len, groups)))
            return np.asarray(averaging.mean_scores(groups, documents), dtype=np.float32)

    @property
    def written_tokens(self) -> NDArray[np.int64] | None:
        """int64[n], the vocabulary ids that texts consist of, special tokens left out; None without a tokenizer."""
        tokenizer: Any = getattr(self._ranker, "tokenizer", None)
        if tokenizer is None:
            return None
        return np.setdiff1d(np.arange(len(self.embedding_table)), tokenizer.all_special_ids).astype(np.int64)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text that a tokenizer makes of vocabulary ids; it may have other tokens when it is read again."""
        tokenizer: Any = self._ranker
        with self._gate:
            return str(tokenizer.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False))


class Metered:
    """Access and budget of one attacker before one ranker."""

    def __init__(self, backend: ScoringBackend, access: Access, budget: Budget | None = None) -> None:
        self._backend, self.access = backend, access
        self.meter = Meter(budget or Budget())
        self.gate: AbstractContextManager[object] = nullcontext()  # around each question, where there is a time limit

    @property
    def remaining(self) -> int | None:
        """Queries left, or None when there is no limit."""
        return self.meter.remaining

    def _require(self, access: Access) -> None:
        if self.access < access:
            raise AccessDenied(f"the attack needs {access.name}, but only {self.access.name} is granted")

    def _view(self, query: str) -> GradientView:
        self._require(Access.GRADIENTS)
        ranker = self._backend.ranker.differentiated
        if not isinstance(ranker, GradientRanker):
            raise AccessDenied("the attack needs gradients, but this ranker has none")
        foreign = self._backend.refuse_foreign_gradients
        return GradientView(ranker, query, self.meter.gradients, self.gate, foreign)


Answer = tuple[NDArray[np.int64], Scores | None]  # what an attacker sees of one ranking: ranks and scores


class Victim(Metered, ABC):
    """The served list of one query as the attacker of one target sees it.

    For an attack on a document the texts are put in the target document's place, and the answer is about that
    document. For an attack on the query they are put in the query's place, and the answer is about every document of
    ``target.ranked``, in its order.

    Args:
        backend: Ranks.
        served: The clean list.
        access: What is granted.
        budget: What it may cost.
    """

    def __init__(
        self, backend: ScoringBackend, served: RankedList, access: Access, budget: Budget | None = None
    ) -> None:
        super().__init__(backend, access, budget)
        self._served = served
        self._answers: dict[str, Answer] = {}

    def ranks(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the 1-based ranks with each text in place: int64[n]; int64[n, documents] for an attack on the query.

        A list ranker ranks the whole list again; for a pointwise ranker the text's score is inserted.

        Raises:
            AccessDenied: Ranks are not granted.
            BudgetExhausted: The new texts would pass the budget.
        """
        self._require(Access.RANKS)
        return np.array([ranks for ranks, _ in self._ask(texts)], dtype=np.int64)

    def scores(self, texts: Sequence[str]) -> Scores:
        """Return the scores with each text in place: float32[n], or float32[n, documents] for an attack on the query.

        Raises:
            AccessDenied: Scores are not granted, or the ranker gives none.
            BudgetExhausted: The new texts would pass the budget.
        """
        self._require(Access.SCORES)
        if self._served.ranking.scores is None:
            raise AccessDenied("the attack needs scores, but this ranker has none")
        return np.array([scores for _, scores in self._ask(texts)], dtype=np.float32)

    @abstractmethod
    def gradients(self) -> GradientView:
        """Return the white-box view.

        Raises:
            AccessDenied: Gradients are not granted, or the ranker has none.
        """

    @abstractmethod
    def _rankings(self, texts: Sequence[str]) -> list[Ranking]:
        """Return the ranking with each text in place."""

    @abstractmethod
    def _seen(self, ranking: Ranking) -> Answer:
        """Return what the attacker sees of a ranking: ranks and scores."""

    @property
    @abstractmethod
    def _calls_a_text(self) -> int:
        """Model calls that one text is expected to cost."""

    def _ask(self, texts: Sequence[str]) -> list[Answer]:
        with self.gate:
            if strange := [text for text in texts if not isinstance(text, str)]:
                raise TypeError(f"the victim got a {type(strange[0]).__name__}, not a text")
            fresh = [text for text in dict.fromkeys(texts) if text not in self._answers]
            self.meter.check(len(fresh), len(fresh) * self._calls_a_text)
            rankings = self._rankings(fresh)
            reranks = 0 if self._backend.is_pointwise else len(fresh)
            self.meter.spend(len(fresh), sum(ranking.cost.calls for ranking in rankings), reranks)
            self._answers.update(zip(fresh, map(self._seen, rankings), strict=True))
            return [self._answers[text] for text in texts]


class DocumentVictim(Victim):
    """The served list with texts in the place of one document."""

    def __init__(
        self, backend: ScoringBackend, served: RankedList, doc_id: str, access: Access, budget: Budget | None = None
    ) -> None:
        super().__init__(backend, served, access, budget)
        self._doc_id = doc_id
        clean = [candidate.text for candidate in served.request.candidates if candidate.doc_id == doc_id]
        self._answers.update({text: self._seen(served.ranking) for text in clean})  # the attacker sees the served list

    def gradients(self) -> GradientView:
        """Return the white-box view of the query."""
        return self._view(self._served.request.query)

    def _rankings(self, texts: Sequence[str]) -> list[Ranking]:
        return self._backend.rerank([(self._served, {self._doc_id: text}) for text in texts])

    def _seen(self, ranking: Ranking) -> Answer:
        position = self._served.request.doc_ids.index(self._doc_id)
        return ranking.ranks[position], None if ranking.scores is None else ranking.scores[position]

    @property
    def _calls_a_text(self) -> int:
        return 1 if self._backend.is_pointwise else len(self._served.request)


class QueryVictim(Victim):
    """The candidates of a query, ranked for other queries in its place."""

    def gradients(self) -> GradientView:
        """Refuse: the contract has gradients by the document, none by the query.

        Raises:
            AccessDenied: Always.
        """
        raise AccessDenied("the attack needs gradients with respect to the query, which are not available")

    def _rankings(self, texts: Sequence[str]) -> list[Ranking]:
        return self._backend.rank([replace(self._served.request, query=text) for text in texts])

    def _seen(self, ranking: Ranking) -> Answer:
        order = list(self._served.ranking.order)
        return ranking.ranks[order], None if ranking.scores is None else ranking.scores[order]

    @property
    def _calls_a_text(self) -> int:
        return len(self._served.request)


class QueryInterface(Metered):
    """Used in ``prepare`` to query the victim on arbitrary lists, before any target is chosen.

    Args:
        backend: Ranks.
        access: What is granted.
        budget: What it may cost.
        checkpoint_dir: Cache directory of surrogate-model checkpoints; None keeps nothing.
        search_file: Where a search that a parameter prolongs (``Attack.prolonged_by``) keeps how far it came: one file
            for all values of that parameter, and for all else that decides the search; None keeps nothing.
    """

    def __init__(
        self,
        backend: ScoringBackend,
        access: Access,
        budget: Budget | None = None,
        checkpoint_dir: Path | None = None,
        search_file: Path | None = None,
    ) -> None:
        super().__init__(backend, access, budget)
        self.checkpoint_dir, self.search_file = checkpoint_dir, search_file

    def rank(self, request: Request) -> list[int]:
        """Return the positions of the candidates in the victim's order, best first; counts one query a document."""
        self._require(Access.RANKS)
        self.meter.check(len(request), len(request))
        (ranking,) = self._backend.rank([request])
        self.meter.spend(len(request), ranking.cost.calls, 0 if self._backend.is_pointwise else 1)
        return list(ranking.order)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], a pointwise victim's scores of pairs, in one call; counts one query a pair.

        Raises:
            AccessDenied: Scores are not granted, or the ranker ranks lists.
        """
        self._require(Access.SCORES)
        if not self._backend.is_pointwise:
            raise AccessDenied("the attack needs scores of single pairs, but this ranker ranks lists")
        self.meter.check(len(pairs), len(pairs))
        self.meter.spend(len(pairs), len(pairs))
        return self._backend.score(pairs)

    def gradients(self, query: str) -> GradientView:
        """Return the white-box view of a query; counts one query a document differentiated.

        Raises:
            AccessDenied: Gradients are not granted, or the ranker has none.
        """
        return self._view(query)


def blind_victim(backend: ScoringBackend, target: Target) -> Victim:
    """Return the victim of an attack that asks nothing, as when training texts are perturbed."""
    candidates = (Candidate(Document(target.doc_id, target.document)),) if target.doc_id else ()
    served = RankedList(Request(target.query_id, target.query, candidates), Ranking(tuple(range(len(candidates)))))
    return DocumentVictim(backend, served, target.doc_id, Access.NOTHING)
