"""TextAttack's word and character transformations, applied to words of the query.

Source: Morris et al.: TextAttack, EMNLP 2020, system demonstrations, arXiv 2005.05909; Penha, Camara, Hauff, ECIR 2022
(arXiv 2111.13057) make several of their query variations with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation
from robustrank.collections.collection import Collection
from robustrank.text import textattack_adapter
from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.typos import MINIMUM_LENGTH
from robustrank.victim import Access, QueryInterface, Target, Victim

from .parts.budget import how_many


@dataclass
class TextAttackQuery(Attack):
    """Applies a transformation of TextAttack to words of the query that are no stop words."""

    transformation: str = "WordSwapQWERTY"  # a class of textattack.transformations that asks no model
    count: int = 1  # words it is applied to
    rate: float | None = None  # share of the words that may be changed, at least one; takes the place of count
    minimum_length: int = MINIMUM_LENGTH  # characters; shorter words are left alone
    options: dict[str, Any] = field(default_factory=dict)  # what the transformation's constructor takes

    access = Access.NOTHING
    edits = "query"
    size_parameter = "count"
    budget_unit = "words"
    reference = "Morris et al. (TextAttack), EMNLP 2020, demonstrations; Penha, Camara, Hauff, ECIR 2022"
    deviations = "stop words are this package's, not NLTK's; one candidate is drawn a word, and no model is asked"

    def __post_init__(self) -> None:
        how_many(1, self.count, self.rate)  # refuse a rate that is none before anything runs

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Make the transformation, which imports TextAttack."""
        self._made = textattack_adapter.transformation(self.transformation, **self.options)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the query with words transformed."""
        query = target.query
        places = [
            place
            for place, word in enumerate(textattack_adapter.words_of(query))
            if len(word) >= self.minimum_length and word.lower() not in STOP_WORDS
        ]
        wanted = how_many(len(places), self.count, self.rate)
        order = rng.permutation(places).tolist()
        text, changed = textattack_adapter.change_words(self._made, query, order, wanted, rng)
        note = "" if changed == wanted > 0 else f"{self.transformation} changed {changed} words"
        if text == query:
            return Perturbation(query, note=note)
        text = text.strip()  # a deleted word leaves its space behind
        return Perturbation(text, (Edit(0, len(query), text),), note)
