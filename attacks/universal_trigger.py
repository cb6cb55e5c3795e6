"""Universal triggers: a few words, found once, that raise any document for any query of a collection.

Source: Wang, Lyu, Anand: BERT Rankers are Brittle: a Study using Adversarial Document Perturbations, ICTIR 2022, global
triggers; after Wallace et al.: Universal Adversarial Triggers, EMNLP 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Attack, Perturbation, apply_edits
from robustrank.collections.collection import Collection
from robustrank.rankers.ranker import Pair
from robustrank.victim import Access, QueryInterface, Target, Victim

from .parts.hotflip import Lexicon, Trigger, embedding_gradients_in, hotflip_search
from .parts.insertion import Position, insertion


@dataclass
class UniversalTrigger(Attack):
    """Inserts one trigger into every document, learned on queries that are not attacked."""

    length: int = 6  # words inserted
    position: Position = "start"  # where they are inserted
    pairs: int = 32  # (query, candidate) pairs the trigger is learned on
    steps: int = 20  # flips at the most
    candidates: int = 20  # flips tried in each step, by first-order gain
    minimum_documents: int = 3  # documents a word has to stand in before it is used

    access = Access.GRADIENTS
    size_parameter = "length"
    cost = "once"
    reference = "Wang, Lyu, Anand, ICTIR 2022, global attack; Wallace et al., EMNLP 2019"
    deviations = "words of the collection are flipped, one a step; learned on candidates drawn from whole lists"
    control = "random-trigger"

    _trigger: Trigger = field(default=(), init=False, repr=False)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Learn the trigger."""
        lexicon = Lexicon.of(collection, interface.gradients(""), self.minimum_documents)
        pairs = sample_pairs(collection, self.pairs, rng)
        if not lexicon.words or not pairs:
            return

        def embedding_gradients(trigger: Trigger) -> NDArray[np.float32]:
            found = [
                embedding_gradients_in(
                    document, insertion(document, " ".join(trigger), self.position), interface.gradients(query)
                )
                for query, document in pairs
            ]
            return np.asarray(np.mean(found, axis=0), dtype=np.float32)

        def values(triggers: Sequence[Trigger]) -> NDArray[np.float32]:
            asked = [(query, self._with(document, trigger)) for trigger in triggers for query, document in pairs]
            return np.asarray(interface.score(asked).reshape(len(triggers), -1).mean(axis=1), dtype=np.float32)

        start = lexicon.draw(self.length, rng)
        self._trigger = list(hotflip_search(start, lexicon, embedding_gradients, values, self.steps, self.candidates))[
            -1
        ]

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with the trigger in it."""
        if not self._trigger:
            return Perturbation(target.document, note="there was nothing to learn a trigger from")
        edits = (insertion(target.document, " ".join(self._trigger), self.position),)
        return Perturbation(apply_edits(target.document, edits), edits)

    def _with(self, document: str, trigger: Trigger) -> str:
        return apply_edits(document, (insertion(document, " ".join(trigger), self.position),))


def sample_pairs(collection: Collection, count: int, rng: np.random.Generator) -> list[Pair]:
    """Return ``count`` (query, document) pairs: a query drawn anew each time, one of its candidates."""
    query_ids = [query_id for query_id, listed in collection.candidates.items() if listed]
    if not query_ids:
        return []
    pairs = []
    for number in rng.integers(len(query_ids), size=count).tolist():
        query_id = query_ids[number]
        listed = collection.candidates[query_id]
        pairs.append((collection.queries[query_id], collection.documents[listed[int(rng.integers(len(listed)))]]))
    return pairs
