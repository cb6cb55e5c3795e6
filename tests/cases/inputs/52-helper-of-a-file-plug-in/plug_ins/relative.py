"""An attack in a file, which imports the file beside it with a dot."""

from dataclasses import dataclass

from robustrank.attack import Attack, Edit, Perturbation, apply_edits

from .helper import GREETING


@dataclass
class Greeting(Attack):
    """Begins the document with a greeting."""

    def perturb(self, target, victim, rng):
        edits = (Edit(0, 0, GREETING + " "),)
        return Perturbation(apply_edits(target.document, edits), edits)
