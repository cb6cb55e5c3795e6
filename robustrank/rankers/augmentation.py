"""Training on perturbed text: any attack of the catalogue makes it, while the ranker learns.

A random edit over a table is the noise training of CertDR (Wu et al., CIKM 2022); typos in queries are the augmentation
of Zhuang, Zuccon, EMNLP 2021; an attack that asks its victim is adversarial training (Goodfellow et al., ICLR 2015; for
rankers Lupart, Clinchant, ECIR 2023), against the weights as they are at that step.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from robustrank.attack import Attack
from robustrank.collections.collection import Collection
from robustrank.plugins import create
from robustrank.plugins.specification import parse
from robustrank.randomness import derive
from robustrank.rankers.ranker import Pair, Scores, ranking_by_score
from robustrank.rankers.serving import ServedRanker
from robustrank.records import Candidate, Document, RankedList, Request
from robustrank.victim import (
    Access,
    AccessDenied,
    BudgetExhausted,
    DocumentVictim,
    QueryInterface,
    Target,
    blind_victim,
)

Group = tuple[str, list[str]]  # a query and documents, the relevant one first


class Live(ServedRanker):
    """A ranker that is being trained, as its attackers meet it: by the weights as they are now."""

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], scored without dropout."""
        network = self.ranker.network  # type: ignore[attr-defined]  # rankers that learn by gradients have one
        is_training = network.training
        network.eval()
        try:
            return super().score(pairs)
        finally:
            network.train(is_training)


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
            return self.attack.perturb(target, blind_victim(self.live, target), rng).text, documents
        is_blind = self.attack.access == Access.NOTHING
        ids = [str(number) for number in range(len(documents))]
        request = Request("", query, tuple(Candidate(Document(*pair)) for pair in zip(ids, documents, strict=True)))
        scores = np.zeros(len(ids), dtype=np.float32) if is_blind else self.live.score(request.pairs)
        served = RankedList(request, ranking_by_score(request, scores))
        texts = list(documents)
        for rank, number in enumerate(served.ranking.order, start=1):
            if not is_blind and number == 0:
                continue  # the relevant document
            target = Target("", query, ids[number], documents[number], rank, served.candidates)
            victim = DocumentVictim(self.live, served, ids[number], self.attack.access)
            with suppress(AccessDenied, BudgetExhausted):
                texts[number] = self.attack.perturb(target, victim, rng).text
        return query, texts
