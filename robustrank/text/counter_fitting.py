"""Counter-fitting: word vectors moved together for synonyms and apart for antonyms.

Source: Mrkšić, Ó Séaghdha, Thomson, Gašić, Rojas-Barahona, Su, Vandyke, Wen, Young: Counter-fitting Word Vectors to
Linguistic Constraints, NAACL 2016, arXiv 1603.00892: antonym repel (margin 1), synonym attract (margin 0) and vector
space preservation (of pairs within .2), 20 rounds, equal weights. Each round moves all words at once, by the mean of
their gradients; the step length is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.text_lines import lines

APART = 1.0  # minimum distance of antonyms; a distance is one minus a cosine
NEAR = 0.2  # pairs within this distance keep it, or come nearer
ROUNDS = 20
RATE = 0.5
BLOCK = 2048  # rows of the similarity matrix at a time

Pairs = NDArray[np.int64]  # [n, 2]


def counter_fitted(
    words: Sequence[str],
    vectors: NDArray[np.float32],
    synonyms: Iterable[tuple[str, str]],
    antonyms: Iterable[tuple[str, str]],
    rounds: int = ROUNDS,
) -> NDArray[np.float32]:
    """Return float32[n, d], the counter-fitted vectors, each of length 1.

    Args:
        words: n words, all different.
        vectors: float32[n, d].
        synonyms: Pairs of words; pairs with a word without a vector are ignored.
        antonyms: Pairs of words, likewise; a pair listed as both counts as antonyms.
        rounds: Number of updates of all words.
    """
    indices = {word: index for index, word in enumerate(words)}
    repel = _pairs(antonyms, indices)
    constrained = set(map(tuple, repel.tolist()))
    attract = np.array(
        [pair for pair in _pairs(synonyms, indices).tolist() if tuple(pair) not in constrained], dtype=np.int64
    ).reshape(-1, 2)
    fitted = _unit(vectors.astype(np.float64))
    preserve, distances = _neighbours(fitted, constrained | set(map(tuple, attract.tolist())))
    for _ in range(rounds):
        step, counts = np.zeros_like(fitted), np.zeros(len(fitted))
        _move(fitted, repel[_distances(fitted, repel) < APART], -1.0, step, counts)
        _move(fitted, attract[_distances(fitted, attract) > 0], 1.0, step, counts)
        _move(fitted, preserve[_distances(fitted, preserve) > distances + 1e-9], 1.0, step, counts)
        fitted = _unit(fitted + RATE * step / np.maximum(counts, 1)[:, None])
    return fitted.astype(np.float32)


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """Return the pairs of words of a file, two words per line.

    Raises:
        DataError: The file cannot be read, or a line does not hold two words.
    """
    pairs = []
    for where, line in lines(path):
        tokens = line.split()
        if len(tokens) != 2:
            raise DataError(f"a line with {len(tokens)} words", where=where, allowed="two words per line")
        pairs.append((tokens[0], tokens[1]))
    return pairs


def _pairs(pairs: Iterable[tuple[str, str]], indices: dict[str, int]) -> Pairs:
    """Return the distinct pairs of words that have vectors, the earlier word first."""
    distinct = {
        (min(indices[a], indices[b]), max(indices[a], indices[b]))
        for a, b in pairs
        if a in indices and b in indices and a != b
    }
    return np.array(sorted(distinct), dtype=np.int64).reshape(-1, 2)


def _neighbours(unit: NDArray[np.float64], constrained: Set[tuple[int, ...]]) -> tuple[Pairs, NDArray[np.float64]]:
    """Return the unconstrained pairs within ``NEAR``, and their distances."""
    pairs = []
    single = unit.astype(np.float32)
    for start in range(0, len(unit), BLOCK):
        rows, columns = np.nonzero(single[start : start + BLOCK] @ single.T >= 1 - NEAR)
        later = columns > rows + start
        pairs.append(np.stack([rows[later] + start, columns[later]], axis=1))
    free = [pair for pair in np.concatenate(pairs).tolist() if tuple(pair) not in constrained] if pairs else []
    preserved = np.array(free, dtype=np.int64).reshape(-1, 2)
    return preserved, _distances(unit, preserved)


def _distances(unit: NDArray[np.float64], pairs: Pairs) -> NDArray[np.float64]:
    distances: NDArray[np.float64] = 1 - (unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(axis=1)
    return distances


def _move(
    unit: NDArray[np.float64], pairs: Pairs, sign: float, step: NDArray[np.float64], counts: NDArray[np.float64]
) -> None:
    """Add to ``step`` the direction from each word of a pair towards its partner, times ``sign``."""
    cosines = 1 - _distances(unit, pairs)
    for moved, partner in ((pairs[:, 0], pairs[:, 1]), (pairs[:, 1], pairs[:, 0])):
        np.add.at(step, moved, sign * (unit[partner] - cosines[:, None] * unit[moved]))
        np.add.at(counts, moved, 1)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return unit
