"""Random words of a collection: the text of random-edit baselines (controls)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robustrank.attack import Edit, apply_edits
from robustrank.collections.collection import Collection
from robustrank.text.stopwords import stop_words
from robustrank.text.words import vocabulary, words


def content_vocabulary(collection: Collection) -> list[str]:
    """Return the words of the collection without stop words, sorted."""
    return sorted(collection.statistic(vocabulary) - stop_words(collection.language))


def randomise_words(text: str, vocabulary: Sequence[str], rng: np.random.Generator) -> str:
    """Return ``text`` with every word replaced by a random word of ``vocabulary``.

    Raises:
        RuntimeError: The vocabulary is empty.
    """
    if not vocabulary:
        raise RuntimeError("the control has no vocabulary: call prepare(interface, collection, rng) before it is used")
    edits = tuple(Edit(word.start, word.end, vocabulary[int(rng.integers(len(vocabulary)))]) for word in words(text))
    return apply_edits(text, edits)
