"""Training on perturbed text: any attack of the catalogue makes it, while the ranker learns.

A random edit over a table is the noise training of CertDR (Wu et al., CIKM 2022); typos in queries are the augmentation
of Zhuang, Zuccon, EMNLP 2021; an attack that asks its victim is adversarial training (Goodfellow et al., ICLR 2015; for
rankers Lupart, Clinchant, ECIR 2023), against the weights as they are at that step.
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
class Live:
    """A ranker that is being trained, as its attackers meet it: by the weights as they are now."""

    ranker: Any

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]."""
        network = self.ranker.network
        learning = network.training
        network.eval()
        try:
            scores: Scores = self.ranker.score(pairs)
        finally:
            network.train(learning)
        return scores


@dataclass(frozen=True)
class Augmentation:
    """An attack on training groups.

    Attributes:
        attack: What perturbs. It edits the query; or the documents: all where it asks nothing of the victim, as noise
            does, else those below the relevant one, as who promotes a document attacks what stands below.
        live: The ranker that learns.
        share: The share of groups that are perturbed.
    """

    attack: Attack
    live: Live
    share: float

    @classmethod
    def of(cls, specification: str, share: float, learner: Any, train: Collection, seed: int) -> Augmentation:
        """Return the attack of a specification, prepared on the collection that is learned from."""
        attack: Attack = create("attack", parse(specification))
        live = Live(learner)
        attack.prepare(QueryInterface(live, attack.access), train, derive(seed, "augmentation"))
        return cls(attack, live, share)

    def perturbed(self, groups: Sequence[Group], rng: np.random.Generator) -> list[Group]:
        """Return the groups, the drawn ones perturbed, all of them of the lengths they had."""
        return [self._perturbed(group, rng) if rng.random() < self.share else group for group in groups]

    def _perturbed(self, group: Group, rng: np.random.Generator) -> Group:
        query, documents = group
        if self.attack.edits == "query":
            target = Target("", query, "", "", 0)
            return self.attack.perturb(target, self._victim(target, np.empty(0, dtype=np.float32)), rng).text, documents
        asks = self.attack.access > Access.NOTHING
        scores = self.live.score([(query, document) for document in documents]) if asks else np.zeros(len(documents))
        ids = [str(number) for number in range(len(documents))]
        order = ranking(scores, ids).tolist()
        ranked = tuple(Candidate(ids[i], documents[i]) for i in order)
        found = list(documents)
        for place, number in enumerate(order):
            if asks and number == 0:
                continue
            target = Target("", query, ids[number], documents[number], place + 1, ranked)
            try:
                victim = self._victim(target, np.asarray(scores, dtype=np.float32)[order])
                found[number] = self.attack.perturb(target, victim, rng).text
            except (AccessDenied, BudgetExhausted):
                continue
        return query, found

    def _victim(self, target: Target, scores: Scores) -> Victim:
        return Victim(self.live, target, scores, self.attack.access)
