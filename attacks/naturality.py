"""Queries as people type them into a search box: without stop words, or only their keywords.

Source: Penha, Camara, Hauff, ECIR 2022 (arXiv 2111.13057), naturality category.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation, apply_edits
from robustrank.collections.collection import Collection
from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.words import words
from robustrank.victim import Access, QueryInterface, Target, Victim


@dataclass
class Naturality(Attack):
    """Leaves out the words that carry little: stop words, or all but the keywords. Draws nothing."""

    keep: Literal["content", "keywords"] = "content"  # all but stop words, or the keywords of the highest tf-idf
    keywords: int = 3  # how many keywords are kept

    access = Access.NOTHING
    edits = "query"
    size_parameter = "keywords"
    budget_unit = "words"
    reference = "Penha, Camara, Hauff, ECIR 2022"
    deviations = "keywords are those of the highest tf-idf over the collection; the source asks a T5 summariser too"

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Count in how many documents each word occurs."""
        counts: Counter[str] = Counter()
        for text in collection.documents.values():
            counts.update({word.key for word in words(text)})
        self._frequency, self._documents = counts, len(collection.documents)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the query without the words that are left out."""
        found = words(target.query)
        kept = {i for i, word in enumerate(found) if word.key not in STOP_WORDS}
        if self.keep == "keywords":
            tf = Counter(found[i].key for i in kept)
            order = sorted(kept, key=lambda i: (-tf[found[i].key] * self._idf(found[i].key), i))
            kept = set(order[: self.keywords])
        if not kept or len(kept) == len(found):
            return Perturbation(target.query, note="there is nothing to leave out, or nothing would be left")
        edits, position = [], 0
        for place in sorted(kept):
            edits.append(Edit(position, found[place].start, " " if position else ""))
            position = found[place].end
        edits.append(Edit(position, len(target.query), ""))
        changed = tuple(edit for edit in edits if target.query[edit.start : edit.end] != edit.text)
        return Perturbation(apply_edits(target.query, changed), changed)

    def _idf(self, key: str) -> float:
        return math.log((self._documents + 1) / (self._frequency[key] + 1))
