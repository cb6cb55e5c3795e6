"""Word substitution without gradients: a score-based or rank-only black-box attack.

Reference: word importance by deletion as in Jin et al. (TextFooler), AAAI 2020; a substitution is accepted if the
victim's score or rank improves, as in PRADA (Wu et al., ACM TOIS 41(4), 2023). With ranks alone the attack is
decision-based. The search by passages is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Attack, Edit, Perturbation, PlannedTarget, TargetBound, apply_edits
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Cosine, Count
from robustrank.text.embedding_table import SYNONYMS, check_table, load_table, table_languages
from robustrank.text.fitting import fitting
from robustrank.text.table import SubstitutionTable
from robustrank.text.words import Word, vocabulary, words
from robustrank.victim import Access, QueryInterface, Target, Victim

from .parts.passages import Substitution, passage_bound, passage_search
from .parts.substitution import NO_SUBSTITUTE, greedy_search, substitution_bound
from .parts.victim_feedback import Feedback, query_victim

Objective = Callable[[Sequence[str]], NDArray[np.float64]]
Search = Literal["passages", "deletion", "random"]


@dataclass
class GreedySubstitution(Attack):
    """Replaces words by the substitutes that improve the victim's score or rank.

    With scores, substitutions are tried in short passages of the document, and the best of them together in the
    document. With ranks, which passages hardly move, words are replaced greedily in order of importance.
    """

    max_words: Count = 5  # maximum number of replaced words
    feedback: Feedback = "scores"  # feedback of the victim: scores or ranks
    search: Search | None = None  # passages, or greedy by deletion or random; null: passages, deletion with ranks
    trials: Count = 96  # substitutions tried in passages, from the beginning of the document
    candidates: Count = 10  # substitutes tried for each word, nearest in the table first
    table: str = SYNONYMS  # substitution table: synonyms, encoder, or the path of a table file
    threshold: Cosine = 0.6  # minimum cosine of a substitute in the encoder's table
    neighbours: Count = 10  # maximum number of substitutes of a word in the encoder's table

    access = Access.SCORES
    size_parameter = "max_words"
    cost = "calls"
    stops_early = "when max_words substitutions are accepted, and where few of those tried raise a passage's score"
    reference = (
        "Jin et al. (TextFooler), AAAI 2020, section 3 (order); Wu et al. (PRADA), ACM TOIS 41(4), 2023 (greedy)"
    )
    deviations = (
        "with search=passages, the default with scores, no word is deleted: the first ``trials`` substitutions of "
        "words that the victim reads are tried in passages of about 8 words, the 2 * max_words best of them in "
        "passages of about 24, and the best of those together in the document, or the better half of them, and so on, "
        "until its score rises; a small budget has fewer trials, and one for fewer than max_words of them is spent on "
        "greedy search in the document's order; with search=deletion words whose deletion raises the document come "
        "first; part of speech and inflection are those of the table, and no sentence encoder filters the substitutes"
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
        """The texts of the search by passages; or each word deleted, and all candidate substitutes of all words."""
        table = load_table(self.table, collection.statistic(vocabulary), self.threshold, self.neighbours)
        if self._search != "passages":
            by_word = int(self._search == "deletion")
            return substitution_bound(table, collection.language, self.candidates, by_word=by_word)

        def bound(target: PlannedTarget) -> int:
            document_words = words(target.text)
            fit = fitting(target.text, document_words, table, collection.language)
            tried = self._substitutions(fit)[: self.trials]
            return passage_bound(tried, len(document_words), self.max_words)

        return bound

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with up to ``max_words`` words replaced."""
        document_words = words(target.document)
        fit = fitting(target.document, document_words, self._table, target.language)
        if not fit:
            return Perturbation(target.document, note=NO_SUBSTITUTE)

        def objective(texts: Sequence[str]) -> NDArray[np.float64]:
            return query_victim(victim, self.feedback, texts)

        if self._search == "passages":
            tried = self._substitutions(fit)[: self.trials]
            affordable = self._affordable(tried, len(document_words), victim.remaining)
            if len(affordable) >= min(self.max_words, len(tried)):
                attacked = passage_search(
                    target.document, target.query, document_words, affordable, self.max_words, objective
                )
                return replace(attacked, exhausted=attacked.exhausted or len(affordable) < len(tried))
        options = self._options(target.document, document_words, fit, objective, rng)
        return greedy_search(target.document, document_words, options, self.max_words, objective)

    @property
    def _search(self) -> Search:
        return self.search or ("passages" if self.feedback == "scores" else "deletion")

    def _affordable(
        self, tried: Sequence[Substitution], words_in_document: int, remaining: int | None
    ) -> Sequence[Substitution]:
        """Return the first substitutions, as many as the remaining queries suffice for."""
        while remaining is not None and passage_bound(tried, words_in_document, self.max_words) > remaining:
            tried = tried[:-1]
        return tried

    def _substitutions(self, fit: Mapping[int, Sequence[str]]) -> list[Substitution]:
        """Return the candidate substitutes of all words, in the order of the document."""
        return [(i, key) for i, substitutes in fit.items() for key in substitutes[: self.candidates]]

    def _options(
        self,
        document: str,
        document_words: Sequence[Word],
        fit: Mapping[int, Sequence[str]],
        objective: Objective,
        rng: np.random.Generator,
    ) -> Iterator[tuple[int, Sequence[str]]]:
        """Yield the words in the order in which they are tried, each with its candidate substitutes."""
        order = indices = list(fit)
        if self._search == "random":
            order = [int(index) for index in rng.permutation(indices)]
        elif self._search == "deletion":
            deletions = [Edit(document_words[i].start, document_words[i].end, "") for i in indices]
            importance = objective([apply_edits(document, (deletion,)) for deletion in deletions])
            order = [indices[int(i)] for i in np.argsort(-importance, kind="stable")]
        for index in order:
            yield index, fit[index][: self.candidates]
