"""Truncation, as a control: drops the document's last words. Shorter documents alone rise with some rankers.

Source: length normalisation is a known lever on lexical rankers (Fang, Tao, Zhai: A formal study of information
retrieval heuristics, SIGIR 2004: LNC1). An attack whose gain truncation also makes has changed a length, not a meaning.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustrank.attack import Control, Edit, Perturbation, apply_edits
from robustrank.text.words import words
from robustrank.victim import Access, Target, Victim


@dataclass(frozen=True)
class Truncation(Control):
    """Drops words from the end of the document."""

    count: int = 5  # words dropped, when it is run as an attack of its own

    access = Access.NOTHING
    size_parameter = "count"
    reference = "Fang, Tao, Zhai, SIGIR 2004 (length normalisation constraints)"
    deviations = "a control: the constraints are statements about rankers, this is the edit they speak of"

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Drop the last ``count`` words."""
        return _without(target.document, self.count)

    def mirror(self, target: Target, perturbation: Perturbation, rng: np.random.Generator) -> Perturbation:
        """Drop as many words as the attack wrote."""
        return _without(target.document, sum(len(words(edit.text)) for edit in perturbation.edits))


def _without(text: str, count: int) -> Perturbation:
    found = words(text)
    if not found or count < 1:
        return Perturbation(text, note="there is no word to drop")
    edits = (Edit(found[max(0, len(found) - count)].start, len(text), ""),)
    return Perturbation(apply_edits(text, edits), edits)
