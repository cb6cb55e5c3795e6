"""Random-trigger baseline (control): random words where another attack inserts its trigger.

Reference: the random baseline of Song, Rush, Shmatikov: Adversarial Semantic Collisions, EMNLP 2020. Here the baseline
is paired: it has the offsets and lengths of another attack's edits.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from robustrank.attack import Control, Edit, Perturbation
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count
from robustrank.victim import Access, QueryInterface, Target, Victim

from .parts.edits import perturbation_of
from .parts.insertion import Position, insert
from .parts.random_text import content_vocabulary, randomise_words


@dataclass
class RandomTrigger(Control):
    """Inserts random words of the collection."""

    length: Count = 6  # words of the trigger, when it runs as an attack and not as a control
    position: Position = "start"  # where the trigger is inserted

    access = Access.NOTHING
    size_parameter = "length"
    reference = "Song, Rush, Shmatikov, EMNLP 2020, section 5 (random text of the collision's length)"
    deviations = "paired: it has the offsets and lengths of another attack's edits"

    _vocabulary: list[str] = field(default_factory=list, init=False, repr=False)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Collect the vocabulary."""
        self._vocabulary = content_vocabulary(collection)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Insert ``length`` random words."""
        text = randomise_words(" ".join(["word"] * self.length), self._vocabulary, rng)
        return insert(target.document, text, self.position)

    def match_size(self, target: Target, perturbation: Perturbation, rng: np.random.Generator) -> Perturbation:
        """Return the attack's edits with every inserted word replaced by a random word."""
        edits = [Edit(e.start, e.end, randomise_words(e.text, self._vocabulary, rng)) for e in perturbation.edits]
        return perturbation_of(target.document, edits)
