"""HotFlip: search for a trigger that raises (or lowers) the score of one document for one query, by gradients.

Reference: Ebrahimi, Rao, Lowd, Dou: HotFlip: White-Box Adversarial Examples for Text Classification, ACL 2018; as a
local attack on rankers: Wang, Lyu, Anand: BERT Rankers are Brittle, ICTIR 2022 (code menauwy/brittlebert).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Edit, Perturbation, TargetBound, apply_edits
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count
from robustrank.victim import BudgetExhausted, QueryInterface, Target

from .parts.hotflip import slot_gradients
from .parts.insertion import Position, insertion
from .parts.lexicon import Lexicon, Start, Trigger
from .parts.preparation import require_prepared
from .parts.surrogates import ImitationSettings, Surrogate, SurrogateAttack, SurrogateScorer, pair_model
from .parts.sweep import Sweeps
from .parts.trigger import Direction, sign_of, with_trigger


@dataclass
class HotFlip(SurrogateAttack):
    """Inserts a trigger that is optimised for one query and one document, slot by slot, with a model's gradients.

    The first start is swept first, so that a budget of fewer queries than a sweep needs leaves later slots empty.
    """

    length: Count = 5  # words of the trigger; the authors take 3 for passages and 5 for web pages
    position: Position = "start"  # where the trigger is inserted
    surrogate: Surrogate = "victim"  # surrogate model: victim (white box), imitation, or a ranker's specification
    imitation: ImitationSettings = field(default_factory=dict)  # settings: surrogate, queries, top, training, …
    direction: Direction = "promote"  # demote: the score is lowered, and the boost of a success is negative
    candidates: Count = 40  # words scored in each slot, those of the largest first-order gain
    sweeps: Count = 10  # maximum number of sweeps over all slots, each with one gradient
    restarts: Count = 6  # starts; the trigger of the best score of all is taken
    start: Start = "mask"  # the first start: mask tokens (the commonest word if there are none), or random words
    minimum_documents: Count = 3  # minimum document frequency of a candidate word

    size_parameter = "length"
    cost = "gradients"
    stops_early = "at a start of which a whole sweep replaces no word"
    reference = "Ebrahimi et al. (HotFlip), ACL 2018; Wang, Lyu, Anand, ICTIR 2022, local attack"
    deviations = (
        "candidates are words of the collection, not wordpieces, each with the mean vector of its tokens; words of the "
        "query are not excluded; slots that no word improves stay empty, where the authors leave mask tokens"
    )
    control = "random-trigger"

    _lexicon: Lexicon | None = field(default=None, init=False, repr=False)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Load or train the surrogate model, and collect the candidate words."""
        self._load_surrogate(interface, collection, rng)
        view = pair_model(self._surrogate, interface).gradients("")
        self._lexicon = Lexicon.of(collection, view, self.minimum_documents)

    def _search_bound(self, collection: Collection) -> TargetBound:
        return lambda target: self._search.bound

    @property
    def _search(self) -> Sweeps:
        return Sweeps(self.length, self.candidates, self.sweeps, self.restarts, self.start)

    def _insert(self, target: Target, scorer: SurrogateScorer, rng: np.random.Generator) -> Perturbation:
        lexicon, document, sign = require_prepared(self._lexicon), target.document, sign_of(self.direction)
        if not lexicon.words:
            return Perturbation(document, note="the collection has no word for a trigger")

        def edit(trigger: Trigger) -> Edit:
            return insertion(document, " ".join(trigger), self.position)

        def gradients(trigger: Trigger) -> NDArray[np.float32]:
            return np.asarray(sign * slot_gradients(document, edit(trigger), scorer.view), dtype=np.float32)

        def objective(triggers: Sequence[Trigger]) -> NDArray[np.float32]:
            texts = [apply_edits(document, (edit(trigger),)) for trigger in triggers]
            return np.asarray(sign * scorer.scores(texts), dtype=np.float32)

        best, most, exhausted = (lexicon.filler,) * self.length, -np.inf, False
        try:
            for start in self._search.starts(lexicon, rng):
                for trigger, value in self._search.run(start, lexicon, gradients, objective):
                    if value > most:
                        best, most = trigger, value
        except BudgetExhausted:
            exhausted = True
        return with_trigger(document, best, lexicon, self.position, exhausted)
