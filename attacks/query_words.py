"""Word-level perturbations of the query: words are dropped, repeated, put in another order, or replaced by synonyms.

Source: Penha, Camara, Hauff, ECIR 2022 (arXiv 2111.13057): ordering and synonym categories; dropping and repeating are
of TextAttack (Morris et al., EMNLP 2020, demonstrations).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation, apply_edits
from robustrank.text.embedding_table import ENCODER, load_table
from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.words import Word, in_case_of, words
from robustrank.victim import Access, Target, Victim

from .parts.budget import how_many


@dataclass
class QueryWords(Attack):
    """Drops, repeats, shuffles or replaces words of the query."""

    operation: Literal["drop", "repeat", "shuffle", "synonym"] = "drop"  # shuffle puts all words in another order
    count: int = 1  # words changed; a query keeps one word at the least
    rate: float | None = None  # share of the words, at least one; takes the place of count
    table: str = ENCODER  # of synonyms: encoder, the folder of another encoder, or a table file
    threshold: float = 0.6  # least cosine of a synonym, for an encoder's table
    neighbours: int = 10  # most synonyms of a word, for an encoder's table

    access = Access.NOTHING
    edits = "query"
    size_parameter = "count"
    budget_unit = "words"
    reference = "Penha, Camara, Hauff, ECIR 2022; Morris et al. (TextAttack), EMNLP 2020"
    deviations = "synonyms are neighbours in an encoder's input embeddings, antonyms left out, unless a table is given"

    def __post_init__(self) -> None:
        how_many(1, self.count, self.rate)  # refuse a rate that is none before anything runs

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the query with words changed."""
        found = words(target.query)
        if self.operation == "synonym":
            self._table = load_table(self.table, [target.query], self.threshold, self.neighbours)
        if self.operation == "shuffle":
            return self._shuffled(target.query, found, rng)
        places = self._places(found)
        chosen = sorted(rng.permutation(places)[: how_many(len(places), self.count, self.rate)].tolist())
        if self.operation == "drop":
            chosen = chosen[: max(0, len(found) - 1)]
        if not chosen:
            return Perturbation(target.query, note=f"the query has no word to {self.operation}")
        edits: list[Edit] = []
        for place in chosen:
            edits.append(self._edit(target.query, found[place], edits[-1].end if edits else 0, rng))
        return Perturbation(apply_edits(target.query, tuple(edits)), tuple(edits))

    def _places(self, found: list[Word]) -> list[int]:
        """Return the indices of the words that may be changed."""
        if self.operation == "synonym":
            return [i for i, word in enumerate(found) if self._synonyms(word)]
        return [i for i, word in enumerate(found) if word.key not in STOP_WORDS]

    def _edit(self, query: str, word: Word, position: int, rng: np.random.Generator) -> Edit:
        """Return the edit of one word; what stands before ``position`` is taken by an earlier one."""
        if self.operation == "repeat":
            return Edit(word.end, word.end, f" {word.text}")
        if self.operation == "synonym":
            others = self._synonyms(word)
            return Edit(word.start, word.end, in_case_of(others[int(rng.integers(len(others)))], word.text))
        before = word.start - 1
        if before >= position and query[before].isspace():
            return Edit(before, word.end, "")
        return Edit(word.start, word.end + query[word.end : word.end + 1].isspace(), "")

    def _synonyms(self, word: Word) -> list[str]:
        return [other for other in self._table.substitutes(word.key) if other != word.key]

    def _shuffled(self, query: str, found: list[Word], rng: np.random.Generator) -> Perturbation:
        if len({word.text for word in found}) < 2:
            return Perturbation(query, note="the query has no two different words to put in another order")
        order = np.arange(len(found))
        while [found[i].text for i in order] == [word.text for word in found]:
            order = rng.permutation(len(found))
        edits = tuple(
            Edit(word.start, word.end, found[i].text)
            for word, i in zip(found, order.tolist(), strict=True)
            if word.text != found[i].text
        )
        return Perturbation(apply_edits(query, edits), edits)
