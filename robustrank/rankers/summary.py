"""Long documents by a summary: the sentences with the query's words, chosen greedily, are what a ranker reads.

Source: Zou et al.: Pre-trained Language Model based Ranking in Baidu Search, KDD 2021, arXiv 2105.11108 (QUITE). Word
weights are idf here, and the ranker is any; there they are learned, and query and summary are encoded in stages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from robustrank.collections.collection import Collection
from robustrank.plugins import RankerSpec
from robustrank.plugins.constraints import Count, Share
from robustrank.rankers.lexical import BM25
from robustrank.rankers.parts import Part, PartGradients, PartsRanker
from robustrank.rankers.ranker import GradientRanker
from robustrank.text.sentences import sentence_spans


@dataclass
class SummaryRanker(PartsRanker):
    """Scores the query-weighted extractive summary of a document by another ranker.

    The sentence whose query terms weigh most is chosen first; the terms it has count less from then on. The chosen
    sentences are read in the document's order. What is in others is not read, and a sentence stuffed with query
    words is read for sure.
    """

    ranker: RankerSpec  # scores summaries: a ranker of pairs
    sentences: Count = 3  # of a summary
    decay: Share = 0.5  # factor of a term's weight for each chosen sentence that has it

    def __post_init__(self) -> None:
        super().__post_init__()
        self._terms = BM25()
        if isinstance(self.inner, GradientRanker):
            self.__class__ = GradientSummaryRanker

    def prepare(self, collection: Collection) -> None:
        """Compute the idf of terms, and prepare the inner ranker."""
        self._terms.prepare(collection)
        super().prepare(collection)

    def reading(self, collection: Collection) -> Sequence[str]:
        """Return how long a summary is."""
        return (f"{self.ranker} reads the {self.sentences} sentences of a document with the weightiest query terms.",)

    def parts(self, query: str, document: str) -> list[Part]:
        """Return the summary alone."""
        spans = sentence_spans(document)
        if len(spans) <= self.sentences:
            return [Part.of(document, [(0, len(document))])]
        weights = {term: self._terms.idf(term) for term in self._terms.terms(query)}
        matched = [weights.keys() & self._terms.terms(document[start:end]) for start, end in spans]
        chosen: list[int] = []
        while len(chosen) < self.sentences:
            left = (i for i in range(len(spans)) if i not in chosen)
            best = max(left, key=lambda i: (sum(sorted(weights[term] for term in matched[i])), -i))
            chosen.append(best)
            weights.update({term: weights[term] * self.decay for term in matched[best]})
        return [Part.of(document, [spans[i] for i in sorted(chosen)])]


class GradientSummaryRanker(PartGradients, SummaryRanker):
    """Summaries scored by a ranker with gradients."""
