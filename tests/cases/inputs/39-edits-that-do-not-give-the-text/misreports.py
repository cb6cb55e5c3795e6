"""An attack whose edits are not those that make its text."""

from dataclasses import dataclass

from robustrank.attack import Attack, Edit, Perturbation


@dataclass
class Misreports(Attack):
    """Writes the query twice and reports one small edit."""

    outside: bool = False  # report an edit beyond the end of the document

    def perturb(self, target, victim, rng):
        start = len(target.document) + 1000 if self.outside else 0
        return Perturbation(f"{target.query} {target.query}", (Edit(start, start + 1, "x"),))
