"""Randomized smoothing of rankers: scores over random copies of a document, and certificates of the ranked list.

Two statements are certified. One is about the list that is served: copies are drawn so that an edit changes only some
of them, which are counted, and it holds for certain. The other is the published one, about the exact smoothed ranker,
which
the served list estimates: it holds with probability 1 - alpha, and does not keep an edit out of the served list.

Shared by CertDR and median smoothing. Source: Wu, Zhang, Guo, Chen, Fan, de Rijke, Cheng: Certified Robustness to Word
Substitution Ranking Attack for Neural Ranking Models, CIKM 2022, arXiv 2209.06691.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.bounds import PAPER
from robustrank.certification.certificate import Certificate
from robustrank.certification.coupling import MEMORY, CoupledCopies
from robustrank.certification.coverage import Changes
from robustrank.certification.draws import Draws
from robustrank.certification.evidence import UNBOUNDED
from robustrank.certification.mean import certify_mean
from robustrank.certification.overlap import rho
from robustrank.certification.sequential import certify_sequentially
from robustrank.certification.threat import words_replaced
from robustrank.rankers.ranker import Pair, PointwiseRanker, Scores, TermRanker
from robustrank.records import RankedList
from robustrank.text.table import PerturbationSets

from .copies import CopyRanker, SmoothingSettings
from .term_bounds import TermBounds
from .term_copies import TermCopies


@dataclass(frozen=True)
class Drawable:
    """What a copy of an edited text can have for a word: all that is drawn for it, or for a substitute of it."""

    sets: PerturbationSets

    @property
    def neighbours(self) -> Mapping[str, tuple[str, ...]]:
        """The words that are drawn or replaced."""
        return self.sets.table.neighbours

    def substitutes(self, word: str) -> tuple[str, ...]:
        """Return the words that a copy can have in place of a word."""
        edited = (word, *self.sets.table.substitutes(word))
        return tuple(sorted({drawn for key in edited for drawn in self.sets.neighbourhood(key)} - {word}))


class SmoothedRanker(CopyRanker):
    """The mean of squashed scores over smoothed copies: each word is drawn from its perturbation set.

    An edit that changes no perturbation set leaves the score unchanged, to the last bit.

    Attributes:
        sets: The perturbation sets.
    """

    comparison_bounds: ClassVar[tuple[str, ...]] = (PAPER,)  # reported beside the valid bound

    def __init__(self, inner: PointwiseRanker, settings: SmoothingSettings, sets: PerturbationSets, seed: int) -> None:
        self.sets, self._coupled = sets, CoupledCopies(sets, seed)
        self._bounds, self._terms = None, None
        self._rhos: dict[tuple[str, int | None], float] = {}  # of documents, which are in the lists of several queries
        if isinstance(inner, TermRanker):
            self._bounds = TermBounds(inner, Drawable(sets))
            self._terms = TermCopies(inner, self._bounds, self._coupled)
        super().__init__(inner, settings, sets.table, seed)

    def copies(self, document: str, stop: int | None = None, start: int = 0) -> list[str]:
        """Return the document's smoothed copies from ``start`` to ``stop``; ``samples`` by default."""
        return self._coupled.copies(document, self.settings.samples if stop is None else stop, start)

    def changes(self, document: str) -> Changes:
        """Return which of the copies that rank a document change where one of its words is replaced."""
        return self._coupled.changes(document, self.settings.samples)

    def ceiling(self, query: str, document: str) -> float:
        """Return what no copy of any allowed edit of a document scores more than, where the inner ranker tells it."""
        score = self._bounds.score(query, document) if self._bounds else None
        if score is None:
            return UNBOUNDED
        return float(self._squash(np.array([score.highest(None)], dtype=np.float32), query).astype(np.float32)[0])

    def _raw_scores(self, spans: Mapping[Pair, tuple[int, int]]) -> dict[Pair, Scores]:
        """Return the inner ranker's scores of copies; of a ranker of terms, from the terms that are drawn."""
        scores = {}
        if self._terms:
            for (query, document), (start, stop) in sorted(spans.items()):
                of_terms = self._terms.scores(query, document, stop, start)
                if of_terms is not None:
                    scores[query, document] = of_terms
        return scores | super()._raw_scores({pair: span for pair, span in spans.items() if pair not in scores})

    def draws(self, query: str) -> Draws:
        """Return how its copies are drawn, and squashed beside a query."""
        return self.settings.draws(query, self.seed, size=self.sets.size)

    def overlaps(self, text: str) -> NDArray[np.float64]:
        """Return float64[words], the overlap of every word."""
        return self.sets.overlaps(text)

    def words_replaced(self, before: str, after: str) -> int | None:
        """Return how many words are replaced by substitutes of the table; None where more was edited."""
        return words_replaced(self.table, before, after)

    def rho(self, text: str, radius: int | None) -> float:
        """Return the minimum probability, over edits of ``radius`` words, that the edit leaves a copy unchanged."""
        if (text, radius) not in self._rhos:
            if len(self._rhos) >= MEMORY:
                self._rhos.clear()
            self._rhos[text, radius] = rho(self.overlaps(text), radius)
        return self._rhos[text, radius]

    def certify(self, served: RankedList, ks: Sequence[int], radius: int | None) -> list[Certificate]:
        """Return for each K the certificate of the served list, then those of the exact ranker."""
        return [*self.certify_served(served, ks, radius), *self.certify_exact(served, ks, radius)]

    def certify_exact(self, served: RankedList, ks: Sequence[int], radius: int | None) -> list[Certificate]:
        """Return for each K the certificate of the exact ranker at 1 - alpha, then those by ``comparison_bounds``.

        The comparison bounds need a fixed number of samples: the sequential bound has none beside it.
        """
        if self.settings.bound == "sequential":
            return self.certify_sequentially(served, ks, radius)
        samples, rhos = self._samples(served), [self.rho(candidate.text, radius) for candidate in served.candidates]
        return [
            certificate
            for bound in (self.settings.bound, *self.comparison_bounds)
            for certificate in certify_mean(
                served.request.query_id,
                served.doc_ids,
                samples,
                rhos,
                ks,
                alpha=self.settings.alpha,
                bound=bound,
                radius=radius,
                table=self.table.fingerprint,
            )
        ]

    def certify_sequentially(self, served: RankedList, ks: Sequence[int], radius: int | None) -> list[Certificate]:
        """Return for each K the sequential certificate: copies are scored while a verdict depends on them.

        It starts with the ``samples`` that rank the list, and is about the served order: a list whose order further
        copies contradict is not certified.
        """
        pairs = [(served.request.query, candidate.text) for candidate in served.candidates]

        def draw(spans: Mapping[int, tuple[int, int]]) -> dict[int, NDArray[np.float32]]:
            stops: dict[Pair, int] = {}
            for i, (_, stop) in spans.items():
                stops[pairs[i]] = max(stop, stops.get(pairs[i], 0))
            scores = dict(self._scored(stops))
            return {i: scores[pairs[i]][start:stop] for i, (start, stop) in spans.items()}

        return certify_sequentially(
            served.request.query_id,
            served.doc_ids,
            draw,
            [self.rho(candidate.text, radius) for candidate in served.candidates],
            ks,
            alpha=self.settings.alpha,
            most=self.settings.most,
            first=self.settings.samples,
            radius=radius,
            table=self.table.fingerprint,
        )
