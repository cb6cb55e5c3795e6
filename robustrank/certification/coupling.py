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
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.coverage import Changes
from robustrank.text.table import PerturbationSets
from robustrank.text.words import Case, case_of, in_case, words

Hashes = NDArray[np.uint64]

BLOCK = 100_000  # hashes computed at once
MEMORY = 10_000  # texts whose words are remembered

_STEP, _FIRST, _SECOND = (np.uint64(c) for c in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


@dataclass(frozen=True, slots=True)
class DrawnWord:
    """A word for which others are drawn: its index among the words of a text, its key and case, its characters."""

    index: int
    key: str
    case: Case
    start: int
    end: int


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
    _words: dict[str, list[DrawnWord]] = field(default_factory=dict, repr=False)
    _changes: dict[tuple[str, int], Changes] = field(default_factory=dict, repr=False)
    _numbers: dict[str, int] = field(default_factory=dict, repr=False)  # of words, to compare draws from two sets

    def copies(self, text: str, stop: int, start: int = 0) -> list[str]:
        """Return copies ``start`` to ``stop`` of a text."""
        drawn_words = self.drawn_words(text)
        if not drawn_words:
            return [text] * (stop - start)
        parts, position = [""] * (2 * len(drawn_words) + 1), 0
        for number, word in enumerate(drawn_words):
            parts[2 * number] = text[position : word.start]
            position = word.end
        parts[-1] = text[position:]
        picks = self.picks([(word.index, word.key) for word in drawn_words], stop, start)
        forms = [self._written(word.key, word.case) for word in drawn_words]
        columns = [map(written.__getitem__, row) for written, row in zip(forms, picks.tolist(), strict=True)]
        copies = []
        for drawn in zip(*columns, strict=True):
            parts[1::2] = drawn
            copies.append("".join(parts))
        return copies

    def drawn_words(self, text: str) -> list[DrawnWord]:
        """Return the words of a text for which others are drawn."""
        if text not in self._words:
            if len(self._words) >= MEMORY:
                self._words.clear()
            self._words[text] = [
                DrawnWord(index, word.key, case_of(word.text), word.start, word.end)
                for index, word in enumerate(words(text))
                if word.key in self.sets.table.neighbours
            ]
        return self._words[text]

    def picks(self, indexed: Sequence[tuple[int, str]], stop: int, start: int = 0) -> NDArray[np.int64]:
        """Return int64[words, stop - start], the position in P(key) of the word that each copy draws.

        Args:
            indexed: Words of a text, (index, key) each.
            stop: The end of the copies.
            start: Their start.
        """
        copies = _mixed((np.arange(start, stop, dtype=np.uint64) + np.uint64(1)) * _STEP + np.uint64(self.seed))
        picks = np.empty((len(indexed), len(copies)), dtype=np.int64)
        by_size: dict[int, list[int]] = {}  # words whose sets have the same size are drawn together
        for number, (_, key) in enumerate(indexed):
            by_size.setdefault(len(self._hashes(key)), []).append(number)
        for size, numbers in by_size.items():
            step = max(1, BLOCK // (size * len(copies) + 1))
            for block in (numbers[i : i + step] for i in range(0, len(numbers), step)):
                indices = np.array([indexed[number][0] + 1 for number in block], dtype=np.uint64)
                hashes = np.array([self._hashes(indexed[number][1]) for number in block])
                positions = _mixed(copies + indices[:, None] * _SECOND)
                picks[block] = _mixed(positions[:, :, None] ^ hashes[:, None, :]).argmin(axis=2)
        return picks

    def changes(self, text: str, count: int) -> Changes:
        """Return which of the first ``count`` copies change where a word is replaced, for each word and substitute.

        Words and substitutes that change no copy are left out, and substitutes that change the same copies.
        """
        if (text, count) not in self._changes:
            self._changes[text, count] = self._changes_of(text, count)
        return self._changes[text, count]

    def _changes_of(self, text: str, count: int) -> Changes:
        masks, positions = [], []
        for word in self.drawn_words(text):
            rivals = self._rivals(word.key)
            if not rivals:
                continue
            before = self._drawn(word.key, word.index, count)
            distinct = {(self._drawn(rival, word.index, count) != before).tobytes() for rival in rivals}
            changed = [np.frombuffer(mask, dtype=np.bool_) for mask in sorted(distinct)]
            masks += [mask for mask in changed if mask.any()]
            positions += [word.index for mask in changed if mask.any()]
        return Changes(np.array(masks, dtype=np.bool_).reshape(len(masks), count), np.array(positions, dtype=np.int64))

    def _written(self, key: str, case: Case) -> list[str]:
        """Return the words of P(key) in a case."""
        if (key, case) not in self._forms:
            self._forms[key, case] = [in_case(word, case) for word in self.sets.neighbourhood(key)]
        return self._forms[key, case]

    def _rivals(self, key: str) -> list[str]:
        """Return a substitute for each perturbation set of substitutes that is another than the word's."""
        if self.sets.overlap(key) == 1:
            return []
        of_set = {self.sets.neighbourhood(substitute): substitute for substitute in self.sets.table.substitutes(key)}
        return [substitute for chosen, substitute in of_set.items() if chosen != self.sets.neighbourhood(key)]

    def _drawn(self, key: str, index: int, count: int) -> NDArray[np.int64]:
        """Return int64[count], the number of the word that each copy draws for a word at an index."""
        numbers = [self._numbers.setdefault(word, len(self._numbers)) for word in self.sets.neighbourhood(key)]
        drawn: NDArray[np.int64] = np.array(numbers, dtype=np.int64)[self.picks([(index, key)], count)[0]]
        return drawn

    def _hashes(self, key: str) -> Hashes:
        if key not in self._keys:
            digests = (hashlib.blake2b(word.encode(), digest_size=8).digest() for word in self.sets.neighbourhood(key))
            self._keys[key] = np.array([int.from_bytes(digest, "big") for digest in digests], dtype=np.uint64)
        return self._keys[key]


def _mixed(x: Hashes) -> Hashes:
    """Return the numbers scattered over all bits (SplitMix64, Steele, Lea, Flood, OOPSLA 2014)."""
    x = x ^ (x >> np.uint64(30))
    for factor, shift in ((_FIRST, 27), (_SECOND, 31)):
        x *= factor
        x ^= x >> np.uint64(shift)
    return x
