"""CertDR: scores documents by the mean over randomly smoothed copies, and certifies the resulting list.

Source: Wu, Zhang, Guo, Chen, Fan, de Rijke, Cheng: Certified Robustness to Word Substitution Ranking Attack for Neural
Ranking Models, CIKM 2022, arXiv 2209.06691. Differences are in ``CertDR.deviations``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.defense import Defense, pointwise
from robustrank.errors import UsageError
from robustrank.plugins.constraints import Cosine, Count, InnerShare, Number, Positive
from robustrank.rankers.ranker import Ranker
from robustrank.text.embedding_table import check_table, load_table, table_languages
from robustrank.text.table import PerturbationSets
from robustrank.text.words import vocabulary

from .parts.copies import Bound, SmoothingSettings
from .parts.query_fit import QueryFit
from .parts.representatives import representatives_of
from .parts.smoothing import SmoothedRanker

Squash = Literal["collection", "query"]


@dataclass(frozen=True)
class CertDR(Defense):
    """Randomized smoothing over a substitution table, with the mean certificate, and a certificate of the served list.

    A raw score s is squashed to sigmoid(scale * (s - centre)) before it is averaged. By default the collection's clean
    scores span -2 to 2 under the sigmoid, so that no ranker saturates it: BM25's scores of 0 to 30 would all be
    rounded to 1. The published form, for the logits of a cross-encoder, is ``centre=0, scale=1``.

    ``squash: query`` fits the sigmoid to each query's candidates, to the median and the range of their scores, so that
    it can be steep where its list is decided, and an edit moves the mean by less than the gap between two documents.
    The scores are those of canonical texts, which no allowed edit changes. A query that the collection does not have,
    as a perturbed one, is squashed by the fit to a sample of the others.
    """

    table: str = "encoder"  # substitutions: encoder, an encoder's folder, or the path of a table file
    threshold: Cosine = 0.6  # minimum cosine of a substitute in an encoder's table
    neighbours: Count = 10  # maximum number of substitutes of a word in an encoder's table
    size: Count = 100  # maximum number of words in a perturbation set
    samples: Count = 100  # smoothed copies of each document; the published evaluation draws 1,000
    alpha: InnerShare = 0.05  # probability of a wrong verdict, per query
    bound: Bound = "betting"  # confidence bound on the smoothed scores; sequential samples on demand
    most: Count = 1000  # maximum number of copies of a document under the sequential bound
    centre: Number | None = None  # raw score that is squashed to 1/2; null is fitted to the clean scores, see squash
    scale: Positive | None = None  # slope of the sigmoid; null is steepness over the range of the clean scores
    squash: Squash = "collection"  # fits the sigmoid to the scores of a sample of queries, or to those of each query
    steepness: Positive = 4.0  # of the sigmoid; see scale

    needs_pointwise = certifies = passes_gradients = True
    reference = "Wu et al., CIKM 2022, arXiv 2209.06691"
    deviations = (
        "valid bounds over the whole list beside the published one; a perturbation set larger than its limit is cut "
        "by hops in the table; words are drawn by hashing, so that an edit changes copies that can be counted; the "
        "squashing is fitted to the ranker; no noise training"
    )

    @property
    def languages(self) -> tuple[str, ...]:
        """English with an encoder's table; any with a table file."""
        return table_languages(self.table)

    def check(self) -> None:
        """Refuse a substitution table that is missing, and a sigmoid that is both given and to be fitted."""
        if self.squash == "query" and not (self.centre is None and self.scale is None):
            raise UsageError(
                f"squash: query fits centre and scale, and centre={self.centre}, scale={self.scale} are given",
                allowed="squash: query without centre and scale, or squash: collection",
            )
        check_table(self.table)

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the smoothed ranker."""
        table = load_table(self.table, collection.statistic(vocabulary), self.threshold, self.neighbours)
        seed = int(rng.integers(2**63))
        inner = pointwise(ranker, self)
        settings = self._settings().calibrated(inner, collection, rng, self.steepness)
        if self.squash == "query":
            fit = QueryFit(inner, collection, representatives_of(table, collection), self.steepness)
            settings = replace(settings, query_fit=fit)
        return SmoothedRanker(inner, settings, PerturbationSets(table, self.size), seed)

    def _settings(self) -> SmoothingSettings:
        return SmoothingSettings(self.samples, self.alpha, self.bound, self.most, self.centre, self.scale)
