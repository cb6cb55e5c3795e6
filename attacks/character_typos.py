"""Character typos in the query: one character of a word is deleted, inserted, substituted, swapped or mistyped.

Reference: Penha, Camara, Hauff, ECIR 2022 (arXiv 2111.13057), misspelling category; words as in Zhuang, Zuccon: Dealing
with Typos for BERT-based Passage Retrieval and Ranking, EMNLP 2021: longer words, no stop words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation
from robustrank.plugins.constraints import Count, Several, Share
from robustrank.text.typos import OPERATIONS, eligible
from robustrank.text.words import words
from robustrank.victim import Access, Target, Victim

from .parts.budget import sample_indices, words_to_change
from .parts.edits import perturbation_of

Operation = Literal["delete", "insert", "substitute", "swap", "neighbour", "homoglyph"]


@dataclass(frozen=True)
class CharacterTypos(Attack):
    """Misspells words of the query, with one typo per word."""

    typos: Count = 1  # number of misspelt words
    rate: Share | None = None  # share of the eligible words, at least one word; replaces typos
    operations: Several[Operation] = (
        "delete",
        "insert",
        "substitute",
        "swap",
        "neighbour",
    )  # one is drawn for each word; homoglyph, a letter that looks alike, is not in the reference

    access = Access.NOTHING
    edits = "query"
    size_parameter = "typos"
    budget_unit = "words"
    reference = "Penha, Camara, Hauff, ECIR 2022; Zhuang and Zuccon, EMNLP 2021"
    deviations = "case is preserved; the published generator lowercases the query"

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the query with typos."""
        query_words, indices = words(target.query), eligible(target.query)
        if not indices:
            return Perturbation(target.query, note="no word of the query is longer than three letters")
        edits = []
        for index in sample_indices(indices, words_to_change(len(indices), self.typos, self.rate), rng):
            word = query_words[index]
            operation = self.operations[int(rng.integers(len(self.operations)))]
            edits.append(Edit(word.start, word.end, OPERATIONS[operation](word.text, rng)))
        return perturbation_of(target.query, edits)
