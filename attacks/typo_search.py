"""Typo search: of many misspelt forms of a query, the one that changes the served list most.

Typos are those of character-typos: Penha, Camara, Hauff, ECIR 2022 (arXiv 2111.13057). They are at random there; here
the victim's ranks choose among them, so that the attack meets a defense of queries, as spelling correction.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Attack, Perturbation, TargetBound
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count
from robustrank.text.languages import SPACED
from robustrank.victim import Access, QueryInterface, Target, Victim

from .character_typos import CharacterTypos


@dataclass
class TypoSearch(Attack):
    """Misspells words of the query, with one typo per word, in the form under which the served order changes most."""

    typos: Count = 1  # number of misspelt words
    trials: Count = 20  # misspelt forms that are drawn, a query to the victim each

    languages = SPACED  # a word is misspelt: a character of Chinese is none
    access = Access.RANKS
    edits = "query"
    size_parameter = "typos"
    cost = "calls"
    reference = "Penha, Camara, Hauff, ECIR 2022 (the typos)"
    deviations = "the search is ours: random forms, judged by the DCG that is left of the served order"

    _typos: CharacterTypos = field(default_factory=CharacterTypos, init=False, repr=False)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Collect the letters of the collection's scripts."""
        self._typos = CharacterTypos(typos=self.typos)
        self._typos.prepare(interface, collection, rng)

    def prepare_bound(self, collection: Collection) -> int:
        """No query."""
        return 0

    def target_bound(self, collection: Collection) -> TargetBound:
        """A query for each form."""
        return lambda target: self.trials

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the query with typos; the first form where the budget allows no query."""
        forms = [self._typos.perturb(target, victim, rng) for _ in range(self.trials)]
        tried = forms[: victim.remaining]
        is_exhausted = len(tried) < len(forms)
        if not tried or not tried[0].edits:
            return replace(forms[0], exhausted=is_exhausted)
        agreement = _agreement(victim.ranks([form.text for form in tried]))
        return replace(tried[int(agreement.argmin())], exhausted=is_exhausted)


def _agreement(ranks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return float64[n], the DCG of n rankings, int64[n, documents], where the served one gives the gains."""
    served = np.arange(1, ranks.shape[1] + 1)
    return np.asarray((1 / np.log2(1 + served) / np.log2(1 + ranks)).sum(axis=1), dtype=np.float64)
