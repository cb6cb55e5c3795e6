"""Random masking: scores copies of a document in which most words are masked; certifies against any replaced words.

Source: RobustMask, arXiv 2512.23307; the bound is Levine and Feizi's for randomized ablation (AAAI 2020, arXiv
1911.09272). The theorem as RobustMask prints it divides by the number of masks a second time, and certifies almost any
positive margin; it is not implemented.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.defense import Defense, pointwise
from robustrank.plugins.constraints import Count, InnerShare, Number, Positive, SomeShare
from robustrank.randomness import derive
from robustrank.rankers.ranker import Ranker
from robustrank.text.table import PerturbationSets, SubstitutionTable
from robustrank.text.words import words

from .parts.smoothing import Bound, SmoothedRanker, SmoothingSettings


@dataclass(frozen=True)
class RandomMasking(Defense):
    """The mean of squashed scores over copies that keep a share of the words, each set of words equally likely.

    The certificate covers any R words replaced by any words, with R from the ``radii`` of the task; where every word
    may change, nothing is certified. Insertions and deletions shift positions and are not covered.
    """

    keep: SomeShare = 0.3  # share of the words that a copy keeps, at least one word
    mask: str = ""  # written for each masked word, e.g. [MASK]; empty deletes masked words
    samples: Count = 100  # copies of each document
    alpha: InnerShare = 0.05  # probability of a wrong verdict, per query
    bound: Bound = "betting"  # confidence bound on the smoothed scores; sequential samples on demand
    most: Count = 1000  # maximum number of copies of a document under the sequential bound
    centre: Number | None = None  # raw score that is squashed to 1/2; null is the middle of the clean scores
    scale: Positive | None = None  # slope of the sigmoid; null is 4 over the range of the clean scores

    needs_pointwise = certifies = True
    reference = "RobustMask, arXiv 2512.23307; Levine, Feizi, AAAI 2020, arXiv 1911.09272"
    deviations = "the printed theorem counts the mask's probability twice and is not used; masked words may be left out"

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the smoothed ranker."""
        inner = pointwise(ranker, self)
        settings = self._settings().calibrated(inner, collection, rng)
        seed = int(rng.integers(2**63))
        sets = PerturbationSets(SubstitutionTable({}, {"threat": "any word for any word"}))
        return MaskedRanker(inner, settings, sets, seed, keep=self.keep, mask=self.mask)

    def _settings(self) -> SmoothingSettings:
        return SmoothingSettings(self.samples, self.alpha, self.bound, self.most, self.centre, self.scale)


@dataclass
class MaskedRanker(SmoothedRanker):
    """The mean over masked copies. The mask depends on the number of words alone, not on the words."""

    comparison_bounds: ClassVar[tuple[str, ...]] = ()

    keep: float = 0.3
    mask: str = ""

    def copies(self, document: str, stop: int | None = None, start: int = 0) -> list[str]:
        """Return the document's masked copies from ``start`` to ``stop`` (``samples``), the same at every call."""
        tokens = [word.text for word in words(document)]
        count = self.settings.samples if stop is None else stop
        return [self.masked(tokens, visible) for visible in self._visible_sets(len(tokens), count)[start:]]

    def characters_read(self, query: str, document: str) -> int | None:
        """Return the characters up to the last word that the inner ranker reads in any of the copies that rank."""
        tokens = words(document)
        most = 0
        for visible in self._visible_sets(len(tokens), self.settings.samples):
            copy = self.masked([word.text for word in tokens], visible)
            read = self.inner.characters_read(query, copy)
            if read is None:
                return None
            start = 0
            for index in range(len(tokens)) if self.mask else sorted(visible):
                if start >= read:
                    break
                is_visible = index in visible
                most = max(most, tokens[index].end if is_visible else 0)
                start += len(tokens[index].text if is_visible else self.mask) + 1
        return len(document) if tokens and most == tokens[-1].end else most

    def _visible_sets(self, length: int, count: int) -> list[set[int]]:
        """Return the indices of the words that each of ``count`` copies of a text of ``length`` words shows."""
        rng, size = derive(self.seed, "masks", str(length)), self.kept_count(length)
        return [set(rng.permutation(length)[:size].tolist()) for _ in range(count)]

    def masked(self, tokens: Sequence[str], visible: Set[int]) -> str:
        """Return the text with the words outside the indices ``visible`` masked."""
        return " ".join(
            token if i in visible else self.mask for i, token in enumerate(tokens) if i in visible or self.mask
        )

    def kept_count(self, count: int) -> int:
        """Return how many of ``count`` words a copy keeps."""
        return min(count, max(1, round(self.keep * count)))

    def overlaps(self, text: str) -> NDArray[np.float64]:
        """Return float64[words]: the share of masks that hide a word."""
        count = len(words(text))
        return np.full(count, 1 - self.kept_count(count) / count if count else 1.0)

    def rho(self, text: str, radius: int | None) -> float:
        """Return C(T - R, k) / C(T, k), the share of masks that hide R given words of T when k words are kept."""
        count = len(words(text))
        changed = count if radius is None else min(radius, count)
        return math.comb(count - changed, self.kept_count(count)) / math.comb(count, self.kept_count(count))
