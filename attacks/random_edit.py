"""Random-edit baseline (control): random substitutions or insertions of the same size as another attack's edits.

Reference: the random baselines of PRADA (Wu et al., ACM TOIS 41(4), 2023) and of Tamber and Lin (2025). Here the
baseline is paired: it has the number and the kind of another attack's edits on the same document.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from robustrank.attack import Control, Edit, Perturbation
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Cosine, Count
from robustrank.text.embedding_table import SYNONYMS, check_table, load_table, table_languages
from robustrank.text.fitting import fitting
from robustrank.text.table import SubstitutionTable
from robustrank.text.words import vocabulary, words
from robustrank.victim import Access, QueryInterface, Target, Victim

from .parts.budget import sample_indices
from .parts.edits import perturbation_of
from .parts.random_text import content_vocabulary, randomise_words
from .parts.substitution import substitution_edits


@dataclass
class RandomEdit(Control):
    """Replaces random words by random substitutes of the table, or inserts random words of the collection."""

    max_words: Count = 5  # number of replaced words, when it runs as an attack and not as a control
    table: str = SYNONYMS  # substitution table: synonyms, encoder, or the path of a table file
    threshold: Cosine = 0.6  # minimum cosine of a substitute in the encoder's table
    neighbours: Count = 10  # maximum number of substitutes of a word in the encoder's table

    access = Access.NOTHING
    size_parameter = "max_words"
    reference = "the random baseline of PRADA: Wu et al., ACM TOIS 41(4), 2023, arXiv 2204.01321"
    deviations = "paired: it has the number and kind of another attack's edits"

    _table: SubstitutionTable = field(default_factory=lambda: SubstitutionTable({}), init=False, repr=False)
    _vocabulary: list[str] = field(default_factory=list, init=False, repr=False)

    @property
    def languages(self) -> tuple[str, ...]:
        """English with an encoder's table; any with a table file."""
        return table_languages(self.table)

    def check(self) -> None:
        """Refuse a substitution table that is missing."""
        check_table(self.table)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Load the substitution table and collect the vocabulary."""
        self._table = load_table(self.table, collection.statistic(vocabulary), self.threshold, self.neighbours)
        self._vocabulary = content_vocabulary(collection)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Replace ``max_words`` random words."""
        return self._replace(target, self.max_words, rng)

    def match_size(self, target: Target, perturbation: Perturbation, rng: np.random.Generator) -> Perturbation:
        """Replace as many random words as the attack, or insert as many random words at the same offsets."""
        insertions = [edit for edit in perturbation.edits if edit.start == edit.end]
        if len(insertions) < len(perturbation.edits):
            return self._replace(target, len(perturbation.edits), rng)
        edits = [Edit(edit.start, edit.end, randomise_words(edit.text, self._vocabulary, rng)) for edit in insertions]
        return perturbation_of(target.document, edits)

    def _replace(self, target: Target, count: int, rng: np.random.Generator) -> Perturbation:
        text_words = words(target.document)
        fit = fitting(target.document, text_words, self._table, target.language)
        substitutions = {i: fit[i][int(rng.integers(len(fit[i])))] for i in sample_indices(list(fit), count, rng)}
        return perturbation_of(target.document, substitution_edits(text_words, substitutions))
