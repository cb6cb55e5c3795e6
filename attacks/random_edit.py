"""The control: a random edit of the same size. An attack that does not beat it has found nothing.

Source: the random baselines of PRADA (Wu et al., ACM TOIS 2022) and of Tamber and Lin (2025), made paired: it copies
the number and the kind of another attack's edits on the same document.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from robustrank.attack import Control, Edit, Perturbation, apply_edits
from robustrank.collections.collection import Collection
from robustrank.text.embedding_table import load_table
from robustrank.text.table import SubstitutionTable
from robustrank.text.words import in_case_of, words
from robustrank.victim import Access, QueryInterface, Target, Victim

from .parts.random_text import noise, vocabulary


@dataclass
class RandomEdit(Control):
    """Replaces random words by random substitutes of the table, or inserts random words of the collection."""

    max_words: int = 5  # words replaced, when it is run as an attack of its own
    table: str = "encoder"  # the substitutes: encoder, or the path of a table file
    threshold: float = 0.6  # the least cosine of a substitute in the encoder's table
    neighbours: int = 10  # the most substitutes of a word in the encoder's table

    access = Access.NOTHING
    size_parameter = "max_words"
    reference = "the random baseline of PRADA: Wu et al., ACM TOIS 41(4), 2023, arXiv 2204.01321"
    deviations = "paired: it copies the number and kind of another attack's edits"

    _table: SubstitutionTable = field(default_factory=lambda: SubstitutionTable({}), init=False, repr=False)
    _vocabulary: list[str] = field(default_factory=list, init=False, repr=False)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Read the table, and the collection's words."""
        self._table = load_table(self.table, collection.documents.values(), self.threshold, self.neighbours)
        self._vocabulary = vocabulary(collection)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Replace ``max_words`` random words."""
        return self._replace(target.document, self.max_words, rng)

    def mirror(self, target: Target, perturbation: Perturbation, rng: np.random.Generator) -> Perturbation:
        """Replace as many words at random, or insert as many random words at the same places."""
        inserted = [edit for edit in perturbation.edits if edit.start == edit.end]
        if len(inserted) < len(perturbation.edits):
            return self._replace(target.document, len(perturbation.edits), rng)
        edits = tuple(Edit(edit.start, edit.end, noise(edit.text, self._vocabulary, rng)) for edit in inserted)
        return Perturbation(apply_edits(target.document, edits), edits)

    def _replace(self, text: str, count: int, rng: np.random.Generator) -> Perturbation:
        found = words(text)
        places = [i for i, word in enumerate(found) if self._table.substitutes(word.key)]
        edits = []
        for index in sorted(rng.permutation(places)[:count].tolist()):
            word = found[int(index)]
            choices = self._table.substitutes(word.key)
            drawn = choices[int(rng.integers(len(choices)))]
            edits.append(Edit(word.start, word.end, in_case_of(drawn, word.text)))
        return Perturbation(apply_edits(text, tuple(edits)), tuple(edits))
