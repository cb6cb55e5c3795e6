"""Keyword queries, as people type them into a search box: without stop words, or only the most important words.

Reference: Penha, Camara, Hauff, ECIR 2022 (arXiv 2111.13057), naturality category.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count
from robustrank.text.languages import ENGLISH, SPACED
from robustrank.text.stopwords import stop_words
from robustrank.text.words import document_frequencies, words
from robustrank.victim import Access, QueryInterface, Target, Victim

from .parts.edits import perturbation_of


@dataclass
class Naturality(Attack):
    """Removes stop words from the query, or all words except its keywords. It is deterministic."""

    keep: Literal["content", "keywords"] = "content"  # content: all but stop words; keywords: those of highest tf-idf
    keywords: Count = 3  # number of keywords that remain

    access = Access.NOTHING
    edits = "query"
    size_parameter = "keywords"
    budget_unit = "words"
    reference = "Penha, Camara, Hauff, ECIR 2022"
    deviations = "keywords have the highest tf-idf over the collection; the reference also uses a T5 summariser"

    @property
    def languages(self) -> tuple[str, ...]:
        """English where stop words are left out; where words are separated by spaces otherwise."""
        return (ENGLISH,) if self.keep == "content" else SPACED

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Compute document frequencies."""
        self._frequencies = collection.statistic(document_frequencies)
        self._documents = len(collection.documents)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the query without the removed words."""
        query_words = words(target.query)
        left_out = stop_words(target.language)
        retained = {i for i, word in enumerate(query_words) if word.key not in left_out}
        if self.keep == "keywords":
            tf = Counter(query_words[i].key for i in retained)
            order = sorted(retained, key=lambda i: (-tf[query_words[i].key] * self._idf(query_words[i].key), i))
            retained = set(order[: self.keywords])
        if not retained or len(retained) == len(query_words):
            return Perturbation(target.query, note="there is nothing to leave out, or nothing would be left")
        edits, position = [], 0
        for index in sorted(retained):
            edits.append(Edit(position, query_words[index].start, " " if position else ""))
            position = query_words[index].end
        edits.append(Edit(position, len(target.query), ""))
        return perturbation_of(target.query, (e for e in edits if target.query[e.start : e.end] != e.text))

    def _idf(self, key: str) -> float:
        return math.log((self._documents + 1) / (self._frequencies[key] + 1))
