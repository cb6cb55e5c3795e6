"""What is tested: the contract every ranker keeps, and the capabilities some rankers have beyond it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection

Pair = tuple[str, str]  # (query text, document text)
Scores = NDArray[np.float32]


class Ranker(ABC):
    """A pointwise ranker: pairs in, scores out, higher is more relevant.

    A constructor only keeps its parameters: weights load at the first score, so that listing, planning and
    ``--dry-run`` stay fast. A score is a function of the pair alone: neither the other pairs of the call nor their
    order may change it.
    """

    family: ClassVar[str] = "other"  # traditional, learned, neural, pretrained, other

    @property
    def fingerprint(self) -> str:
        """What decides a score beyond code, parameters, files they name and the collection, as a model of the hub."""
        return ""

    @abstractmethod
    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], one score a pair, in the order given. Pairs may repeat and texts may be empty."""

    def prepare(self, collection: Collection) -> None:  # noqa: B027 - optional hook
        """Learn what needs no judgements, as document frequencies; called once, before score."""

    def check(self) -> None:  # noqa: B027 - optional hook
        """Refuse at planning what cannot score, as missing weights; not called if the ranker is to be trained."""


@runtime_checkable
class TrainableRanker(Protocol):
    """A ranker with weights to be learned from judgements."""

    def fit(
        self, train: Collection, validation: Collection, seed: int, folder: str, settings: Mapping[str, Any]
    ) -> None:
        """Train on ``train``, stop early on ``validation``; ``folder`` appears whole, with a checkpoint and a card."""

    def load(self, folder: str) -> Ranker:
        """Return the ranker with the weights :meth:`fit` left in ``folder``."""


@dataclass(frozen=True)
class Encoding:
    """The document's tokens as the model reads them, query and special tokens left out.

    Attributes:
        ids: int64[L], vocabulary ids of the document's tokens after truncation.
        spans: L pairs (start, end): the characters of the document text each token covers.
    """

    ids: NDArray[np.int64]
    spans: tuple[tuple[int, int], ...]


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
