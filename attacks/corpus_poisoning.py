"""Corpus poisoning: a passage that is nobody's document and near to the queries of a cluster.

Source: Zhong, Huang, Wettig, Chen: Poisoning Retrieval Corpora by Injecting Adversarial Passages, EMNLP 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Attack, Edit, Perturbation, apply_edits
from robustrank.collections.collection import Collection
from robustrank.victim import Access, GradientView, QueryInterface, Target, Victim

from .parts.hotflip import Lexicon, Trigger, embedding_gradients_in, hotflip_search


@dataclass
class CorpusPoisoning(Attack):
    """Puts a passage in the document's place that was made, once, to score high for many training queries.

    Made for bi-encoders, where one vector can be near to many queries; it runs on any ranker with gradients.
    """

    length: int = 20  # words of a passage; the paper's are 50 tokens
    clusters: int = 1  # passages, each for the training queries of one cluster
    queries: int = 32  # training queries of a cluster a passage is made for, at the most
    steps: int = 40  # flips at the most
    candidates: int = 20  # flips tried in each step, by first-order gain; the paper takes 100
    minimum_documents: int = 3  # documents a word has to stand in before it is used

    access = Access.GRADIENTS
    size_parameter = "length"
    cost = "once"
    reference = "Zhong et al., EMNLP 2023, section 3"
    deviations = (
        "words of the collection are flipped, the slot of the largest gain first, instead of random wordpieces; "
        "queries are clustered by their mean input embedding; a target document's text is replaced"
    )
    control = "random-trigger"

    _passages: list[tuple[NDArray[np.float64], Trigger]] = field(default_factory=list, init=False, repr=False)
    _view: GradientView | None = field(default=None, init=False, repr=False)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Cluster the training queries and make a passage for each cluster."""
        self._view = interface.gradients("")
        lexicon = Lexicon.of(collection, self._view, self.minimum_documents)
        queries = [query for query in collection.queries.values() if query.strip()]
        if not lexicon.words or not queries:
            return
        points = np.array([self._place(query) for query in queries])
        centres, owners = _clusters(points, min(self.clusters, len(queries)), rng)
        for number, centre in enumerate(centres):
            own = [query for query, owner in zip(queries, owners, strict=True) if owner == number]
            chosen = [own[int(i)] for i in rng.permutation(len(own))[: self.queries]]
            if chosen:
                self._passages.append((centre, self._passage(interface, lexicon, chosen, rng)))

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the passage of the cluster nearest to the query."""
        if not self._passages:
            return Perturbation(target.document, note="there was no training query to make a passage for")
        here = self._place(target.query)
        _, passage = min(self._passages, key=lambda pair: float(((pair[0] - here) ** 2).sum()))
        edits = (Edit(0, len(target.document), " ".join(passage)),)
        return Perturbation(apply_edits(target.document, edits), edits)

    def _passage(
        self, interface: QueryInterface, lexicon: Lexicon, queries: Sequence[str], rng: np.random.Generator
    ) -> Trigger:
        def embedding_gradients(trigger: Trigger) -> NDArray[np.float32]:
            edit = Edit(0, 0, " ".join(trigger))
            return np.asarray(
                np.mean([embedding_gradients_in("", edit, interface.gradients(query)) for query in queries], axis=0),
                dtype=np.float32,
            )

        def values(triggers: Sequence[Trigger]) -> NDArray[np.float32]:
            asked = [(query, " ".join(trigger)) for trigger in triggers for query in queries]
            return np.asarray(interface.score(asked).reshape(len(triggers), -1).mean(axis=1), dtype=np.float32)

        start = lexicon.draw(self.length, rng)
        return list(hotflip_search(start, lexicon, embedding_gradients, values, self.steps, self.candidates))[-1]

    def _place(self, query: str) -> NDArray[np.float64]:
        """Return the mean input embedding of a query, float64[H]."""
        if self._view is None:
            raise RuntimeError("prepare(oracle, collection, rng) was not called")
        ids = self._view.encode(query).ids
        table = self._view.embedding_table
        return np.asarray(table[ids].mean(axis=0) if len(ids) else np.zeros(table.shape[1]), dtype=np.float64)


def _clusters(
    points: NDArray[np.float64], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the centres of k-means and the cluster of each point."""
    from scipy.cluster.vq import kmeans2

    if count == 1:
        return points.mean(axis=0, keepdims=True), np.zeros(len(points), dtype=np.int64)
    centres, owners = kmeans2(points, count, minit="++", seed=rng)
    return np.asarray(centres), np.asarray(owners, dtype=np.int64)
