"""Keyword stuffing: the query, or its content words, is inserted into the document one or more times.

Reference: "Query+" of Liu et al. (PAT), CCS 2022; query and keyword injection at several positions: Tamber, Lin:
Illusions of Relevance, Findings of AACL 2025, arXiv 2501.18536.

With trials it adapts to what it meets, as a filter: the words are also scattered over the document, some left out, and
the victim's ranks choose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation, TargetBound
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count
from robustrank.text.languages import ENGLISH
from robustrank.text.stopwords import stop_words
from robustrank.text.words import words
from robustrank.victim import Access, Target, Victim

from .parts.edits import perturbation_of
from .parts.insertion import Position, insert


@dataclass
class KeywordStuffing(Attack):
    """Inserts the query's words into the document: at one place, or where the victim ranks it best of some trials."""

    repeats: Count = 1  # number of repetitions
    what: Literal["query", "keywords"] = "query"  # the whole query, or (English) the query without stop words
    position: Position = "start"  # where the words are inserted
    trials: Count = 1  # placements; of several, a query each, all but the first scatter some of the words at random

    access = Access.NOTHING  # ranks with several trials
    size_parameter = "repeats"
    budget_unit = "repetitions"
    reference = "Liu et al., CCS 2022 (Query+); Tamber and Lin, Findings of AACL 2025, section 3"
    deviations = (
        "the inserted words have the same form as in the query; case and final period are not varied; trials are ours"
    )
    control = "random-trigger"

    def __post_init__(self) -> None:
        self.access = Access.RANKS if self.trials > 1 else Access.NOTHING

    @property
    def languages(self) -> tuple[str, ...]:
        """English where stop words are left out; any otherwise."""
        return (ENGLISH,) if self.what == "keywords" else ()

    def target_bound(self, collection: Collection) -> TargetBound:
        """A query for each placement, where there are several."""
        return lambda target: self.trials if self.trials > 1 else 0

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with the query's words inserted; of several trials none if none improves its rank."""
        stuffing = " ".join([self._words(target)] * self.repeats)
        if not stuffing:
            return Perturbation(target.document, note="the query has no word to insert")
        first = insert(target.document, stuffing, self.position)
        if self.trials == 1:
            return first
        others = [_scattered(target.document, stuffing.split(), rng) for _ in range(self.trials - 1)]
        tried = [first, *others][: victim.remaining]
        is_exhausted = len(tried) < self.trials
        ranks = victim.ranks([one.text for one in tried])
        if not tried or ranks.min() >= target.rank:
            note = "no placement that was tried improves the rank"
            return Perturbation(target.document, note=note, exhausted=is_exhausted)
        return replace(tried[int(ranks.argmin())], exhausted=is_exhausted)

    def _words(self, target: Target) -> str:
        if self.what == "query":
            return target.query.strip()
        left_out = stop_words(target.language)
        return " ".join(word.text for word in words(target.query) if word.text.lower() not in left_out)


def _scattered(document: str, inserted: Sequence[str], rng: np.random.Generator) -> Perturbation:
    """Return the document with some of the words, at least one, in their order, each before a random word of it."""
    count = int(rng.integers(1, len(inserted) + 1))
    kept = [inserted[i] for i in sorted(rng.permutation(len(inserted))[:count].tolist())]
    starts = sorted({0, *(word.start for word in words(document))})
    before: dict[int, str] = {}
    for number, word in zip(sorted(rng.integers(len(starts), size=count).tolist()), kept, strict=True):
        before[starts[number]] = before.get(starts[number], "") + f"{word} "
    return perturbation_of(document, [Edit(at, at, text) for at, text in before.items()])
