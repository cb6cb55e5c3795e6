"""The order and the rank of documents: the one place where ties are decided."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robustrank.errors import DataError


def ranking(scores: ArrayLike, ids: Sequence[str] | None = None) -> NDArray[np.int64]:
    """Return the order of documents by score, best first.

    Args:
        scores: [n], higher is better; compared in the precision they come in. Infinities have their place.
        ids: The n document ids; equal scores are ordered by id, ascending. Without ids, by position.

    Returns:
        int64[n], positions in ``scores``.

    Raises:
        DataError: A score is NaN, which has no rank.
        ValueError: There are not as many ids as scores.
    """
    given = np.asarray(scores)
    values = given.astype(np.result_type(given.dtype, np.float32))  # unsigned integers have no negatives
    _refuse_nan(values)
    if ids is not None and len(ids) != len(values):
        raise ValueError(f"{len(values)} scores and {len(ids)} ids")
    order = np.argsort(-values, kind="stable")
    ordered = values[order]
    # Sorting by id costs ten times the sorting by score, and most lists have no tie.
    if ids is not None and (ordered[1:] == ordered[:-1]).any():
        order = np.lexsort((np.asarray(ids), -values))
    return order.astype(np.int64, copy=False)


def inserted_rank(score: float, doc_id: str, other_scores: NDArray[np.float32], other_ids: Sequence[str]) -> int:
    """Return the rank of a document put among the others of its list: 1 + the number that stand before it.

    Before it stand the documents of higher score, and those of equal score and lower id. Scores are compared
    in float32, the precision rankers answer in, so that a score that took the way over a Python float ties
    with itself.

    Args:
        score: The document's score.
        doc_id: Its id.
        other_scores: float32[n], the scores of the other documents, in any order.
        other_ids: Their ids; ``doc_id`` is not among them.

    Raises:
        DataError: A score is NaN.
        ValueError: The lengths differ, or the document stands among the others: its old score would be in its
            way.
    """
    own, others = np.float32(score), np.asarray(other_scores, dtype=np.float32)
    if len(others) != len(other_ids):
        raise ValueError(f"{len(others)} scores and {len(other_ids)} ids")
    if doc_id in other_ids:
        raise ValueError(f"document {doc_id!r} is still in the list it is put into")
    _refuse_nan(np.append(others, own))
    tied_before = sum(other_ids[i] < doc_id for i in np.flatnonzero(others == own).tolist())
    return 1 + int(np.count_nonzero(others > own)) + tied_before


def published_script_rank(score: float, old_scores: NDArray[np.float32]) -> int:
    """Return the new rank as the published script of PAT computes it; only for comparison with its figures.

    The number of old scores of the list, the document's own included, that are at least ``score``. Held
    against a 1-based old rank, as the script does, any gain in score counts as a rise, "top 10" is a top 11,
    and a winner has rank 0.

    Source: github.com/LauJames/PAT, adv_ir/pat_attack.py (Liu et al., "Order-Disorder", CCS 2022).

    Args:
        score: The document's new score.
        old_scores: float32[n], the scores of the whole list before the attack.

    Raises:
        DataError: A score is NaN.
    """
    own, scores = np.float32(score), np.asarray(old_scores, dtype=np.float32)
    _refuse_nan(np.append(scores, own))
    return int(np.count_nonzero(scores >= own))


def _refuse_nan(scores: NDArray[np.floating]) -> None:
    if np.isnan(scores).any():
        raise DataError(
            f"{np.count_nonzero(np.isnan(scores))} of {len(scores)} scores are NaN",
            allowed="numbers",
            hint="does the ranker divide by zero, or overflow in a short dtype?",
        )
