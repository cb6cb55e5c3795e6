"""Word vectors per term, for the neural rankers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from robustrank.text.analysis import analyser
from robustrank.text.vectors import read_vectors


@dataclass(frozen=True)
class WordVectors:
    """Word vectors per term.

    Attributes:
        rows: Term to the row of its vector. A term is the stem of a word; of all words with the same stem, the first in
            the file (in practice the most frequent) gives the vector.
        table: float32[V, E].
    """

    rows: dict[str, int]
    table: NDArray[np.float32] = field(repr=False)


@cache
def word_vectors(name: str, language: str) -> WordVectors:
    """Return the vectors ``glove``, or those of a file with a word and its numbers on each line, gzipped if named .gz.

    Args:
        name: The vectors.
        language: The language whose analyser makes terms of the words.

    Raises:
        DataError: The file or package is not found, or a line is malformed.
    """
    words, table = read_vectors(name)
    rows: dict[str, int] = {}
    for row, word in enumerate(words):
        terms = analyser(language).terms(word)
        if len(terms) == 1:
            rows.setdefault(terms[0], row)
    used = sorted(rows.values())
    index = {row: i for i, row in enumerate(used)}
    table = np.ascontiguousarray(table[used], dtype=np.float32)
    rows = {term: index[row] for term, row in rows.items()}
    return WordVectors(rows, table)
