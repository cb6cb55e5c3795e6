"""Random masking: scores copies of a document in which most words are masked; certifies against any replaced words.

Source: RobustMask, arXiv 2512.23307; masks as of randomized ablation, Levine, Feizi, AAAI 2020, arXiv 1911.09272. The
theorem as RobustMask prints it divides by the number of masks a second time, and certifies almost any positive margin;
it is not implemented. The served list is certified by counting the copies that show a word, see
:mod:`robustrank.certification.served`; a bound on the mean over all masks, of which the served one is an estimate, has
certified no list in our experiments.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.certificate import Certificate
from robustrank.certification.coverage import Changes
from robustrank.certification.draws import Draws
from robustrank.certification.masks import MaskedCopies
from robustrank.certification.threat import any_words_replaced
from robustrank.collections.collection import Collection
from robustrank.defense import Defense, pointwise
from robustrank.plugins.constraints import Count, Number, Positive, SomeShare
from robustrank.rankers.ranker import Ranker
from robustrank.records import RankedList
from robustrank.text.table import SubstitutionTable
from robustrank.text.words import words

from .parts.copies import CopyRanker, SmoothingSettings

ANY_WORD = SubstitutionTable({}, {"threat": "any word for any word"})


@dataclass(frozen=True)
class RandomMasking(Defense):
    """The mean of squashed scores over copies that keep a share of the words, each set of words equally likely.

    The certificate covers any R words replaced by any words, with R from the ``radii`` of the task; where every word
    may change, nothing is certified. Insertions and deletions shift positions and are not covered. Masks are drawn in
    rounds: the words are shuffled and cut into blocks, and each copy shows one, so that R words are shown by at most R
    copies of a round.
    """

    keep: SomeShare = 0.3  # share of the words that a copy keeps, at least one word
    mask: str = ""  # written for each masked word, e.g. [MASK]; empty deletes masked words
    samples: Count = 100  # copies of each document
    centre: Number | None = None  # raw score that is squashed to 1/2; null is the middle of the clean scores
    scale: Positive | None = None  # slope of the sigmoid; null is 4 over the range of the clean scores

    needs_pointwise = certifies = passes_gradients = True
    reference = "RobustMask, arXiv 2512.23307; Levine, Feizi, AAAI 2020, arXiv 1911.09272"
    deviations = "the printed theorem counts the mask's probability twice and is not used; masked words may be left out"

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the smoothed ranker."""
        inner = pointwise(ranker, self)
        settings = self._settings().calibrated(inner, collection, rng)
        seed = int(rng.integers(2**63))
        return MaskedRanker(inner, settings, ANY_WORD, seed, keep=self.keep, mask=self.mask)

    def _settings(self) -> SmoothingSettings:
        return SmoothingSettings(self.samples, centre=self.centre, scale=self.scale)


@dataclass
class MaskedRanker(CopyRanker):
    """The mean over masked copies. The mask depends on the number of words alone, not on the words."""

    keep: float = 0.3
    mask: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._masks = MaskedCopies(self.seed, self.keep)

    def copies(self, document: str, stop: int | None = None, start: int = 0) -> list[str]:
        """Return the document's masked copies from ``start`` to ``stop`` (``samples``), the same at every call."""
        tokens = [word.text for word in words(document)]
        count = self.settings.samples if stop is None else stop
        return [self.masked(tokens, visible) for visible in self._masks.shown(len(tokens), count)[start:]]

    def characters_read(self, query: str, document: str) -> int | None:
        """Return the characters up to the last word that the inner ranker reads in any of the copies that rank."""
        tokens = words(document)
        most = 0
        for visible in self._masks.shown(len(tokens), self.settings.samples):
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

    def masked(self, tokens: Sequence[str], visible: Set[int]) -> str:
        """Return the text with the words outside the indices ``visible`` masked."""
        return " ".join(
            token if i in visible else self.mask for i, token in enumerate(tokens) if i in visible or self.mask
        )

    def overlaps(self, text: str) -> NDArray[np.float64]:
        """Return float64[words]: the share of masks that hide a word."""
        count = len(words(text))
        return np.full(count, 1 - self._masks.shown_count(count) / count if count else 1.0)

    def changes(self, document: str) -> Changes:
        """Return which of the copies that rank a document show each of its words."""
        return self._masks.changes(document, self.settings.samples)

    def draws(self, query: str) -> Draws:
        """Return how its copies are drawn, and squashed beside a query."""
        return self.settings.draws(query, self.seed, keep=self.keep)

    def certify(self, served: RankedList, ks: Sequence[int], radius: int | None) -> list[Certificate]:
        """Return for each K the certificate of the served list."""
        return self.certify_served(served, ks, radius)

    def words_replaced(self, before: str, after: str) -> int | None:
        """Return how many words are replaced, by any words; None where a word is added or deleted."""
        return any_words_replaced(before, after)
