"""Embeddings of texts by a ranker that has them, whichever it is: for measures and constraints of similarity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import UsageError
from robustrank.plugins import create
from robustrank.plugins.specification import parse


@runtime_checkable
class TextEncoder(Protocol):
    """A ranker that embeds texts, as a bi-encoder."""

    def embed(self, texts: Sequence[str]) -> Mapping[str, NDArray[np.float32]]:
        """Return the vector float32[H] of each text."""


def text_encoder(specification: str) -> TextEncoder:
    """Return the ranker of a specification, as ``minilm``; its weights load when it first embeds.

    Raises:
        UsageError: The ranker embeds no texts.
    """
    ranker = create("ranker", parse(specification))
    if not isinstance(ranker, TextEncoder):
        raise UsageError(f"encoder {specification!r} embeds no texts", allowed="a bi-encoder, as minilm")
    return ranker
