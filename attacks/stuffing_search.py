"""Stuffing search: the query's words are inserted where the victim ranks the document best, defense and all.

Inserted is what keyword-stuffing inserts: "Query+" of Liu et al. (PAT), CCS 2022. A filter that flags the query at one
place may pass some of its words that are scattered over the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation, TargetBound
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count
from robustrank.text.words import words
from robustrank.victim import Access, Target, Victim

from .parts.edits import perturbation_of
from .parts.insertion import insert


@dataclass
class StuffingSearch(Attack):
    """Inserts the query at the start, or some of its words at random: of many trials what the victim ranks best."""

    repeats: Count = 1  # repetitions of the query at most
    trials: Count = 40  # texts that are drawn, a query to the victim each; the first has the query at its start

    access = Access.RANKS
    size_parameter = "repeats"
    budget_unit = "repetitions"
    cost = "calls"
    reference = "Liu et al., CCS 2022 (Query+)"
    deviations = "the search is ours: random subsets of the words, each before a random word of the document"
    control = "random-trigger"

    def target_bound(self, collection: Collection) -> TargetBound:
        """A query for each text."""
        return lambda target: self.trials

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the text of the best rank; the document if none improves its rank."""
        inserted = target.query.split() * self.repeats
        if not inserted:
            return Perturbation(target.document, note="the query has no word to insert")
        first = insert(target.document, " ".join(inserted), "start")
        others = [_scattered(target.document, inserted, rng) for _ in range(self.trials - 1)]
        tried = [first, *others][: victim.remaining]
        is_exhausted = len(tried) < self.trials
        ranks = victim.ranks([text.text for text in tried])
        if not tried or ranks.min() >= target.rank:
            return Perturbation(
                target.document, note="no text that was tried has a better rank", exhausted=is_exhausted
            )
        return replace(tried[int(ranks.argmin())], exhausted=is_exhausted)


def _scattered(document: str, inserted: Sequence[str], rng: np.random.Generator) -> Perturbation:
    """Return the document with some of the words, at least one, in their order, each before a random word of it."""
    count = int(rng.integers(1, len(inserted) + 1))
    kept = [inserted[i] for i in sorted(rng.permutation(len(inserted))[:count].tolist())]
    starts = sorted({0, *(word.start for word in words(document))})
    before: dict[int, str] = {}
    for number, word in zip(sorted(rng.integers(len(starts), size=count).tolist()), kept, strict=True):
        before[starts[number]] = before.get(starts[number], "") + f"{word} "
    return perturbation_of(document, [Edit(at, at, text) for at, text in before.items()])
