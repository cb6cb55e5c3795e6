"""Greedy word substitution without gradients: a score-based or rank-only black-box attack.

Reference: word importance by deletion as in Jin et al. (TextFooler), AAAI 2020; a substitution is accepted if the
victim's score or rank improves, as in PRADA (Wu et al., ACM TOIS 41(4), 2023). With ranks alone the attack is
decision-based.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Attack, Edit, Perturbation, TargetBound, apply_edits
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Cosine, Count
from robustrank.text.embedding_table import check_table, load_table, table_languages
from robustrank.text.table import SubstitutionTable
from robustrank.text.words import Word, vocabulary, words
from robustrank.victim import Access, QueryInterface, Target, Victim

from .parts.substitution import NO_SUBSTITUTE, greedy_search, substitutable, substitution_bound
from .parts.victim_feedback import Feedback, query_victim

Objective = Callable[[Sequence[str]], NDArray[np.float64]]


@dataclass
class GreedySubstitution(Attack):
    """Replaces words by the substitutes that improve the victim's score or rank, in order of word importance."""

    max_words: Count = 5  # maximum number of replaced words
    feedback: Feedback = "scores"  # feedback of the victim: scores or ranks
    order: Literal["deletion", "random"] = "deletion"  # order of words: by importance under deletion, or random
    candidates: Count = 10  # substitutes tried for each word, nearest in the table first
    table: str = "encoder"  # substitution table: encoder, or the path of a table file
    threshold: Cosine = 0.6  # minimum cosine of a substitute in the encoder's table
    neighbours: Count = 10  # maximum number of substitutes of a word in the encoder's table

    access = Access.SCORES
    size_parameter = "max_words"
    cost = "calls"
    stops_early = "when max_words substitutions are accepted"
    reference = (
        "Jin et al. (TextFooler), AAAI 2020, section 3 (order); Wu et al. (PRADA), ACM TOIS 41(4), 2023 (greedy)"
    )
    deviations = (
        "words whose deletion raises the document come first; no sentence encoder or part-of-speech tagger filters the "
        "substitutes"
    )
    control = "random-edit"

    _table: SubstitutionTable = field(default_factory=lambda: SubstitutionTable({}), init=False, repr=False)

    def __post_init__(self) -> None:
        self.access = Access[self.feedback.upper()]

    @property
    def languages(self) -> tuple[str, ...]:
        """English with an encoder's table; any with a table file."""
        return table_languages(self.table)

    def check(self) -> None:
        """Refuse a substitution table that is missing."""
        check_table(self.table)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Load the substitution table."""
        self._table = load_table(self.table, collection.statistic(vocabulary), self.threshold, self.neighbours)

    def prepare_bound(self, collection: Collection) -> int:
        """No query."""
        return 0

    def target_bound(self, collection: Collection) -> TargetBound:
        """The document, each word deleted, and all candidate substitutes of all words."""
        table = load_table(self.table, collection.statistic(vocabulary), self.threshold, self.neighbours)
        return substitution_bound(table, collection.language, self.candidates, by_word=int(self.order == "deletion"))

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with up to ``max_words`` words replaced."""
        document_words = words(target.document)
        indices = substitutable(document_words, self._table, target.language)
        if not indices:
            return Perturbation(target.document, note=NO_SUBSTITUTE)

        def objective(texts: Sequence[str]) -> NDArray[np.float64]:
            return query_victim(victim, self.feedback, texts)

        options = self._options(target.document, document_words, indices, objective, rng)
        return greedy_search(target.document, document_words, options, self.max_words, objective)

    def _options(
        self,
        document: str,
        document_words: Sequence[Word],
        indices: Sequence[int],
        objective: Objective,
        rng: np.random.Generator,
    ) -> Iterator[tuple[int, Sequence[str]]]:
        """Yield the words in the order in which they are tried, each with its candidate substitutes."""
        if self.order == "random":
            order = [int(index) for index in rng.permutation(indices)]
        else:
            deletions = [Edit(document_words[i].start, document_words[i].end, "") for i in indices]
            importance = objective([apply_edits(document, (deletion,)) for deletion in deletions])
            order = [indices[int(i)] for i in np.argsort(-importance, kind="stable")]
        for index in order:
            yield index, self._table.substitutes(document_words[index].key)[: self.candidates]
