"""Universal trigger: one trigger, learned once, that raises any document for any query of a collection.

Reference: Wang, Lyu, Anand: BERT Rankers are Brittle: a Study using Adversarial Document Perturbations, ICTIR 2022,
global triggers; after Wallace et al.: Universal Adversarial Triggers, EMNLP 2019.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from robustrank.attack import Attack, Perturbation, TargetBound
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count
from robustrank.rankers.ranker import Pair
from robustrank.victim import Access, QueryInterface, Target, Victim

from .parts.hotflip import Lexicon, Trigger, hotflip_bound, search_universal_trigger
from .parts.insertion import Position, insert


@dataclass
class UniversalTrigger(Attack):
    """Inserts the same trigger into every document; it is learned on the training queries."""

    length: Count = 6  # words of the trigger
    position: Position = "start"  # where the trigger is inserted
    pairs: Count = 32  # (query, candidate) pairs on which the trigger is learned
    steps: Count = 20  # maximum number of search steps; each replaces one word of the trigger
    candidates: Count = 20  # candidate flips scored in each step, by first-order gain
    minimum_documents: Count = 3  # minimum document frequency of a candidate word

    access = Access.GRADIENTS
    size_parameter = "length"
    cost = "once"
    stops_early = "at a local optimum of its search"
    reference = "Wang, Lyu, Anand, ICTIR 2022, global attack; Wallace et al., EMNLP 2019"
    deviations = (
        "candidates are words of the collection, and each step replaces one of them; the training pairs are sampled "
        "from whole candidate lists"
    )
    control = "random-trigger"

    _trigger: Trigger = field(default=(), init=False, repr=False)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Learn the trigger."""
        lexicon = Lexicon.of(collection, interface.gradients(""), self.minimum_documents)
        pairs = sample_pairs(collection, self.pairs, rng)
        if not lexicon.words or not pairs:
            return
        initial = lexicon.draw(self.length, rng)
        self._trigger = search_universal_trigger(
            interface, pairs, self.position, initial, lexicon, self.steps, self.candidates
        )

    def prepare_bound(self, collection: Collection) -> int:
        """All steps of the search, on every pair."""
        return self.pairs * hotflip_bound(self.steps, self.candidates) if any(collection.candidates.values()) else 0

    def target_bound(self, collection: Collection) -> TargetBound:
        """No query."""
        return lambda target: 0

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with the trigger inserted."""
        if not self._trigger:
            return Perturbation(target.document, note="there was nothing to learn a trigger from")
        return insert(target.document, " ".join(self._trigger), self.position)


def sample_pairs(collection: Collection, count: int, rng: np.random.Generator) -> list[Pair]:
    """Return ``count`` (query, document) pairs: random queries with replacement, each with a random candidate."""
    query_ids = [query_id for query_id, candidates in collection.candidates.items() if candidates]
    if not query_ids:
        return []
    pairs = []
    for number in rng.integers(len(query_ids), size=count).tolist():
        query_id = query_ids[number]
        candidates = collection.candidates[query_id]
        doc_id = candidates[int(rng.integers(len(candidates)))]
        pairs.append((collection.queries[query_id], collection.documents[doc_id]))
    return pairs
