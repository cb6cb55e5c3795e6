"""Substitution search by passages: a substitution is judged by what it does to a few words around it.

A ranker reads a passage of 8 words in a twentieth of the time that it takes for a document, and the gains of
substitutions in passages are correlated with those in the document. So many substitutions are tried in short passages,
the best of them in longer ones, and the best of those together in the document, where the victim has the last word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Perturbation, apply_edits
from robustrank.text.words import Word
from robustrank.victim import BudgetExhausted

from .edits import perturbation_of
from .substitution import substitution_edits

Objective = Callable[[Sequence[str]], NDArray[np.floating]]
Substitution = tuple[int, str]  # the index of a word, and its substitute

SHORT, LONG = 8, 24  # words of a passage in which all substitutions are tried, and then the best
FINALISTS = 2  # substitutions tried in long passages, for each word that may be replaced


def passage_search(
    document: str,
    query: str,
    document_words: Sequence[Word],
    substitutions: Sequence[Substitution],
    max_words: int,
    objective: Objective,
) -> Perturbation:
    """Return the document with the substitutions of the largest gains in passages, if the victim prefers it.

    If it does not prefer the document with all of them, it is shown the better half of them, and so on.

    Args:
        document: The target document.
        query: The query.
        document_words: The document's words.
        substitutions: What is tried; words that the victim does not read are left out.
        max_words: The maximum number of replaced words.
        objective: Returns the values to maximise, float[n], for n texts. It may raise ``BudgetExhausted``, which
            leaves the document as it is.
    """
    try:
        clean = float(objective([document])[0])
        last = 1 + max((index for index, _ in substitutions), default=-1)
        read = words_read(document, query, document_words[:last], clean, objective)
        tried = [substitution for substitution in substitutions if substitution[0] < read]
        for size, count in ((SHORT, FINALISTS * max_words), (LONG, len(tried))):
            gains = passage_gains(document, document_words, tried, size, objective)
            tried = [tried[i] for i in np.argsort(-gains, kind="stable")[:count].tolist() if gains[i] > 0]
        best = list(dict(reversed(tried)).items())[::-1][:max_words]  # the best substitute of a word alone
        while best:
            edits = substitution_edits(document_words, dict(best))
            if float(objective([apply_edits(document, edits)])[0]) > clean:
                return perturbation_of(document, edits)
            best = best[: len(best) // 2]
    except BudgetExhausted:
        return Perturbation(document, exhausted=True)
    return Perturbation(document)


def passage_bound(substitutions: Sequence[Substitution], words_in_document: int, max_words: int) -> int:
    """Return how many texts :func:`passage_search` asks about at most, beside the document as it is.

    Args:
        substitutions: What is tried.
        words_in_document: How many words the document has.
        max_words: The maximum number of replaced words.
    """
    if not substitutions:
        return 0
    indices = [index for index, _ in substitutions]
    texts = 1 + math.ceil(math.log2(max(1.0, (max(indices) + 1) / SHORT)))
    texts += min(max_words, len(set(indices))).bit_length()  # in the document
    for size, tried in ((SHORT, len(indices)), (LONG, min(FINALISTS * max_words, len(indices)))):
        passages = {_passage(index, words_in_document, size) for index in indices}
        if size == SHORT or _passages(words_in_document, SHORT) > _passages(words_in_document, LONG):
            texts += tried + min(tried, len(passages))
    return texts


def words_read(document: str, query: str, document_words: Sequence[Word], clean: float, objective: Objective) -> int:
    """Return how many of some leading words of a document the victim reads, by bisection; up to ``SHORT`` too few.

    What begins at a word that is not read may be replaced by the query without moving the objective. A victim that
    reads all of the words is shown one text.

    Args:
        document: The document.
        query: The query.
        document_words: Its leading words.
        clean: The objective of the document.
        objective: The objective, float[n] for n texts.
    """

    def is_read(index: int) -> bool:
        return float(objective([f"{document[: document_words[index].start]}{query}"])[0]) != clean

    low, high = 0, len(document_words)  # the answer is among low to high
    if not high or is_read(high - 1):
        return high
    while high - low > SHORT:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if is_read(middle) else (low, middle)
    return low


def passage_gains(
    document: str,
    document_words: Sequence[Word],
    substitutions: Sequence[Substitution],
    size: int,
    objective: Objective,
) -> NDArray[np.float64]:
    """Return float64[n], what each substitution adds to the objective of a passage of ``size`` words around it.

    The passages divide the document into parts of about equal length.
    """
    texts = []
    for index, key in substitutions:
        number, count = _passage(index, len(document_words), size), _passages(len(document_words), size)
        first, end = (len(document_words) * n // count for n in (number, number + 1))
        start, stop = document_words[first].start, document_words[end - 1].end
        edited = apply_edits(document, substitution_edits(document_words, {index: key}))
        texts += [document[start:stop], edited[start : stop + len(edited) - len(document)]]
    values = np.asarray(objective(texts), dtype=np.float64).reshape(-1, 2)
    return values[:, 1] - values[:, 0]


def _passages(words_in_document: int, size: int) -> int:
    return max(1, round(words_in_document / size))


def _passage(index: int, words_in_document: int, size: int) -> int:
    """Return the number of the passage in which a word is."""
    return ((index + 1) * _passages(words_in_document, size) - 1) // words_in_document
