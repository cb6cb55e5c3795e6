"""Word and character transformations of TextAttack, applied to words of the query.

Reference: Morris et al.: TextAttack, EMNLP 2020, system demonstrations, arXiv 2005.05909; Penha, Camara, Hauff, ECIR
2022 (arXiv 2111.13057) generate several of their query variations with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count, Share
from robustrank.text import textattack_adapter
from robustrank.text.languages import ENGLISH
from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.typos import MINIMUM_LENGTH
from robustrank.victim import Access, QueryInterface, Target, Victim

from .parts.budget import words_to_change


@dataclass
class TextAttackQuery(Attack):
    """Applies a transformation of TextAttack to words of the query that are not stop words."""

    transformation: str = "WordSwapQWERTY"  # a class of textattack.transformations that uses no model
    count: Count = 1  # number of transformed words
    rate: Share | None = None  # share of the eligible words, at least one word; replaces count
    minimum_length: Count = MINIMUM_LENGTH  # minimum number of characters of an eligible word
    options: dict[str, Any] = field(default_factory=dict)  # arguments of the transformation's constructor

    languages = (ENGLISH,)  # its words and its transformations
    access = Access.NOTHING
    edits = "query"
    size_parameter = "count"
    budget_unit = "words"
    reference = "Morris et al. (TextAttack), EMNLP 2020, demonstrations; Penha, Camara, Hauff, ECIR 2022"
    deviations = "stop words are this package's, not NLTK's; one candidate is drawn for each word, and no model is used"

    def check(self) -> None:
        """Refuse to run without TextAttack."""
        textattack_adapter.require_textattack()

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Create the transformation, which imports TextAttack."""
        self._transformation = textattack_adapter.transformation(self.transformation, **self.options)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the query with transformed words."""
        query = target.query
        eligible = [
            index
            for index, word in enumerate(textattack_adapter.words_of(query))
            if len(word) >= self.minimum_length and word.lower() not in STOP_WORDS
        ]
        budget = words_to_change(len(eligible), self.count, self.rate)
        order = rng.permutation(eligible).tolist()
        text, changed = textattack_adapter.change_words(self._transformation, query, order, budget, rng)
        note = "" if changed == budget > 0 else f"{self.transformation} changed {changed} words"
        if text == query:
            return Perturbation(query, note=note)
        text = text.strip()  # the space beside a deleted word
        return Perturbation(text, (Edit(0, len(query), text),), note)
