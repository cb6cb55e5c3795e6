"""Word vectors by term, for the neural rankers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from robustrank.text.analysis import analyze
from robustrank.text.vectors import read_vectors


@dataclass(frozen=True)
class WordVectors:
    """Vectors of terms.

    Attributes:
        rows: Term to the row of its vector. A term is the stem of a word; of all words with a stem, the first of the
            file, in practice the most frequent, gives the vector.
        table: float32[V, E].
        digest: A hash of all of it.
    """

    rows: dict[str, int]
    table: NDArray[np.float32] = field(repr=False)
    digest: str


@cache
def word_vectors(name: str) -> WordVectors:
    """Return the vectors ``glove``, or those of a file: a word and its numbers on each line, gzipped if named .gz.

    Raises:
        DataError: There is no such file or package, or a line does not fit.
    """
    words, table = read_vectors(name)
    rows: dict[str, int] = {}
    for row, word in enumerate(words):
        terms = analyze(word)
        if len(terms) == 1:
            rows.setdefault(terms[0], row)
    kept = sorted(rows.values())
    places = {row: place for place, row in enumerate(kept)}
    table = np.ascontiguousarray(table[kept], dtype=np.float32)
    rows = {term: places[row] for term, row in rows.items()}
    digest = hashlib.sha256("\n".join(rows).encode("utf-8", "surrogatepass") + table.tobytes()).hexdigest()[:16]
    return WordVectors(rows, table, digest)
