"""A defense that shows the ranker the beginning of each document; its fingerprint leaves the parameter out."""

from dataclasses import dataclass

from robustrank.defense import Defense
from robustrank.rankers.ranker import PointwiseRanker


@dataclass(frozen=True)
class FirstWords(Defense):
    """Cuts documents."""

    count: int = 50  # words that are read

    def wrap(self, ranker, collection, rng):
        return Cut(ranker, self.count)


class Cut(PointwiseRanker):
    def __init__(self, inner, count):
        self.inner, self.count = inner, count

    @property
    def fingerprint(self):
        return f"{self.inner.fingerprint} cut"

    def score(self, pairs):
        return self.inner.score([(query, " ".join(text.split()[: self.count])) for query, text in pairs])
