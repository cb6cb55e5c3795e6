"""Mine: says in two sentences what the attack does. It puts the first words of the query before the document."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation, apply_edits
from robustrank.plugins import Count
from robustrank.victim import Access, Target, Victim


@dataclass(frozen=True)
class Mine(Attack):
    """Puts the first words of the query before the document."""

    max_words: Count = 3  # maximum number of words that are inserted

    access = Access.NOTHING  # the least access it needs: NOTHING, RANKS, SCORES or GRADIENTS
    size_parameter = "max_words"  # the parameter that bounds the edit, for curves by budget
    reference = "authors, title, venue, section"
    deviations = "how it deviates from the reference, and why"
    control = "random-trigger"  # the random edit of the same size that it has to outperform

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the edited document; ``victim.scores([text, …])`` and ``victim.ranks([text, …])`` query the victim."""
        words = target.query.split()[: self.max_words]
        if not words:
            return Perturbation(target.document, note="the query has no words")
        edits = (Edit(0, 0, " ".join(words) + " "),)  # start and end of what is replaced, and the new text
        return Perturbation(apply_edits(target.document, edits), edits)
