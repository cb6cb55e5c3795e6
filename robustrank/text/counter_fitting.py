"""Counter-fitting: word vectors pulled together for synonyms and pushed apart for antonyms.

Source: Mrkšić, Ó Séaghdha, Thomson, Gašić, Rojas-Barahona, Su, Vandyke, Wen, Young: Counter-fitting Word Vectors to
Linguistic Constraints, NAACL 2016, arXiv 1603.00892: antonym repel (margin 1), synonym attract (margin 0) and vector
space preservation (of pairs within .2), 20 rounds, equal weights. Each round moves all words at once, by the mean of
the gradients they get; the length of that step is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError

APART = 1.0  # the least distance of antonyms; a distance is one minus a cosine
NEAR = 0.2  # pairs no further apart than this keep their distance, or come nearer
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
        synonyms: Pairs of words; those with a word that has no vector are left out.
        antonyms: Pairs of words, likewise; a pair that is named as both is one of antonyms.
        rounds: How often all words are moved.
    """
    places = {word: place for place, word in enumerate(words)}
    apart = _pairs(antonyms, places)
    named = {(int(a), int(b)) for a, b in apart}
    near = np.array([p for p in _pairs(synonyms, places).tolist() if tuple(p) not in named], dtype=np.int64).reshape(
        -1, 2
    )
    found = _unit(vectors.astype(np.float64))
    kept, distances = _neighbours(found, named | {(int(a), int(b)) for a, b in near})
    for _ in range(rounds):
        step, counts = np.zeros_like(found), np.zeros(len(found))
        _move(found, apart[_distances(found, apart) < APART], -1.0, step, counts)
        _move(found, near[_distances(found, near) > 0], 1.0, step, counts)
        _move(found, kept[_distances(found, kept) > distances + 1e-9], 1.0, step, counts)
        found = _unit(found + RATE * step / np.maximum(counts, 1)[:, None])
    return found.astype(np.float32)


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """Return the pairs of words of a file, two words a line.

    Raises:
        DataError: The file cannot be read, or a line does not hold two words.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the constraints cannot be read: {error}", where=str(path)) from error
    pairs = []
    for number, line in enumerate(lines, 1):
        parts = line.split()
        if parts and len(parts) != 2:
            raise DataError(f"a line holds {len(parts)} words", where=f"{path}:{number}", allowed="two words a line")
        if parts:
            pairs.append((parts[0], parts[1]))
    return pairs


def _pairs(pairs: Iterable[tuple[str, str]], places: dict[str, int]) -> Pairs:
    """Return the distinct pairs of words that have vectors, the earlier word first."""
    found = {
        (min(places[a], places[b]), max(places[a], places[b]))
        for a, b in pairs
        if a in places and b in places and a != b
    }
    return np.array(sorted(found), dtype=np.int64).reshape(-1, 2)


def _neighbours(unit: NDArray[np.float64], named: Set[tuple[int, int]]) -> tuple[Pairs, NDArray[np.float64]]:
    """Return the pairs within ``NEAR`` that no constraint names, and their distances."""
    pairs = []
    single = unit.astype(np.float32)
    for start in range(0, len(unit), BLOCK):
        rows, columns = np.nonzero(single[start : start + BLOCK] @ single.T >= 1 - NEAR)
        later = columns > rows + start
        pairs.append(np.stack([rows[later] + start, columns[later]], axis=1))
    free = [pair for pair in np.concatenate(pairs).tolist() if tuple(pair) not in named] if pairs else []
    found = np.array(free, dtype=np.int64).reshape(-1, 2)
    return found, _distances(unit, found)


def _distances(unit: NDArray[np.float64], pairs: Pairs) -> NDArray[np.float64]:
    found: NDArray[np.float64] = 1 - (unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(axis=1)
    return found


def _move(
    unit: NDArray[np.float64], pairs: Pairs, sign: float, step: NDArray[np.float64], counts: NDArray[np.float64]
) -> None:
    """Add to ``step`` the direction in which each word of some pairs nears the other, times ``sign``."""
    cosines = 1 - _distances(unit, pairs)
    for own, other in ((0, 1), (1, 0)):
        here, there = pairs[:, own], pairs[:, other]
        np.add.at(step, here, sign * (unit[there] - cosines[:, None] * unit[here]))
        np.add.at(counts, here, 1)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return found
