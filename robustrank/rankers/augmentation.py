"""Data augmentation and adversarial training: any attack of the catalogue perturbs training groups.

A random edit from a substitution table is the noise training of CertDR (Wu et al., CIKM 2022); typos in queries are the
augmentation of Zhuang, Zuccon, EMNLP 2021; an attack that queries its victim is adversarial training (Goodfellow
et al., ICLR 2015; for rankers Lupart, Clinchant, ECIR 2023), against the weights of the current training step.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from robustrank.attack import Attack
from robustrank.collections.collection import Collection
from robustrank.plugins import create
from robustrank.plugins.specification import parse
from robustrank.prepared_attack import PreparedAttack, prepare
from robustrank.randomness import derive
from robustrank.rankers.groups import Group
from robustrank.rankers.ranker import Pair, Scores, ranking_by_score
from robustrank.rankers.serving import ServedRanker
from robustrank.records import Candidate, Document, RankedList, Request
from robustrank.text.languages import ENGLISH
from robustrank.victim import (
    Access,
    AccessDenied,
    BudgetExhausted,
    DocumentVictim,
    QueryInterface,
    Target,
    blind_victim,
)

On = Literal["all", "negatives"]


class CurrentWeights(ServedRanker):
    """A ranker in training, as its attackers meet it: it scores with the current weights, in evaluation mode."""

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]."""
        network = self.ranker.network  # type: ignore[attr-defined]  # rankers that learn by gradients have one
        was_training = network.training
        network.eval()
        try:
            return super().score(pairs)
        finally:
            network.train(was_training)


@dataclass(frozen=True)
class Augmentation:
    """Perturbation of training groups by an attack.

    Attributes:
        attack: The attack. A query attack edits the query.
        backend: The ranker in training.
        share: Share of the groups that are perturbed, in [0, 1].
        on: The documents that a document attack edits: all, or those that are not the relevant ones, or the teacher's
            best, of their group. None: all without access to the victim (noise), and negatives with it (adversarial
            training), which promotes them.
        language: The training collection's.
    """

    attack: PreparedAttack
    backend: CurrentWeights
    share: float
    on: On | None = None
    language: str = ENGLISH

    @classmethod
    def of(
        cls, specification: str, share: float, on: On | None, learner: Any, train: Collection, seed: int
    ) -> Augmentation:
        """Return the augmentation by the attack of a specification, prepared on the training collection."""
        attack: Attack = create("attack", parse(specification))
        backend = CurrentWeights(learner)
        interface = QueryInterface(backend, attack.access)
        return cls(prepare(attack, interface, train, derive(seed, "augmentation")), backend, share, on, train.language)

    def perturbed(self, groups: Sequence[Group], rng: np.random.Generator) -> list[Group]:
        """Return the groups in order, a random ``share`` of them perturbed; each group keeps its size."""
        return [self._perturbed(group, rng) if rng.random() < self.share else group for group in groups]

    def _perturbed(self, group: Group, rng: np.random.Generator) -> Group:
        query, documents = group.query, group.documents
        if self.attack.attack.edits == "query":
            target = Target("", query, "", "", 0, language=self.language)
            return group._replace(query=self.attack.perturb(target, blind_victim(self.backend, target), rng).text)
        is_blind = self.attack.attack.access == Access.NOTHING
        spares_relevant = (self.on or ("all" if is_blind else "negatives")) == "negatives"
        ids = [str(number) for number in range(len(documents))]
        request = Request("", query, tuple(Candidate(Document(*pair)) for pair in zip(ids, documents, strict=True)))
        scores = np.zeros(len(ids), dtype=np.float32) if is_blind else self.backend.score(request.pairs)
        served = RankedList(request, ranking_by_score(request, scores))
        texts = list(documents)
        for rank, number in enumerate(served.ranking.order, start=1):
            if spares_relevant and number < group.relevant:
                continue
            target = Target("", query, ids[number], documents[number], rank, served.candidates, language=self.language)
            victim = DocumentVictim(self.backend, served, ids[number], self.attack.attack.access)
            with suppress(AccessDenied, BudgetExhausted):
                texts[number] = self.attack.perturb(target, victim, rng).text
        return group._replace(documents=texts)
