"""Greedy substitution without gradients: what can be done by asking alone, for scores or for ranks.

Source: order by deletion as in Jin et al. (TextFooler), AAAI 2020; kept when the victim's answer improves, as in PRADA
(Wu et al., ACM TOIS 41(4), 2023). With ranks alone it is a decision-based attack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation, apply_edits
from robustrank.collections.collection import Collection
from robustrank.text.embedding_table import load_table
from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.table import SubstitutionTable
from robustrank.text.words import Word, in_case_of, replace_words, words
from robustrank.victim import Access, BudgetExhausted, QueryInterface, Target, Victim

from .parts.victim_feedback import Feedback, ask


@dataclass
class GreedySubstitution(Attack):
    """Replaces words by substitutes the victim rewards, those first whose deletion helps the document most."""

    max_words: int = 5  # words replaced at the most
    feedback: Feedback = "scores"  # what is asked of the victim
    order: Literal["deletion", "random"] = "deletion"  # which words come first
    candidates: int = 10  # substitutes of a word tried on the victim, nearest in the table first
    table: str = "encoder"  # the substitutes: encoder, or the path of a table file
    threshold: float = 0.6  # the least cosine of a substitute in the encoder's table
    neighbours: int = 10  # the most substitutes of a word in the encoder's table

    access = Access.SCORES
    size_parameter = "max_words"
    cost = "calls"
    reference = (
        "Jin et al. (TextFooler), AAAI 2020, section 3 (order); Wu et al. (PRADA), ACM TOIS 41(4), 2023 (greedy)"
    )
    deviations = (
        "words whose deletion raises the document come first; no sentence encoder or tagger filters substitutes"
    )
    control = "random-edit"

    _table: SubstitutionTable = field(default_factory=lambda: SubstitutionTable({}), init=False, repr=False)

    def __post_init__(self) -> None:
        self.access = Access[self.feedback.upper()]

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Read the table."""
        self._table = load_table(self.table, collection.documents.values(), self.threshold, self.neighbours)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with up to ``max_words`` words replaced."""
        found = words(target.document)
        places = [i for i, w in enumerate(found) if self._table.substitutes(w.key) and w.key not in STOP_WORDS]
        if not places:
            return Perturbation(target.document, note="no word of the document has a substitute")
        chosen: dict[int, str] = {}
        exhausted = False
        try:
            self._search(target, victim, found, places, chosen, rng)
        except BudgetExhausted:
            exhausted = True
        edits = tuple(_edit(found[i], chosen[i]) for i in sorted(chosen))
        return Perturbation(apply_edits(target.document, edits), edits, exhausted=exhausted)

    def _search(
        self,
        target: Target,
        victim: Victim,
        found: Sequence[Word],
        places: Sequence[int],
        chosen: dict[int, str],
        rng: np.random.Generator,
    ) -> None:
        """Fill ``chosen`` with the replacements the victim rewards."""
        best = float(ask(victim, self.feedback, [target.document])[0])
        for place in self._in_order(target, victim, found, places, rng):
            if len(chosen) == self.max_words:
                return
            keys = self._table.substitutes(found[place].key)[: self.candidates]
            values = ask(
                victim, self.feedback, [replace_words(target.document, {**chosen, place: key}) for key in keys]
            )
            if float(values.max()) > best:
                best, chosen[place] = float(values.max()), keys[int(values.argmax())]

    def _in_order(
        self, target: Target, victim: Victim, found: Sequence[Word], places: Sequence[int], rng: np.random.Generator
    ) -> list[int]:
        if self.order == "random":
            return [int(place) for place in rng.permutation(places)]
        without = [apply_edits(target.document, (Edit(found[i].start, found[i].end, ""),)) for i in places]
        gains = ask(victim, self.feedback, without)
        return [places[int(i)] for i in np.argsort(-gains, kind="stable")]


def _edit(word: Word, key: str) -> Edit:
    return Edit(word.start, word.end, in_case_of(key, word.text))
