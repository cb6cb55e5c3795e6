"""The control of trigger attacks: random words where the trigger stands.

Source: the random baseline of Song, Rush, Shmatikov: Adversarial Semantic Collisions, EMNLP 2020, and of Zhong et al.,
EMNLP 2023, made paired: it copies the places and lengths of another attack's insertions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from robustrank.attack import Control, Edit, Perturbation, apply_edits
from robustrank.collections.collection import Collection
from robustrank.victim import Access, QueryInterface, Target, Victim

from .parts.insertion import Position, insertion
from .parts.random_text import noise, vocabulary


@dataclass
class RandomTrigger(Control):
    """Inserts random words of the collection."""

    length: int = 6  # words inserted, when it is run as an attack of its own
    position: Position = "start"  # where they are inserted

    access = Access.NOTHING
    size_parameter = "length"
    reference = "Song, Rush, Shmatikov, EMNLP 2020, section 5 (random text of the collision's length)"
    deviations = "paired: it copies the places and lengths of another attack's edits"

    _vocabulary: list[str] = field(default_factory=list, init=False, repr=False)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Read the collection's words."""
        self._vocabulary = vocabulary(collection)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Insert ``length`` random words."""
        text = noise(" ".join(["word"] * self.length), self._vocabulary, rng)
        edits = (insertion(target.document, text, self.position),)
        return Perturbation(apply_edits(target.document, edits), edits)

    def mirror(self, target: Target, perturbation: Perturbation, rng: np.random.Generator) -> Perturbation:
        """Write random words for every word the attack wrote."""
        edits = tuple(Edit(e.start, e.end, noise(e.text, self._vocabulary, rng)) for e in perturbation.edits)
        return Perturbation(apply_edits(target.document, edits), edits)
