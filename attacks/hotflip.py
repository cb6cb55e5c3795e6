"""HotFlip: a trigger whose words are flipped, one at a time, to whatever raises this document's score most.

Source: Ebrahimi, Rao, Lowd, Dou: HotFlip: White-Box Adversarial Examples for Text Classification, ACL 2018; as a local
attack on rankers: Wang, Lyu, Anand: BERT Rankers are Brittle, ICTIR 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Attack, Edit, Perturbation, apply_edits
from robustrank.collections.collection import Collection
from robustrank.victim import Access, BudgetExhausted, QueryInterface, Target, Victim

from .parts.hotflip import Lexicon, Trigger, embedding_gradients_in, hotflip_search
from .parts.insertion import Position, insertion


@dataclass
class HotFlip(Attack):
    """Inserts a trigger made for one query and one document, by the victim's own gradients."""

    length: int = 6  # words inserted
    position: Position = "start"  # where they are inserted
    steps: int = 30  # flips at the most
    candidates: int = 20  # flips tried on the victim in each step, by first-order gain
    minimum_documents: int = 3  # documents a word has to stand in before it is used

    access = Access.GRADIENTS
    size_parameter = "length"
    cost = "gradients"
    reference = "Ebrahimi et al. (HotFlip), ACL 2018; Wang, Lyu, Anand, ICTIR 2022, local attack"
    deviations = (
        "words of the collection are flipped, not wordpieces; the flip is chosen over all slots; nothing keeps the "
        "query's words out"
    )
    control = "random-trigger"

    _lexicon: Lexicon | None = field(default=None, init=False, repr=False)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Read the words triggers are made of."""
        self._lexicon = Lexicon.of(collection, interface.gradients(""), self.minimum_documents)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with the best trigger found."""
        if self._lexicon is None or not self._lexicon.words:
            return Perturbation(target.document, note="the collection has no word for a trigger")
        view, lexicon = victim.gradients(), self._lexicon

        def edit(trigger: Trigger) -> Edit:
            return insertion(target.document, " ".join(trigger), self.position)

        def embedding_gradients(trigger: Trigger) -> NDArray[np.float32]:
            return embedding_gradients_in(target.document, edit(trigger), view)

        def values(triggers: Sequence[Trigger]) -> NDArray[np.float32]:
            return victim.scores([apply_edits(target.document, (edit(trigger),)) for trigger in triggers])

        found, exhausted = [lexicon.draw(self.length, rng)], False
        try:
            found.extend(hotflip_search(found[0], lexicon, embedding_gradients, values, self.steps, self.candidates))
        except BudgetExhausted:
            exhausted = True
        edits = (edit(found[-1]),)
        return Perturbation(apply_edits(target.document, edits), edits, exhausted=exhausted)
