"""Random masking: scores documents of which only some words are left, and certifies against any replaced words.

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
from robustrank.defense import Defense
from robustrank.randomness import derive
from robustrank.rankers.ranker import Ranker
from robustrank.text.table import PerturbationSets, SubstitutionTable
from robustrank.text.words import words

from .certdr import Bound, CertDR, SmoothedRanker


@dataclass(frozen=True)
class RandomMasking(Defense):
    """The mean of squashed scores over copies that keep a share of the words, each set of words equally likely.

    It holds against any R words replaced by any words; the task's ``radii`` say which R; where every word may change,
    nothing is certified. Insertions and deletions shift positions and are not covered.
    """

    keep: float = 0.3  # share of the words that a copy keeps, one at the least
    mask: str = ""  # what stands in place of the others, as [MASK]; nothing leaves them out
    samples: int = 100  # copies of each document
    alpha: float = 0.05  # probability of a wrong verdict, a query
    bound: Bound = "betting"  # on the smoothed scores of the list; sequential samples on demand
    most: int = 1000  # copies of a document, at the most, by which the sequential bound certifies
    centre: float | None = None  # the score that is squashed to 1/2; null is the middle of the clean scores
    scale: float | None = None  # the sigmoid's slope; null is 4 over the range of the clean scores

    reference = "RobustMask, arXiv 2512.23307; Levine, Feizi, AAAI 2020, arXiv 1911.09272"
    deviations = "the printed theorem counts the mask's probability twice and is not used; masked words may be left out"

    def __post_init__(self) -> None:
        if not 0 < self.keep <= 1:
            raise ValueError(f"keep={self.keep}; it is a share of the words, above 0 and at most 1")

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the smoothed ranker."""
        settings = CertDR(
            samples=self.samples,
            alpha=self.alpha,
            bound=self.bound,
            most=self.most,
            centre=self.centre,
            scale=self.scale,
        ).fitted(ranker, collection, rng)
        seed = int(rng.integers(2**63))
        sets = PerturbationSets(SubstitutionTable({}, {"threat": "any word for any word"}))
        return MaskedRanker(ranker, settings, sets, seed, keep=self.keep, mask=self.mask)


@dataclass
class MaskedRanker(SmoothedRanker):
    """The mean over masked copies. Which words a copy keeps depends on how many there are, and on nothing they say."""

    beside: ClassVar[tuple[str, ...]] = ()

    keep: float = 0.3
    mask: str = ""

    @property
    def fingerprint(self) -> str:
        """What decides the smoothed ranker's score, and the masks."""
        return f"{super().fingerprint}|{self.keep}|{self.mask}"

    def copies(self, document: str, stop: int | None = None, start: int = 0) -> list[str]:
        """Return the document's masked copies from ``start`` to ``stop`` (``samples``), the same at every call."""
        found = words(document)
        rng = derive(self.seed, "masks", str(len(found)))
        size, wanted = self.kept(len(found)), self.settings.samples if stop is None else stop
        masks = [set(rng.permutation(len(found))[:size].tolist()) for _ in range(wanted)]
        return [self.masked([word.text for word in found], kept) for kept in masks[start:]]

    def masked(self, texts: Sequence[str], kept: Set[int]) -> str:
        """Return the words, those kept as they are and the others masked."""
        return " ".join(text if i in kept else self.mask for i, text in enumerate(texts) if i in kept or self.mask)

    def kept(self, count: int) -> int:
        """Return how many of ``count`` words a copy keeps."""
        return min(count, max(1, round(self.keep * count)))

    def overlaps(self, text: str) -> NDArray[np.float64]:
        """Return float64[words]: the share of masks that hide a word."""
        count = len(words(text))
        return np.full(count, 1 - self.kept(count) / count if count else 1.0)

    def rho(self, text: str, radius: int | None) -> float:
        """Return C(T - R, k) / C(T, k), the share of masks that hide all of R words of T where k are kept."""
        count = len(words(text))
        changed = count if radius is None else min(radius, count)
        return math.comb(count - changed, self.kept(count)) / math.comb(count, self.kept(count))
