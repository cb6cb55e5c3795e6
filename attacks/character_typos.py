"""Character typos in the query: one character of a word is deleted, inserted, substituted, swapped or mistyped.

With trials, the victim ranks for several misspelt forms, and the one is taken that changes its list most.

Reference: Penha, Camara, Hauff, ECIR 2022 (arXiv 2111.13057), misspelling category; words as in Zhuang, Zuccon: Dealing
with Typos for BERT-based Passage Retrieval and Ranking, EMNLP 2021: longer words, no stop words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Attack, Edit, Perturbation, TargetBound
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
    """Misspells words of the query, with one typo per word: at random, or the worst of several forms for the list."""

    typos: Count = 1  # number of misspelt words
    rate: Share | None = None  # share of the eligible words, at least one word; replaces typos
    trials: Count = 1  # forms drawn; the one is taken that changes the served order most; each costs a query
    operations: Several[Operation] = (
        "delete",
        "insert",
        "substitute",
        "swap",
        "neighbour",
    )  # one is drawn for each word; homoglyph, a letter that looks alike, is not in the reference

    languages = SPACED  # a word is misspelt: a character of Chinese is none
    access = Access.NOTHING  # ranks with several trials
    edits = "query"
    size_parameter = "typos"
    budget_unit = "words"
    reference = "Penha, Camara, Hauff, ECIR 2022; Zhuang and Zuccon, EMNLP 2021"
    deviations = (
        "case is preserved; the published generator lowercases the query; new letters of other scripts than Latin are "
        "those of the collection; the search by trials is ours"
    )

    _alphabets: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self.access = Access.RANKS if self.trials > 1 else Access.NOTHING

    def prepare_bound(self, collection: Collection) -> int:
        """No query."""
        return 0

    def target_bound(self, collection: Collection) -> TargetBound:
        """A query for each form, where there are several."""
        return lambda target: self.trials if self.trials > 1 else 0

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Collect the letters of the collection's scripts."""
        self._alphabets = collection.statistic(alphabets, collection.language)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the query with typos; the first form where the budget allows no query."""
        indices = eligible(target.query, target.language)
        if not indices:
            return Perturbation(target.query, note="no word of the query is longer than three letters")
        forms = [self._misspelt(target.query, indices, rng) for _ in range(self.trials)]
        tried = forms[: victim.remaining] if self.trials > 1 else []
        if not tried:
            return replace(forms[0], exhausted=self.trials > 1)
        agreement = _agreement(victim.ranks([form.text for form in tried]))
        return replace(tried[int(agreement.argmin())], exhausted=len(tried) < len(forms))

    def _misspelt(self, query: str, indices: Sequence[int], rng: np.random.Generator) -> Perturbation:
        query_words, typos, edits = words(query), operations(self._alphabets), []
        for index in sample_indices(indices, words_to_change(len(indices), self.typos, self.rate), rng):
            word = query_words[index]
            operation = self.operations[int(rng.integers(len(self.operations)))]
            edits.append(Edit(word.start, word.end, typos[operation](word.text, rng)))
        return perturbation_of(query, edits)


def _agreement(ranks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return float64[n], the DCG of n rankings, int64[n, documents], where the served one gives the gains."""
    served = np.arange(1, ranks.shape[1] + 1)
    return np.asarray((1 / np.log2(1 + served) / np.log2(1 + ranks)).sum(axis=1), dtype=np.float64)
