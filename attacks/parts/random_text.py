"""Random words of a collection, in place of the words of a text: what controls write."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robustrank.attack import Edit, apply_edits
from robustrank.collections.collection import Collection
from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.words import words


def vocabulary(collection: Collection) -> list[str]:
    """Return the collection's words, stop words left out, sorted."""
    return sorted({word.key for text in collection.documents.values() for word in words(text)} - STOP_WORDS)


def noise(text: str, choices: Sequence[str], rng: np.random.Generator) -> str:
    """Return ``text`` with every word replaced by one drawn from ``choices``.

    Raises:
        RuntimeError: There is nothing to draw from.
    """
    if not choices:
        raise RuntimeError("the control knows no words: prepare(oracle, collection, rng) was not called")
    edits = tuple(Edit(word.start, word.end, choices[int(rng.integers(len(choices)))]) for word in words(text))
    return apply_edits(text, edits)
