"""Character typos in the query: one character of a word is deleted, inserted, substituted, swapped or mistyped.

Reference: Penha, Camara, Hauff, ECIR 2022 (arXiv 2111.13057), misspelling category; words as in Zhuang, Zuccon: Dealing
with Typos for BERT-based Passage Retrieval and Ranking, EMNLP 2021: longer words, no stop words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count, Several, Share
from robustrank.text.languages import SPACED
from robustrank.text.typos import alphabets, eligible, operations
from robustrank.text.words import words
from robustrank.victim import Access, QueryInterface, Target, Victim

from .parts.budget import sample_indices, words_to_change
from .parts.edits import perturbation_of

Operation = Literal["delete", "insert", "substitute", "swap", "neighbour", "homoglyph"]


@dataclass
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

    languages = SPACED  # a word is misspelt: a character of Chinese is none
    access = Access.NOTHING
    edits = "query"
    size_parameter = "typos"
    budget_unit = "words"
    reference = "Penha, Camara, Hauff, ECIR 2022; Zhuang and Zuccon, EMNLP 2021"
    deviations = (
        "case is preserved; the published generator lowercases the query; new letters of other scripts than Latin are "
        "those of the collection"
    )

    _alphabets: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Collect the letters of the collection's scripts."""
        self._alphabets = collection.statistic(alphabets, collection.language)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the query with typos."""
        query_words, indices = words(target.query), eligible(target.query, target.language)
        if not indices:
            return Perturbation(target.query, note="no word of the query is longer than three letters")
        typos, edits = operations(self._alphabets), []
        for index in sample_indices(indices, words_to_change(len(indices), self.typos, self.rate), rng):
            word = query_words[index]
            operation = self.operations[int(rng.integers(len(self.operations)))]
            edits.append(Edit(word.start, word.end, typos[operation](word.text, rng)))
        return perturbation_of(target.query, edits)
