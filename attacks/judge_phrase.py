"""Judge phrases: short openings of an answer that make language models judge in favour of whatever they begin.

Reference: Zhao et al.: One Token to Fool LLM-as-a-Judge, 2025, arXiv 2507.08794; universal phrases: Raina, Liusie,
Gales: Is LLM-as-a-Judge Robust?, EMNLP 2024, arXiv 2402.14016.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustrank.attack import Attack, Perturbation
from robustrank.plugins.constraints import Count
from robustrank.victim import Access, Target, Victim

from .parts.insertion import Position, insert


@dataclass(frozen=True)
class JudgePhrase(Attack):
    """Inserts one phrase into every document, without queries to the victim."""

    phrase: str = "Thought process:"  # as "Solution", "Let's solve this problem step by step.", or a learned one
    repeats: Count = 1  # number of repetitions
    position: Position = "start"  # where the phrase is inserted

    access = Access.NOTHING
    size_parameter = "repeats"
    budget_unit = "repetitions"
    reference = "Zhao et al., 2025, arXiv 2507.08794; Raina et al., EMNLP 2024, arXiv 2402.14016"
    deviations = "judges of answers there, rankers here; learn a phrase with universal-trigger"
    control = "random-trigger"

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with the phrase inserted."""
        if not self.phrase.strip():
            return Perturbation(target.document, note="the phrase is empty")
        return insert(target.document, " ".join([self.phrase] * self.repeats), self.position)
