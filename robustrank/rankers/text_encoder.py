"""Embeddings of texts by a ranker that has them, whichever it is: for measures, constraints and dense retrieval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import UsageError
from robustrank.plugins import create
from robustrank.plugins.specification import parse

Vectors = NDArray[np.float32]


@runtime_checkable
class TextEncoder(Protocol):
    """A ranker that embeds texts, as a bi-encoder."""

    def embed(self, texts: Sequence[str]) -> Mapping[str, Vectors]:
        """Return the vector float32[H] of each text."""


@runtime_checkable
class DualEncoder(TextEncoder, Protocol):
    """A ranker that embeds queries and documents, and scores a pair by the similarity of the two vectors."""

    def embed_queries(self, texts: Sequence[str]) -> Mapping[str, Vectors]:
        """Return the vector float32[H] of each text, read as a query."""

    def similarity_of(self, query: Vectors, document: Vectors) -> float:
        """Return the similarity of two vectors, float32[H] each: the score of the pair."""

    def approximate_similarities(self, queries: Vectors, documents: Vectors) -> Vectors:
        """Return float32[Q, D], equal to :meth:`similarity_of` but for rounding, for float32[Q, H], float32[D, H]."""


def text_encoder(specification: str) -> TextEncoder:
    """Return the ranker of a specification, as ``minilm``; its weights load when it first embeds.

    Raises:
        UsageError: The ranker embeds no texts.
    """
    ranker = create("ranker", parse(specification))
    if not isinstance(ranker, TextEncoder):
        raise UsageError(f"encoder {specification!r} embeds no texts", allowed="a bi-encoder, as minilm")
    return ranker


def dual_encoder(specification: str) -> DualEncoder:
    """Return the ranker of a specification, which embeds queries and documents; see :func:`text_encoder`.

    Raises:
        UsageError: It does not.
    """
    ranker = create("ranker", parse(specification))
    if not isinstance(ranker, DualEncoder):
        raise UsageError(f"encoder {specification!r} is no bi-encoder", allowed="bi-encoder:model=…, minilm")
    return ranker
