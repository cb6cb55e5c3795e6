"""Universal trigger: one trigger, learned once, that raises any document for any query of a collection.

Reference: Wang, Lyu, Anand: BERT Rankers are Brittle: a Study using Adversarial Document Perturbations, ICTIR 2022,
global triggers; after Wallace et al.: Universal Adversarial Triggers, EMNLP 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from robustrank.attack import Perturbation, TargetBound
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count
from robustrank.rankers.ranker import Pair
from robustrank.victim import QueryInterface, Target, Victim

from .parts.hotflip import MeanOverPairs
from .parts.insertion import Position
from .parts.lexicon import Lexicon, Start, Trigger
from .parts.surrogates import VICTIM, ImitationSettings, Surrogate, UsesSurrogate, pair_model
from .parts.sweep import Sweeps
from .parts.trigger import Direction, sign_of, with_trigger


@dataclass
class UniversalTrigger(UsesSurrogate):
    """Inserts the same trigger into every document; it is learned on the training queries."""

    length: Count = 5  # words of the trigger
    position: Position = "start"  # where the trigger is inserted
    surrogate: Surrogate = "victim"  # surrogate model: victim (white box), imitation, or a ranker's specification
    imitation: ImitationSettings = field(default_factory=dict)  # settings: surrogate, queries, top, training, …
    direction: Direction = "promote"  # demote: scores are lowered, and the boost of a success is negative
    pairs: Count = 32  # (query, candidate) pairs on which a trigger is learned, and as many on which one is chosen
    candidates: Count = 40  # words scored in each slot, those of the largest first-order gain
    sweeps: Count = 10  # maximum number of sweeps over all slots, each with one gradient of every pair
    restarts: Count = 3  # starts; the trigger of the best score on held-out queries is taken
    start: Start = "mask"  # the first start: mask tokens (the commonest word if there are none), or random words
    minimum_documents: Count = 3  # minimum document frequency of a candidate word

    size_parameter = "length"
    cost = "once"
    stops_early = "at a start of which a whole sweep replaces no word"
    reference = "Wang, Lyu, Anand, ICTIR 2022, global attack; Wallace et al., EMNLP 2019"
    deviations = (
        "candidates are words of the collection, not wordpieces, each with the mean vector of its tokens; the training "
        "pairs are sampled from whole candidate lists; of the starts the best on pairs of held-out queries is taken (a "
        "third of the queries; all serve both ends if there are fewer than three)"
    )
    control = "random-trigger"

    _lexicon: Lexicon | None = field(default=None, init=False, repr=False)
    _trigger: Trigger = field(default=(), init=False, repr=False)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Learn the trigger."""
        self._load_surrogate(interface, collection, rng)
        model, sign = pair_model(self._surrogate, interface), sign_of(self.direction)
        lexicon = self._lexicon = Lexicon.of(collection, model.gradients(""), self.minimum_documents)
        query_ids = [query_id for query_id, candidates in collection.candidates.items() if candidates]
        if not lexicon.words or not query_ids:
            return
        shuffled = [query_ids[i] for i in rng.permutation(len(query_ids))]
        third = len(shuffled) // 3
        learned, held_out = (
            MeanOverPairs(model, sample_pairs(collection, ids, self.pairs, rng), self.position, sign)
            for ids in (shuffled[third:], shuffled[:third] or shuffled)
        )
        ends: list[Trigger] = []
        for initial in self._search.starts(lexicon, rng):
            *_, (trigger, _) = self._search.run(initial, lexicon, learned.gradients, learned.values)
            ends.append(trigger)
        self._trigger = ends[int(held_out.values(ends).argmax())]

    @property
    def _search(self) -> Sweeps:
        return Sweeps(self.length, self.candidates, self.sweeps, self.restarts, self.start)

    def prepare_bound(self, collection: Collection) -> int:
        """All sweeps of all starts, on every pair, and the choice among their ends."""
        if self.surrogate != VICTIM:
            return super().prepare_bound(collection)
        learns = any(collection.candidates.values())
        return learns * self.pairs * (self._search.bound + self.restarts)

    def target_bound(self, collection: Collection) -> TargetBound:
        """No query."""
        return lambda target: 0

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with the trigger inserted."""
        if not self._trigger or self._lexicon is None:
            return Perturbation(target.document, note="there was nothing to learn a trigger from")
        return with_trigger(target.document, self._trigger, self._lexicon, self.position)


def sample_pairs(collection: Collection, query_ids: Sequence[str], count: int, rng: np.random.Generator) -> list[Pair]:
    """Return ``count`` (query, document) pairs: random queries with replacement, each with a random candidate."""
    pairs = []
    for number in rng.integers(len(query_ids), size=count).tolist():
        query_id = query_ids[number]
        candidates = collection.candidates[query_id]
        doc_id = candidates[int(rng.integers(len(candidates)))]
        pairs.append((collection.queries[query_id], collection.documents[doc_id]))
    return pairs
