"""Data augmentation and adversarial training: any attack of the catalogue perturbs training groups.

A random edit from a substitution table is the noise training of CertDR (Wu et al., CIKM 2022); typos in queries are the
augmentation of Zhuang, Zuccon, EMNLP 2021; an attack that queries its victim is adversarial training (Goodfellow
et al., ICLR 2015; for rankers Lupart, Clinchant, ECIR 2023), against the weights of the current training step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from robustrank.attack import Attack
from robustrank.collections.collection import Collection
from robustrank.measures.ranking import ranking
from robustrank.plugins import create
from robustrank.plugins.specification import parse
from robustrank.randomness import derive
from robustrank.rankers.ranker import Pair, Scores
from robustrank.victim import Access, AccessDenied, BudgetExhausted, Candidate, QueryInterface, Target, Victim

Group = tuple[str, list[str]]  # a query and documents, the relevant one first


@dataclass(frozen=True)
class CurrentWeights:
    """Scoring backend of a ranker in training: it scores with the current weights, in evaluation mode."""

    ranker: Any

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]."""
        network = self.ranker.network
        was_training = network.training
        network.eval()
        try:
            scores: Scores = self.ranker.score(pairs)
        finally:
            network.train(was_training)
        return scores


@dataclass(frozen=True)
class Augmentation:
    """Perturbation of training groups by an attack.

    Attributes:
        attack: The attack. A query attack edits the query. A document attack without access to the victim (noise) edits
            all documents; with access (adversarial training) it promotes, and so edits, the non-relevant documents.
        backend: The ranker in training.
        share: Share of the groups that are perturbed, in [0, 1].
    """

    attack: Attack
    backend: CurrentWeights
    share: float

    @classmethod
    def of(cls, specification: str, share: float, learner: Any, train: Collection, seed: int) -> Augmentation:
        """Return the augmentation by the attack of a specification, prepared on the training collection."""
        attack: Attack = create("attack", parse(specification))
        backend = CurrentWeights(learner)
        attack.prepare(QueryInterface(backend, attack.access), train, derive(seed, "augmentation"))
        return cls(attack, backend, share)

    def perturbed(self, groups: Sequence[Group], rng: np.random.Generator) -> list[Group]:
        """Return the groups in order, a random ``share`` of them perturbed; each group keeps its size."""
        return [self._perturbed(group, rng) if rng.random() < self.share else group for group in groups]

    def _perturbed(self, group: Group, rng: np.random.Generator) -> Group:
        query, documents = group
        if self.attack.edits == "query":
            target = Target("", query, "", "", 0)
            return self.attack.perturb(target, self._victim(target, np.empty(0, dtype=np.float32)), rng).text, documents
        queries_victim = self.attack.access > Access.NOTHING
        pairs = [(query, document) for document in documents]
        scores = self.backend.score(pairs) if queries_victim else np.zeros(len(documents))
        ids = [str(number) for number in range(len(documents))]
        order = ranking(scores, ids).tolist()
        ranked = tuple(Candidate(ids[i], documents[i]) for i in order)
        texts = list(documents)
        for rank, number in enumerate(order, 1):
            if queries_victim and number == 0:
                continue
            target = Target("", query, ids[number], documents[number], rank, ranked)
            try:
                victim = self._victim(target, np.asarray(scores, dtype=np.float32)[order])
                texts[number] = self.attack.perturb(target, victim, rng).text
            except (AccessDenied, BudgetExhausted):
                continue
        return query, texts

    def _victim(self, target: Target, scores: Scores) -> Victim:
        return Victim(self.backend, target, scores, self.attack.access)
