"""Truncation baseline (control): drops the last words of the document, since some rankers prefer shorter documents.

Reference: length normalisation constraint LNC1 of Fang, Tao, Zhai: A formal study of information retrieval heuristics,
SIGIR 2004. An attack whose boost is no larger than truncation's may owe it to the document's length alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustrank.attack import Control, Edit, Perturbation
from robustrank.plugins.constraints import Count
from robustrank.text.words import words
from robustrank.victim import Access, Target, Victim

from .parts.edits import perturbation_of


@dataclass(frozen=True)
class Truncation(Control):
    """Drops words from the end of the document."""

    count: Count = 5  # number of dropped words, when it runs as an attack and not as a control

    access = Access.NOTHING
    size_parameter = "count"
    reference = "Fang, Tao, Zhai, SIGIR 2004 (length normalisation constraints)"
    deviations = "the reference states constraints on rankers; the control is the edit that these constraints are about"

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Drop the last ``count`` words."""
        return _truncated(target.document, self.count)

    def match_size(self, target: Target, perturbation: Perturbation, rng: np.random.Generator) -> Perturbation:
        """Drop as many words as the attack inserts."""
        return _truncated(target.document, sum(len(words(edit.text)) for edit in perturbation.edits))


def _truncated(text: str, count: int) -> Perturbation:
    text_words = words(text)
    if not text_words or count < 1:
        return Perturbation(text, note="there is no word to drop")
    start = text_words[max(0, len(text_words) - count)].start
    return perturbation_of(text, (Edit(start, len(text), ""),))
