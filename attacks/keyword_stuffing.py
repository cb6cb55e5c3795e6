"""Keyword stuffing: repeats the query, or its content words, inside the document. The oldest attack on search.

Source: "Query+" of Liu et al. (PAT), CCS 2022, and query and keyword injection with position a parameter: Tamber, Lin,
Illusions of Relevance, Findings of AACL 2025, arXiv 2501.18536.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from robustrank.attack import Attack, Perturbation, apply_edits
from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.words import words
from robustrank.victim import Access, Target, Victim

from .parts.insertion import Position, insertion


@dataclass(frozen=True)
class KeywordStuffing(Attack):
    """Inserts the query's words into the document; asks the victim nothing."""

    repeats: int = 1  # how often the words are inserted
    what: Literal["query", "keywords"] = "query"  # the whole query, or its words without stop words
    position: Position = "start"  # where they are inserted

    access = Access.NOTHING
    size_parameter = "repeats"
    budget_unit = "repetitions"
    reference = "Liu et al., CCS 2022 (Query+); Tamber and Lin, Findings of AACL 2025, section 3"
    deviations = "inserted words keep the query's form; neither their case nor their final period is varied"
    control = "random-edit"

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with the query's words in it."""
        stuffing = " ".join([self._words(target.query)] * self.repeats)
        if not stuffing:
            return Perturbation(target.document, note="the query has no word to insert")
        edits = (insertion(target.document, stuffing, self.position),)
        return Perturbation(apply_edits(target.document, edits), edits)

    def _words(self, query: str) -> str:
        if self.what == "query":
            return query.strip()
        return " ".join(word.text for word in words(query) if word.text.lower() not in STOP_WORDS)
