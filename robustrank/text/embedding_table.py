"""Substitution tables without a download: neighbours in the input embeddings of a local encoder, without antonyms.

An attacker is not restricted to the words of a collection, so substitutes come from the encoder's whole vocabulary. Of
that table only the components of the given words are computed: no chain of substitutions leaves them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.loaded import load_once
from robustrank.paths import given_path
from robustrank.plugins.contents import file_digest
from robustrank.steps import Steps
from robustrank.text.antonyms import are_antonyms
from robustrank.text.languages import ENGLISH
from robustrank.text.packages import minilm_folder
from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.table import DECIMALS, SubstitutionTable, symmetric

SYNONYMS = "synonyms"  # the name of the packaged table: synonyms of one part of speech and inflection
ENCODER = "encoder"  # the name of the table of the packaged encoder: mostly inflections
MINIMUM_LENGTH = 3  # letters
BLOCK = 1024  # rows of the similarity matrix at a time

Relation = Callable[[str, str], bool]


def load_table(name: str, vocabulary: frozenset[str], threshold: float, neighbours: int) -> SubstitutionTable:
    """Return the table ``name``.

    Args:
        name: ``synonyms`` for the packaged table, ``encoder`` for the packaged MiniLM, an encoder's folder, or a table
            file.
        vocabulary: The words that an encoder's table must cover.
        threshold: The minimum cosine of a substitute, for an encoder's table.
        neighbours: The maximum number of substitutes of a word before symmetric closure, for an encoder's table.

    Raises:
        DataError: The encoder or table is missing or cannot be read.
    """
    path = _path(name)
    if not path.exists():
        raise DataError(
            f"there is no substitution table {name!r}",
            where=str(path),
            allowed=f"{SYNONYMS}, {ENCODER}, the folder of an encoder, or a table file",
            hint="robustrank table build",
        )
    if not path.is_dir():
        return load_once(("table", path, file_digest(path)), lambda: SubstitutionTable.load(path))
    return encoder_table(path, threshold, neighbours, vocabulary)


def table_languages(name: str) -> tuple[str, ...]:
    """Return the languages of the table ``name``: English; that of a file may be of any."""
    return (ENGLISH,) if name in (SYNONYMS, ENCODER) or given_path(name).is_dir() else ()


def check_table(name: str) -> None:
    """Refuse a table whose encoder or file is missing, or whose file cannot be read.

    Raises:
        DataError: It is.
    """
    path = _path(name)
    if not path.is_dir():
        SubstitutionTable.load(path)


def _path(name: str) -> Path:
    if name == SYNONYMS:
        return Path(str(files("robustrank.text") / "data" / "synonyms.tsv"))
    return minilm_folder() if name == ENCODER else given_path(name)


@cache
def encoder_table(
    folder: Path, threshold: float, neighbours: int, vocabulary: frozenset[str] | None = None
) -> SubstitutionTable:
    """Return the table of an encoder's input embeddings, over the whole words of its vocabulary.

    Args:
        folder: The encoder's folder; see :func:`read_embeddings`.
        threshold: The minimum cosine of a substitute.
        neighbours: The maximum number of substitutes of a word before symmetric closure.
        vocabulary: Restricts the table to components with at least one of these words.
    """
    keys, vectors = encoder_words(folder)
    if vocabulary is not None:
        start = np.array([key in vocabulary for key in keys], dtype=np.bool_)
        near = _reachable(unit_vectors(vectors), start, threshold)
        keys, vectors = [keys[i] for i in near], vectors[near]
    source = "sentence-transformers/all-MiniLM-L6-v2" if folder == minilm_folder() else folder.name
    header = {
        "source": f"input embeddings of {source}, stop words and antonyms left out",
        "threshold": threshold,
        "neighbours": neighbours,
    }
    return embedding_table(keys, vectors, threshold, neighbours, header)


def embedding_table(
    keys: Sequence[str],
    vectors: NDArray[np.float32],
    threshold: float,
    neighbours: int,
    header: dict[str, object] | None = None,
    opposed: Relation = are_antonyms,
) -> SubstitutionTable:
    """Return the table of nearest neighbours by cosine.

    Args:
        keys: n words.
        vectors: float32[n, d], their embeddings.
        threshold: The minimum cosine of a substitute.
        neighbours: The maximum number of substitutes of a word before symmetric closure.
        header: The header of the table.
        opposed: Whether two words must not replace each other.
    """
    return symmetric(dict(_neighbours(keys, unit_vectors(vectors), threshold, neighbours, opposed)), header or {})


def encoder_words(folder: Path) -> tuple[list[str], NDArray[np.float32]]:
    """Return the whole words of an encoder's vocabulary without stop words, and their input embeddings float32[n, H].

    Raises:
        DataError: As :func:`read_embeddings`.
    """
    pieces, embeddings = read_embeddings(folder)
    eligible = [i for i, piece in enumerate(pieces) if _is_eligible(piece)]
    return [pieces[i] for i in eligible], embeddings[eligible]


def read_embeddings(folder: Path) -> tuple[list[str], NDArray[np.float32]]:
    """Return an encoder's wordpieces and their input embeddings float32[V, H], read without torch.

    The folder holds model.safetensors, and vocab.txt or a tokenizer.json of kind WordPiece.

    Raises:
        DataError: A file is missing or unreadable, or the model has no word embeddings.
    """
    from safetensors import SafetensorError, safe_open

    try:
        pieces = _wordpieces(folder)
        with safe_open(folder / "model.safetensors", framework="numpy") as weights:
            names = [name for name in weights.keys() if name.endswith("word_embeddings.weight")]  # noqa: SIM118
            if not names:
                raise DataError("the model has no word embeddings", where=str(folder))
            return pieces, np.asarray(weights.get_tensor(names[0]), dtype=np.float32)[: len(pieces)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, SafetensorError) as error:
        raise DataError(f"the encoder cannot be read: {error}", where=str(folder)) from error


def _wordpieces(folder: Path) -> list[str]:
    if (folder / "vocab.txt").exists():
        return (folder / "vocab.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    model = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    if model.get("type") != "WordPiece":
        raise DataError(
            f"a vocabulary of type {model.get('type')!r} does not mark word boundaries",
            where=str(folder / "tokenizer.json"),
            allowed="WordPiece",
        )
    return sorted(model["vocab"], key=model["vocab"].__getitem__)


def _is_eligible(piece: str) -> bool:
    return piece.isascii() and piece.isalpha() and len(piece) >= MINIMUM_LENGTH and piece not in STOP_WORDS


def unit_vectors(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors of length 1, float32[n, d]."""
    unit: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return unit


