"""Word-level perturbations of the query: words are dropped, repeated, shuffled, or replaced by synonyms.

Reference: Penha, Camara, Hauff, ECIR 2022 (arXiv 2111.13057): ordering and synonym categories; dropping and repeating
are transformations of TextAttack (Morris et al., EMNLP 2020, demonstrations).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Cosine, Count, Share
from robustrank.text.embedding_table import ENCODER, check_table, load_table, table_languages
from robustrank.text.languages import SPACED
from robustrank.text.stopwords import stop_words
from robustrank.text.words import Word, in_case_of, vocabulary, words
from robustrank.victim import Access, QueryInterface, Target, Victim

from .parts.budget import sample_indices, words_to_change
from .parts.edits import perturbation_of


@dataclass
class QueryWords(Attack):
    """Drops, repeats, shuffles or replaces words of the query."""

    operation: Literal["drop", "repeat", "shuffle", "synonym"] = "drop"  # shuffle changes the order of all words
    count: Count = 1  # number of changed words; at least one word of the query remains
    rate: Share | None = None  # share of the eligible words, at least one word; replaces count
    table: str = ENCODER  # synonyms: encoder, the folder of another encoder, or a table file
    threshold: Cosine = 0.6  # minimum cosine of a synonym in an encoder's table
    neighbours: Count = 10  # maximum number of synonyms of a word in an encoder's table

    access = Access.NOTHING
    edits = "query"
    size_parameter = "count"
    budget_unit = "words"
    reference = "Penha, Camara, Hauff, ECIR 2022; Morris et al. (TextAttack), EMNLP 2020"
    deviations = "synonyms are neighbours in an encoder's input embeddings without antonyms, unless a table is given"

    @property
    def languages(self) -> tuple[str, ...]:
        """Those with spaces between words; with synonyms, English with an encoder's table, any with a table file."""
        return table_languages(self.table) if self.operation == "synonym" else SPACED

    def check(self) -> None:
        """Refuse a substitution table that is missing."""
        if self.operation == "synonym":
            check_table(self.table)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Load the substitution table of the collection's words if synonyms are used."""
        if self.operation == "synonym":
            self._table = load_table(self.table, collection.statistic(vocabulary), self.threshold, self.neighbours)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the query with changed words."""
        query_words = words(target.query)
        if self.operation == "shuffle":
            return self._shuffled(target.query, query_words, rng)
        eligible = self._eligible(query_words, target.language)
        sample = sample_indices(eligible, words_to_change(len(eligible), self.count, self.rate), rng)
        if self.operation == "drop":
            sample = sample[: max(0, len(query_words) - 1)]
        if not sample:
            return Perturbation(target.query, note=f"the query has no word to {self.operation}")
        edits: list[Edit] = []
        for index in sample:
            edits.append(self._edit(target.query, query_words[index], edits[-1].end if edits else 0, rng))
        return perturbation_of(target.query, edits)

    def _eligible(self, query_words: list[Word], language: str) -> list[int]:
        """Return the indices of the words that may be changed."""
        if self.operation == "synonym":
            return [i for i, word in enumerate(query_words) if self._synonyms(word)]
        left_out = stop_words(language)
        return [i for i, word in enumerate(query_words) if word.key not in left_out]

    def _edit(self, query: str, word: Word, position: int, rng: np.random.Generator) -> Edit:
        """Return the edit of a word; characters before ``position`` belong to the previous edit."""
        if self.operation == "repeat":
            return Edit(word.end, word.end, f" {word.text}")
        if self.operation == "synonym":
            synonyms = self._synonyms(word)
            return Edit(word.start, word.end, in_case_of(synonyms[int(rng.integers(len(synonyms)))], word.text))
        before = word.start - 1
        if before >= position and query[before].isspace():
            return Edit(before, word.end, "")
        return Edit(word.start, word.end + query[word.end : word.end + 1].isspace(), "")

    def _synonyms(self, word: Word) -> list[str]:
        return [synonym for synonym in self._table.substitutes(word.key) if synonym != word.key]

    def _shuffled(self, query: str, query_words: list[Word], rng: np.random.Generator) -> Perturbation:
        if len({word.text for word in query_words}) < 2:
            return Perturbation(query, note="the query has no two different words to put in another order")
        order = np.arange(len(query_words))
        while [query_words[i].text for i in order] == [word.text for word in query_words]:
            order = rng.permutation(len(query_words))
        edits = (
            Edit(word.start, word.end, query_words[i].text)
            for word, i in zip(query_words, order.tolist(), strict=True)
            if word.text != query_words[i].text
        )
        return perturbation_of(query, edits)
