"""Character typos in the query: one character is deleted, inserted, substituted, swapped or mistyped in a word.

Source: Penha, Camara, Hauff, ECIR 2022 (arXiv 2111.13057), misspelling category, and the composite of Zhuang, Zuccon:
Dealing with Typos for BERT-based Passage Retrieval and Ranking, EMNLP 2021: longer words, no stop words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation, apply_edits
from robustrank.text.typos import OPERATIONS, eligible
from robustrank.text.words import words
from robustrank.victim import Access, Target, Victim

from .parts.budget import how_many

Operation = Literal["delete", "insert", "substitute", "swap", "neighbour", "homoglyph"]


@dataclass(frozen=True)
class CharacterTypos(Attack):
    """Misspells words of the query, one character in each."""

    typos: int = 1  # words misspelt
    rate: float | None = None  # share of the words that can be misspelt, at least one; takes the place of typos
    operations: tuple[Operation, ...] = (
        "delete",
        "insert",
        "substitute",
        "swap",
        "neighbour",
    )  # one drawn a word; homoglyph, a letter that looks alike, is not among the source's

    access = Access.NOTHING
    edits = "query"
    size_parameter = "typos"
    budget_unit = "words"
    reference = "Penha, Camara, Hauff, ECIR 2022; Zhuang and Zuccon, EMNLP 2021"
    deviations = "case is kept; the published generator lowers it"

    def __post_init__(self) -> None:
        how_many(1, self.typos, self.rate)  # refuse a rate that is none before anything runs

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the query with typos."""
        found, places = words(target.query), eligible(target.query)
        if not places:
            return Perturbation(target.query, note="no word of the query is longer than three letters")
        chosen = sorted(rng.permutation(places)[: how_many(len(places), self.typos, self.rate)].tolist())
        edits = []
        for index in chosen:
            word = found[index]
            operation = self.operations[int(rng.integers(len(self.operations)))]
            edits.append(Edit(word.start, word.end, OPERATIONS[operation](word.text, rng)))
        return Perturbation(apply_edits(target.query, tuple(edits)), tuple(edits))
