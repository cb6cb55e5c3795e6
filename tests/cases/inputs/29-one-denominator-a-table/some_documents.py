"""An attack that leaves some documents as they are."""

from dataclasses import dataclass

from robustrank.attack import Attack, Edit, Perturbation, apply_edits


@dataclass
class SomeDocuments(Attack):
    """Begins the documents about a windmill with the query."""

    control = "random-trigger"

    def perturb(self, target, victim, rng):
        edits = (Edit(0, 0, f"{target.query} "),) if "windmill" in target.document else ()
        return Perturbation(apply_edits(target.document, edits), edits)
