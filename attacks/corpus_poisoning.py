"""Corpus poisoning: an adversarial passage that is close to the training queries of a cluster.

Reference: Zhong, Huang, Wettig, Chen: Poisoning Retrieval Corpora by Injecting Adversarial Passages, EMNLP 2023 (code
princeton-nlp/corpus-poisoning).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Edit, Perturbation, TargetBound
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count, InnerShare
from robustrank.victim import QueryInterface, Target, Victim

from .parts.edits import perturbation_of
from .parts.hotflip import MeanOverPairs
from .parts.lexicon import Lexicon, Start, Trigger
from .parts.surrogates import (
    VICTIM,
    ImitationSettings,
    PairModel,
    Surrogate,
    SurrogateScorer,
    UsesSurrogate,
    pair_model,
)

CHECKED = 50  # steps after which a passage is compared with the best on the held-out queries


@dataclass
class CorpusPoisoning(UsesSurrogate):
    """Replaces the document by an adversarial passage that is optimised once for many training queries.

    It was proposed for bi-encoders, where one vector can be close to many queries. It runs on any ranker with
    gradients. At the published size (5,000 steps) it takes hours without an accelerator.
    """

    length: Count = 50  # words of a passage; the paper takes 50 tokens
    clusters: Count = 1  # passages, each for the training queries of one cluster
    surrogate: Surrogate = "victim"  # surrogate model: victim (white box), imitation, or a ranker's specification
    imitation: ImitationSettings = field(default_factory=dict)  # settings: surrogate, queries, top, training, …
    batch: Count = 64  # training queries of each step, drawn at random
    steps: Count = 5000  # steps, each in one random slot; one in which no word is better leaves the passage as it is
    candidates: Count = 100  # words scored in each step, those of the largest first-order gain
    start: Start = "mask"  # what a passage begins as: mask tokens (the commonest word without), or random words
    held_out: InnerShare = 0.2  # share of a cluster's queries that choose the best passage, every 50 steps
    minimum_documents: Count = 3  # minimum document frequency of a candidate word

    size_parameter = "length"
    cost = "once"
    reference = "Zhong et al., EMNLP 2023, section 3; code princeton-nlp/corpus-poisoning"
    deviations = (
        "candidates are words of the collection, not wordpieces, and the passage is read as any document is, with its "
        "special tokens; queries are clustered by their vectors, or, of a ranker that embeds no queries, by their mean "
        "input embeddings; the mean score alone decides, not the share of queries that are won; no gold passage is a "
        "start; the passage replaces the text of the target document"
    )
    control = "random-trigger"

    _passages: list[tuple[NDArray[np.float64], Trigger]] = field(default_factory=list, init=False, repr=False)
    _lexicon: Lexicon | None = field(default=None, init=False, repr=False)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Cluster the training queries and optimise a passage for each cluster."""
        self._load_surrogate(interface, collection, rng)
        model = pair_model(self._surrogate, interface)
        lexicon = self._lexicon = Lexicon.of(collection, model.gradients(""), self.minimum_documents)
        queries = [query for query in collection.queries.values() if query.strip()]
        if not lexicon.words or not queries:
            return
        points = np.array([model.gradients(query).query_vector() for query in queries], dtype=np.float64)
        centres, labels = _clusters(points, min(self.clusters, len(queries)), rng)
        for cluster, centre in enumerate(centres):
            members = [query for query, label in zip(queries, labels, strict=True) if label == cluster]
            if members:
                self._passages.append((centre, self._passage(model, lexicon, members, rng)))

    def prepare_bound(self, collection: Collection) -> int:
        """All steps for every cluster: the gradients and scores of a batch; and the choices on held-out queries."""
        if self.surrogate != VICTIM:
            return super().prepare_bound(collection)
        batch, clusters = min(self.batch, len(collection.queries)), min(self.clusters, len(collection.queries))
        checks = -(-self.steps // CHECKED)
        return clusters * self.steps * batch * (2 + self.candidates) + checks * len(collection.queries)

    def target_bound(self, collection: Collection) -> TargetBound:
        """No query."""
        return lambda target: 0

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the passage of the cluster nearest to the query."""
        if not self._passages or self._lexicon is None:
            return Perturbation(target.document, note="there was no training query to make a passage for")
        passage = self._passages[0][1] if len(self._passages) == 1 else self._nearest(target, victim)
        words = self._lexicon.written(passage)
        edited = perturbation_of(target.document, (Edit(0, len(target.document), " ".join(words)),))
        left = len(passage) - len(words)
        note = f"{left} of {len(passage)} slots have no word" if left else ""
        return Perturbation(edited.text, edited.edits, note)

    def _nearest(self, target: Target, victim: Victim) -> Trigger:
        point = SurrogateScorer.of(self._surrogate, target, victim).view.query_vector()
        return min(self._passages, key=lambda pair: float(((pair[0] - point) ** 2).sum()))[1]

    def _passage(self, model: PairModel, lexicon: Lexicon, queries: Sequence[str], rng: np.random.Generator) -> Trigger:
        """Return the passage of the highest mean score on held-out queries: a trigger in an empty document."""
        shuffled = [queries[i] for i in rng.permutation(len(queries))]
        count = min(len(queries) - 1, max(1, round(self.held_out * len(queries))))
        held_out, training = shuffled[:count] or shuffled, shuffled[count:]
        chosen_by = MeanOverPairs(model, [(query, "") for query in held_out])
        passage = best = lexicon.initial(self.length, self.start, rng)
        most = -np.inf
        for step in range(1, self.steps + 1):
            batch = rng.permutation(len(training))[: self.batch]
            passage = self._step(MeanOverPairs(model, [(training[i], "") for i in batch]), lexicon, passage, rng)
            if step % CHECKED == 0 or step == self.steps:
                value = float(chosen_by.values([passage])[0])
                if value > most:
                    best, most = passage, value
        return best

    def _step(self, objective: MeanOverPairs, lexicon: Lexicon, passage: Trigger, rng: np.random.Generator) -> Trigger:
        """Return the passage with the best word in one random slot, or as it is if none is better on the batch."""
        slot = int(rng.integers(self.length))
        flips = lexicon.flips(passage, slot, objective.gradients(passage)[slot], self.candidates)
        values = objective.values([passage, *flips])
        best = int(values.argmax())
        return flips[best - 1] if best else passage


def _clusters(
    points: NDArray[np.float64], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the centres of k-means, float64[count, H], and the cluster of each point, int64[n]."""
    from scipy.cluster.vq import kmeans2

    if count == 1:
        return points.mean(axis=0, keepdims=True), np.zeros(len(points), dtype=np.int64)
    centres, labels = kmeans2(points, count, minit="++", seed=rng)
    return np.asarray(centres), np.asarray(labels, dtype=np.int64)
