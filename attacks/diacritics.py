"""Queries typed without diacritics, as many people type languages that have them.

Reference: Náplava, Popel, Straka, Straková: Understanding Model Robustness to User-generated Noisy Texts, W-NUT 2021,
arXiv 2110.07428 (diacritics among the noise of texts in several languages).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation
from robustrank.plugins.constraints import SomeShare
from robustrank.text.diacritics import without_diacritics
from robustrank.text.words import words
from robustrank.victim import Access, Target, Victim

from .parts.budget import sample_indices, words_to_change
from .parts.edits import perturbation_of


@dataclass(frozen=True)
class Diacritics(Attack):
    """Removes the diacritics of words of the query: ``cầu đá`` becomes ``cau da``."""

    rate: SomeShare = 1.0  # share of the words with diacritics that lose them, at least one word

    access = Access.NOTHING
    edits = "query"
    size_parameter = "rate"
    budget_unit = "share of words"
    reference = "Náplava, Popel, Straka, Straková, W-NUT 2021, arXiv 2110.07428"
    deviations = "a word loses all its diacritics or none; applied to queries of search"

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the query without the diacritics of some words."""
        plain = [(word, without_diacritics(word.text)) for word in words(target.query)]
        edits = [Edit(word.start, word.end, text) for word, text in plain if text != word.text]
        if not edits:
            return Perturbation(target.query, note="the query has no diacritics")
        chosen = sample_indices(range(len(edits)), words_to_change(len(edits), len(edits), self.rate), rng)
        return perturbation_of(target.query, [edits[index] for index in chosen])
