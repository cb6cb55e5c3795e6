"""Keyword stuffing: the query, or its content words, is inserted into the document one or more times.

Reference: "Query+" of Liu et al. (PAT), CCS 2022; query and keyword injection at several positions: Tamber, Lin:
Illusions of Relevance, Findings of AACL 2025, arXiv 2501.18536.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from robustrank.attack import Attack, Perturbation
from robustrank.plugins.constraints import Count
from robustrank.text.languages import ENGLISH
from robustrank.text.stopwords import stop_words
from robustrank.text.words import words
from robustrank.victim import Access, Target, Victim

from .parts.insertion import Position, insert


@dataclass(frozen=True)
class KeywordStuffing(Attack):
    """Inserts the query's words into the document, without queries to the victim."""

    repeats: Count = 1  # number of repetitions
    what: Literal["query", "keywords"] = "query"  # the whole query, or (English) the query without stop words
    position: Position = "start"  # where the words are inserted

    access = Access.NOTHING
    size_parameter = "repeats"
    budget_unit = "repetitions"
    reference = "Liu et al., CCS 2022 (Query+); Tamber and Lin, Findings of AACL 2025, section 3"
    deviations = "the inserted words have the same form as in the query; case and final period are not varied"
    control = "random-trigger"

    @property
    def languages(self) -> tuple[str, ...]:
        """English where stop words are left out; any otherwise."""
        return (ENGLISH,) if self.what == "keywords" else ()

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with the query's words inserted."""
        stuffing = " ".join([self._words(target)] * self.repeats)
        if not stuffing:
            return Perturbation(target.document, note="the query has no word to insert")
        return insert(target.document, stuffing, self.position)

    def _words(self, target: Target) -> str:
        if self.what == "query":
            return target.query.strip()
        left_out = stop_words(target.language)
        return " ".join(word.text for word in words(target.query) if word.text.lower() not in left_out)
