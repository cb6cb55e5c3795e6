"""Greedy word substitution: the search that score-based and rank-only substitution attacks share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Edit, Perturbation, PlannedTarget, TargetBound, apply_edits
from robustrank.text.fitting import fitting
from robustrank.text.table import SubstitutionTable
from robustrank.text.words import Word, in_case_of, words
from robustrank.victim import BudgetExhausted

from .edits import perturbation_of

NO_SUBSTITUTE = "no word of the document has a substitute that fits"  # the note of a document that cannot be attacked


def substitution_edits(document_words: Sequence[Word], substitutions: Mapping[int, str]) -> tuple[Edit, ...]:
    """Return the edits that replace words, each substitute in the case of the word it replaces.

    Args:
        document_words: The words of the document.
        substitutions: The substitute of each replaced word, by the word's index.
    """
    return tuple(
        Edit(document_words[i].start, document_words[i].end, in_case_of(substitutions[i], document_words[i].text))
        for i in sorted(substitutions)
    )


def substitution_bound(
    table: SubstitutionTable, language: str, candidates: int, extra: int = 0, by_word: int = 0
) -> TargetBound:
    """Return the bound of a greedy search: the document, and the candidate substitutes of all its words.

    Args:
        table: The substitutions.
        language: Of the texts: its stop words stay.
        candidates: The maximum number of substitutes tried for a word.
        extra: Queries of a target beside the search.
        by_word: Queries of each substitutable word beside the search.
    """

    def bound(target: PlannedTarget) -> int:
        fit = fitting(target.text, words(target.text), table, language)
        tried = sum(min(candidates, len(substitutes)) for substitutes in fit.values())
        return extra + 1 + by_word * len(fit) + tried if fit else 0

    return bound


def greedy_search(
    document: str,
    document_words: Sequence[Word],
    options: Iterable[tuple[int, Sequence[str]]],
    max_words: int,
    objective: Callable[[Sequence[str]], NDArray[np.floating]],
) -> Perturbation:
    """Return the document with the best substitute of each word, accepted only where it raises the objective.

    Args:
        document: The target document.
        document_words: Its words.
        options: Pairs of a word's index and its candidate substitutes, in the order in which words are tried. A
            generator is advanced only after the objective of the clean document was computed.
        max_words: The maximum number of replaced words.
        objective: Returns the values to maximise, float[n], for n texts. It may raise ``BudgetExhausted``, which ends
            the search with the substitutions accepted so far.
    """
    accepted: dict[int, str] = {}
    exhausted = False
    try:
        best = float(objective([document])[0])
        for index, substitutes in options:
            if len(accepted) == max_words:
                break
            edits = [substitution_edits(document_words, {**accepted, index: key}) for key in substitutes]
            values = objective([apply_edits(document, edit) for edit in edits])
            winner = int(values.argmax())
            if float(values[winner]) > best:
                best, accepted[index] = float(values[winner]), substitutes[winner]
    except BudgetExhausted:
        exhausted = True
    return perturbation_of(document, substitution_edits(document_words, accepted), exhausted)
