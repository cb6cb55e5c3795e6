"""Coupled smoothing: the words of smoothed copies are drawn by hashing, so that an edit changes copies one can count.

Copy i of a text writes, for its word w at index j, the word v of the perturbation set P(w) with the least H(seed, i, j,
v). If H is a random function, v is uniform on P(w) and independent over copies and words: a smoothed ranker as any
other. But H knows nothing of the text. Where w' replaces w, copy i is the same text, character by character, unless
another word of P(w') than of P(w) is drawn there: so an edit changes only the copies in which a replaced word is drawn
differently, and these are known without sampling.

Sources: MinHash, Broder, SEQUENCES 1997; smoothing with noise that is not independent, Levine, Feizi, ICML 2021, arXiv
2103.10834.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.coverage import Changes
from robustrank.text.table import PerturbationSets
from robustrank.text.words import Case, case_of, in_case, words

Hashes = NDArray[np.uint64]

_STEP, _FIRST, _SECOND = (np.uint64(c) for c in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


@dataclass
class CoupledCopies:
    """The smoothed copies of texts under one seed.

    Attributes:
        sets: The perturbation set of each word.
        seed: Names the function H.
    """

    sets: PerturbationSets
    seed: int
    _forms: dict[tuple[str, Case], list[str]] = field(default_factory=dict, repr=False)
    _keys: dict[str, Hashes] = field(default_factory=dict, repr=False)
    _changes: dict[tuple[str, int], Changes] = field(default_factory=dict, repr=False)
    _numbers: dict[str, int] = field(default_factory=dict, repr=False)  # of words, to compare draws from two sets

    def copies(self, text: str, stop: int, start: int = 0) -> list[str]:
        """Return copies ``start`` to ``stop`` of a text."""
        pieces, drawn, position = [], [], 0
        for index, word in enumerate(words(text)):
            if self._is_drawn(word.key):
                forms = self._written(word.key, case_of(word.text))
                pieces.append(text[position : word.start])
                drawn.append([forms[pick] for pick in self._picks(word.key, index, start, stop).tolist()])
                position = word.end
        rest = text[position:]
        if not drawn:
            return [text] * (stop - start)
        return ["".join([b + d for b, d in zip(pieces, row, strict=True)]) + rest for row in zip(*drawn, strict=True)]

    def changes(self, text: str, count: int) -> Changes:
        """Return which of the first ``count`` copies change where a word is replaced, for each word and substitute.

        Words and substitutes that change no copy are left out, and substitutes that change the same copies.
        """
        if (text, count) not in self._changes:
            self._changes[text, count] = self._changes_of(text, count)
        return self._changes[text, count]

    def _changes_of(self, text: str, count: int) -> Changes:
        masks, positions = [], []
        for index, word in enumerate(words(text)):
            rivals = self._rivals(word.key)
            if not rivals:
                continue
            before = self._drawn(word.key, index, count)
            distinct = {(self._drawn(rival, index, count) != before).tobytes() for rival in rivals}
            changed = [np.frombuffer(mask, dtype=np.bool_) for mask in sorted(distinct)]
            masks += [mask for mask in changed if mask.any()]
            positions += [index for mask in changed if mask.any()]
        return Changes(np.array(masks, dtype=np.bool_).reshape(len(masks), count), np.array(positions, dtype=np.int64))

    def _written(self, key: str, case: Case) -> list[str]:
        """Return the words of P(key) in a case."""
        if (key, case) not in self._forms:
            self._forms[key, case] = [in_case(word, case) for word in self.sets.neighbourhood(key)]
        return self._forms[key, case]

    def _is_drawn(self, key: str) -> bool:
        return key in self.sets.table.neighbours

    def _rivals(self, key: str) -> list[str]:
        """Return a substitute for each perturbation set of substitutes that is another than the word's."""
        if not self._is_drawn(key) or self.sets.overlap(key) == 1:
            return []
        of_set = {self.sets.neighbourhood(substitute): substitute for substitute in self.sets.table.substitutes(key)}
        return [substitute for chosen, substitute in of_set.items() if chosen != self.sets.neighbourhood(key)]

    def _drawn(self, key: str, index: int, count: int) -> NDArray[np.int64]:
        """Return int64[count], the number of the word that each copy draws for a word at an index."""
        numbers = [self._numbers.setdefault(word, len(self._numbers)) for word in self.sets.neighbourhood(key)]
        return np.array(numbers, dtype=np.int64)[self._picks(key, index, 0, count)]

    def _picks(self, key: str, index: int, start: int, stop: int) -> NDArray[np.int64]:
        """Return int64[stop - start], the position in P(key) of the word that each copy draws."""
        copies = _mixed((np.arange(start, stop, dtype=np.uint64) + np.uint64(1)) * _STEP + np.uint64(self.seed))
        positions = _mixed(copies + np.array([index + 1], dtype=np.uint64) * _SECOND)
        picks: NDArray[np.int64] = _mixed(positions[:, None] ^ self._hashes(key)[None, :]).argmin(axis=1)
        return picks

    def _hashes(self, key: str) -> Hashes:
        if key not in self._keys:
            digests = (hashlib.blake2b(word.encode(), digest_size=8).digest() for word in self.sets.neighbourhood(key))
            self._keys[key] = np.array([int.from_bytes(digest, "big") for digest in digests], dtype=np.uint64)
        return self._keys[key]


def _mixed(x: Hashes) -> Hashes:
    """Return the numbers scattered over all bits (SplitMix64, Steele, Lea, Flood, OOPSLA 2014)."""
    x = (x ^ (x >> np.uint64(30))) * _FIRST
    x = (x ^ (x >> np.uint64(27))) * _SECOND
    return x ^ (x >> np.uint64(31))
