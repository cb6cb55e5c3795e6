"""How the copies of a smoothed ranker are drawn: what a certificate is computed from, beside their scores."""

from __future__ import annotations

from dataclasses import dataclass

from robustrank.certification.coupling import CoupledCopies
from robustrank.certification.masks import MaskedCopies
from robustrank.text.table import PerturbationSets, SubstitutionTable


@dataclass(frozen=True)
class Draws:
    """The parameters of the copies.

    Attributes:
        seed: Of the draws.
        samples: The number of copies that rank a document.
        most: The maximum number of copies that certify it.
        size: The maximum number of words in a perturbation set; None where words are masked.
        keep: The share of the words that a copy shows; None where words are drawn.
        centre, scale: Of the sigmoid that squashes the scores of copies.
    """

    seed: int
    samples: int
    most: int
    size: int | None
    keep: float | None
    centre: float
    scale: float

    def copies(self, table: SubstitutionTable) -> CoupledCopies | MaskedCopies:
        """Return the copies of texts; their ``changes`` tell which of them an edit changes."""
        if self.size is None:
            return MaskedCopies(self.seed, self.keep or 0.0)
        return CoupledCopies(PerturbationSets(table, self.size), self.seed)
