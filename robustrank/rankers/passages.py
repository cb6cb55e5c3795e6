"""Long documents by their passages: a ranker scores windows of words, and the scores are aggregated.

Source: Dai, Callan, SIGIR 2019 (FirstP, MaxP, SumP; 150 words, every 75 words, at most 30 passages); the mean, and that
of the best k, as in PyTerrier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection, evenly_spaced
from robustrank.errors import PluginError, UsageError
from robustrank.plugins import RankerSpec
from robustrank.plugins.constraints import Amount, Count
from robustrank.printing import counted
from robustrank.rankers.parts import Part, PartGradients, PartsRanker
from robustrank.rankers.ranker import GradientRanker, Ranker, TermRanker
from robustrank.text.edited_words import Span
from robustrank.text.words import words

SAMPLE = 1000  # documents that are cut to tell how much is read

Aggregate = Literal["first", "max", "mean", "sum", "kmax"]


@dataclass
class PassagesRanker(PartsRanker):
    """Scores windows of a document by another ranker: FirstP, MaxP, MeanP, SumP, or the mean of the best k.

    A window starts every ``stride`` words until one reaches the end; a document of up to ``length`` words is scored as
    it is. Statistics that the inner ranker takes from a collection are those of whole documents.
    """

    ranker: RankerSpec  # scores passages: a ranker of pairs
    length: Count = 150  # words of a window
    stride: Count = 75  # words from the start of a window to that of the next
    aggregate: Aggregate = "max"  # first passage; largest, mean or summed score; kmax: mean of the k largest
    k: Count = 3  # of kmax
    max_passages: Count = 30  # the first, the last and an even choice between them; what is dropped is not read
    lead_words: Amount = 0  # the document's first words, as its title, that are put before every later passage
    sigmoid: bool = False  # scores are mapped to (0, 1) first; sum needs scores that are not negative

    def __post_init__(self) -> None:
        if self.aggregate != "first" and self.stride > self.length:
            raise UsageError(
                f"stride {self.stride} is above length {self.length}: words between windows would not be read",
                allowed=f"a stride of 1 to {self.length}",
            )
        super().__post_init__()
        if self.aggregate == "sum" and self.no_match:  # a longer document would match more
            self.no_match = None
        if isinstance(self.inner, GradientRanker):
            self.__class__ = GradientPassagesRanker

    def reading(self, collection: Collection) -> Sequence[str]:
        """Return how documents are cut, and what share of their words is in passages that are scored."""
        tokens = [words(collection.documents[d]) for d in evenly_spaced(collection.candidate_ids, SAMPLE)]
        scored = [self._windows(len(of_document)) for of_document in tokens]
        read = sum(len({i for window in of_document for i in range(*window)}) for of_document in scored)
        share = f"{read / max(1, sum(map(len, tokens))):.0%} of the words"
        return (
            f"{self.ranker} scores passages of at most {self.length} words, every {self.stride} words: "
            f"{sum(map(len, scored))} of {counted(len(scored), 'document')} of {collection.name}, {share}.",
            *super().reading(collection),
        )

    def parts(self, query: str, document: str) -> list[Part]:
        """Return the passages; they are the same for every query."""
        tokens = words(document)
        passages = []
        for first, last in self._windows(len(tokens)):
            start = tokens[first].start if first else 0
            spans = [(start, tokens[last].start if last < len(tokens) else len(document))]
            indices = list(range(first, last))
            if first and self.lead_words:
                lead = min(self.lead_words, len(tokens))
                spans, indices = [(0, tokens[lead - 1].end), *spans], [*range(lead), *indices]
            passages.append(Part.of(document, spans, indices))
        return passages

    def combined(self, scores: NDArray[np.float64]) -> float:
        """Return the aggregate.

        Raises:
            PluginError: A sum over negative scores.
        """
        if self.aggregate == "sum" and not self.sigmoid and scores.min() < 0:
            raise PluginError(
                f"passage score {scores.min():g} is negative: in a sum, a longer document would score lower",
                where=f"ranker passages:ranker={self.ranker},aggregate=sum",
                allowed="scores of 0 and more",
                hint="set sigmoid: true, or another aggregate",
            )
        return self.aggregated(scores)

    def weights(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64[m], the weights of the passages' scores in their aggregate."""
        if self.aggregate == "sum":
            return np.ones(len(scores))
        chosen = {"first": 1, "mean": len(scores), "max": 1, "kmax": self.k}[self.aggregate]
        order = np.arange(len(scores)) if self.aggregate == "first" else np.argsort(-scores, kind="stable")
        weights = np.zeros(len(scores))
        weights[order[:chosen]] = 1 / min(chosen, len(scores))
        return weights

    def squashed(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scores, or their sigmoids."""
        return 0.5 + 0.5 * np.tanh(scores / 2) if self.sigmoid else scores

    def derivatives(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return 1 a score, or the derivatives of the sigmoid."""
        values = self.squashed(scores)
        return values * (1 - values) if self.sigmoid else np.ones(len(scores))

    def _windows(self, count: int) -> list[Span]:
        """Return the windows of a document of so many words: the first word, and that behind the last."""
        starts = [0, *range(self.stride, max(0, count - self.length + self.stride), self.stride)]
        if self.aggregate == "first":
            starts = starts[:1]
        chosen = np.linspace(0, len(starts) - 1, min(self.max_passages, len(starts))).round().astype(int).tolist()
        return [(starts[i], min(starts[i] + self.length, count)) for i in chosen]


class GradientPassagesRanker(PartGradients, PassagesRanker):
    """Passages scored by a ranker with gradients."""


def scores_terms(ranker: Ranker) -> bool:
    """Return whether scores are sums over query terms, or aggregate such scores of passages."""
    return isinstance(ranker.inner if isinstance(ranker, PassagesRanker) else ranker, TermRanker)
