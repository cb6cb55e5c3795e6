"""Corpus poisoning: an adversarial passage that is close to the training queries of a cluster.

Reference: Zhong, Huang, Wettig, Chen: Poisoning Retrieval Corpora by Injecting Adversarial Passages, EMNLP 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Attack, Edit, Perturbation, TargetBound
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count
from robustrank.victim import Access, GradientView, QueryInterface, Target, Victim

from .parts.edits import perturbation_of
from .parts.hotflip import Lexicon, Trigger, hotflip_bound, search_universal_trigger
from .parts.preparation import require_prepared


@dataclass
class CorpusPoisoning(Attack):
    """Replaces the document by an adversarial passage that is optimised once for many training queries.

    It was proposed for bi-encoders, where one vector can be close to many queries. It runs on any ranker with
    gradients.
    """

    length: Count = 20  # words of a passage; the paper takes 50 tokens
    clusters: Count = 1  # passages, each for the training queries of one cluster
    queries: Count = 32  # maximum number of training queries of a cluster that a passage is optimised for
    steps: Count = 40  # maximum number of search steps; each replaces one word of the passage
    candidates: Count = 20  # candidate flips scored in each step, by first-order gain; the paper takes 100
    minimum_documents: Count = 3  # minimum document frequency of a candidate word

    access = Access.GRADIENTS
    size_parameter = "length"
    cost = "once"
    stops_early = "at a local optimum of its search"
    reference = "Zhong et al., EMNLP 2023, section 3"
    deviations = (
        "candidates are words of the collection in the slot of the largest gain, not wordpieces in a random slot; "
        "queries are clustered by their mean input embedding; the passage replaces the text of the target document"
    )
    control = "random-trigger"

    _passages: list[tuple[NDArray[np.float64], Trigger]] = field(default_factory=list, init=False, repr=False)
    _view: GradientView | None = field(default=None, init=False, repr=False)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Cluster the training queries and optimise a passage for each cluster."""
        self._view = interface.gradients("")
        lexicon = Lexicon.of(collection, self._view, self.minimum_documents)
        queries = [query for query in collection.queries.values() if query.strip()]
        if not lexicon.words or not queries:
            return
        points = np.array([self._embed(query) for query in queries])
        centres, labels = _clusters(points, min(self.clusters, len(queries)), rng)
        for cluster, centre in enumerate(centres):
            members = [query for query, label in zip(queries, labels, strict=True) if label == cluster]
            sample = [members[int(i)] for i in rng.permutation(len(members))[: self.queries]]
            if sample:
                self._passages.append((centre, self._passage(interface, lexicon, sample, rng)))

    def prepare_bound(self, collection: Collection) -> int:
        """All steps of the search, on the training queries of every cluster."""
        queries = min(len(collection.queries), self.clusters * self.queries)
        return queries * hotflip_bound(self.steps, self.candidates)

    def target_bound(self, collection: Collection) -> TargetBound:
        """No query."""
        return lambda target: 0

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the passage of the cluster nearest to the query."""
        if not self._passages:
            return Perturbation(target.document, note="there was no training query to make a passage for")
        point = self._embed(target.query)
        _, passage = min(self._passages, key=lambda pair: float(((pair[0] - point) ** 2).sum()))
        return perturbation_of(target.document, (Edit(0, len(target.document), " ".join(passage)),))

    def _passage(
        self, interface: QueryInterface, lexicon: Lexicon, queries: Sequence[str], rng: np.random.Generator
    ) -> Trigger:
        """Return the passage of the highest mean score: a trigger in an empty document."""
        pairs = [(query, "") for query in queries]
        initial = lexicon.draw(self.length, rng)
        return search_universal_trigger(interface, pairs, "start", initial, lexicon, self.steps, self.candidates)

    def _embed(self, query: str) -> NDArray[np.float64]:
        """Return the mean input embedding of a query, float64[H]."""
        view = require_prepared(self._view)
        ids = view.encode(query).ids
        table = view.embedding_table
        return np.asarray(table[ids].mean(axis=0) if len(ids) else np.zeros(table.shape[1]), dtype=np.float64)


def _clusters(
    points: NDArray[np.float64], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the centres of k-means, float64[count, H], and the cluster of each point, int64[n]."""
    from scipy.cluster.vq import kmeans2

    if count == 1:
        return points.mean(axis=0, keepdims=True), np.zeros(len(points), dtype=np.int64)
    centres, labels = kmeans2(points, count, minit="++", seed=rng)
    return np.asarray(centres), np.asarray(labels, dtype=np.int64)
