"""HotFlip: white-box search for a trigger that maximises the score of one document for one query.

Reference: Ebrahimi, Rao, Lowd, Dou: HotFlip: White-Box Adversarial Examples for Text Classification, ACL 2018; as a
local attack on rankers: Wang, Lyu, Anand: BERT Rankers are Brittle, ICTIR 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Attack, Edit, Perturbation, TargetBound, apply_edits
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count
from robustrank.victim import Access, BudgetExhausted, QueryInterface, Target, Victim

from .parts.edits import perturbation_of
from .parts.hotflip import Lexicon, Trigger, embedding_gradients_in, hotflip_bound, hotflip_search
from .parts.insertion import Position, insertion


@dataclass
class HotFlip(Attack):
    """Inserts a trigger that is optimised for one query and one document with the victim's gradients."""

    length: Count = 6  # words of the trigger
    position: Position = "start"  # where the trigger is inserted
    steps: Count = 30  # maximum number of search steps; each replaces one word of the trigger
    candidates: Count = 20  # candidate flips scored by the victim in each step, by first-order gain
    minimum_documents: Count = 3  # minimum document frequency of a candidate word

    access = Access.GRADIENTS
    size_parameter = "length"
    cost = "gradients"
    stops_early = "at a local optimum of its search"
    reference = "Ebrahimi et al. (HotFlip), ACL 2018; Wang, Lyu, Anand, ICTIR 2022, local attack"
    deviations = (
        "candidates are words of the collection, not wordpieces; each step chooses the best slot as well as the word; "
        "words of the query are not excluded"
    )
    control = "random-trigger"

    _lexicon: Lexicon | None = field(default=None, init=False, repr=False)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Collect the candidate words."""
        self._lexicon = Lexicon.of(collection, interface.gradients(""), self.minimum_documents)

    def prepare_bound(self, collection: Collection) -> int:
        """No query."""
        return 0

    def target_bound(self, collection: Collection) -> TargetBound:
        """All steps, each with a gradient and its candidates."""
        return lambda target: hotflip_bound(self.steps, self.candidates)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with the best trigger of the search."""
        if self._lexicon is None or not self._lexicon.words:
            return Perturbation(target.document, note="the collection has no word for a trigger")
        view, lexicon = victim.gradients(), self._lexicon

        def edit(trigger: Trigger) -> Edit:
            return insertion(target.document, " ".join(trigger), self.position)

        def embedding_gradients(trigger: Trigger) -> NDArray[np.float32]:
            return embedding_gradients_in(target.document, edit(trigger), view)

        def objective(triggers: Sequence[Trigger]) -> NDArray[np.float32]:
            return victim.scores([apply_edits(target.document, (edit(trigger),)) for trigger in triggers])

        best, exhausted = lexicon.draw(self.length, rng), False
        try:
            for trigger in hotflip_search(best, lexicon, embedding_gradients, objective, self.steps, self.candidates):
                best = trigger
        except BudgetExhausted:
            exhausted = True
        return perturbation_of(target.document, (edit(best),), exhausted)