def _near(
    unit: NDArray[np.float32], rows: NDArray[np.int64], threshold: float
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield blocks of cosines of some rows to all rows, and which of them, rounded, reach the threshold."""
    minimum = np.float32(threshold - 0.5 * 10**-DECIMALS)
    steps = Steps(len(rows), "words of the substitution table")
    for start in range(0, len(rows), BLOCK):
        cosines = unit[rows[start : start + BLOCK]] @ unit.T
        yield cosines, cosines >= minimum
        steps.advance(len(cosines))


def _reachable(unit: NDArray[np.float32], start: NDArray[np.bool_], threshold: float) -> NDArray[np.int64]:
    """Return the indices reachable from ``start`` by chains of cosines >= threshold."""
    visited, fresh = start.copy(), start
    while fresh.any():
        reached = np.zeros_like(start)
        for _, near in _near(unit, np.flatnonzero(fresh), threshold):
            reached |= near.any(axis=0)
        fresh = reached & ~visited
        visited |= fresh
    return np.flatnonzero(visited)


def _neighbours(
    keys: Sequence[str], unit: NDArray[np.float32], threshold: float, neighbours: int, opposed: Relation
) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each word with its nearest neighbours and their cosines, nearest first, ties in alphabetical order."""
    number = 0
    for cosines, near in _near(unit, np.arange(len(keys)), threshold):
        for row, mask in zip(cosines, near, strict=True):
            nearness = {int(i): -round(float(row[i]), DECIMALS) for i in np.flatnonzero(mask) if i != number}
            order = sorted(nearness, key=lambda i: (nearness[i], keys[i]))
            allowed = (i for i in order if not opposed(keys[number], keys[i]))  # asked of no more than are kept
            yield keys[number], {keys[i]: -nearness[i] for i in islice(allowed, neighbours)}
            number += 1
