"""Order and rank of documents: the only module that breaks ties."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robustrank.errors import DataError


def ranking(
    scores: ArrayLike, ids: Sequence[str] | None = None, gains: Sequence[float] | None = None
) -> NDArray[np.int64]:
    """Return the order of documents by score, best first.

    Args:
        scores: [n], higher is better; compared in the precision they have. Infinities are allowed.
        ids: The n document ids; equal scores are ordered by id, ascending. Without ids, by position.
        gains: The n gains, for the worst order that ties allow: equal scores by gain, ascending, before their ids.

    Returns:
        int64[n], indices into ``scores``.

    Raises:
        DataError: A score is NaN, which has no rank.
        ValueError: The numbers of ids and scores differ.
    """
    array = np.asarray(scores)
    values = array.astype(np.result_type(array.dtype, np.float32))  # unsigned integers have no negatives
    _refuse_nan(values)
    if ids is not None and len(ids) != len(values):
        raise ValueError(f"{len(values)} scores and {len(ids)} ids")
    order = np.argsort(-values, kind="stable")
    ordered = values[order]
    # Sorting by id costs ten times the sorting by score, and most lists have no tie.
    if ids is not None and (ordered[1:] == ordered[:-1]).any():
        worst = np.zeros(len(values)) if gains is None else np.asarray(gains)
        order = np.lexsort((np.asarray(ids), worst, -values))
    return order.astype(np.int64, copy=False)


def published_script_rank(score: float, old_scores: NDArray[np.float32]) -> int:
    """Return the new rank as the published script of PAT computes it; only for comparison with its figures.

    The number of old scores of the list, that of the document included, that are at least ``score``. Compared with
    a 1-based old rank, as the script does, any gain in score counts as a success, "top 10" is a top 11, and a
    document that comes first has rank 0.

    Source: github.com/LauJames/PAT, adv_ir/pat_attack.py (Liu et al., "Order-Disorder", CCS 2022).

    Args:
        score: The document's new score.
        old_scores: float32[n], the scores of the whole list before the attack.

    Raises:
        DataError: A score is NaN.
    """
    new_score, scores = np.float32(score), np.asarray(old_scores, dtype=np.float32)
    _refuse_nan(np.append(scores, new_score))
    return int(np.count_nonzero(scores >= new_score))


def _refuse_nan(scores: NDArray[np.floating]) -> None:
    if np.isnan(scores).any():
        raise DataError(
            f"{np.count_nonzero(np.isnan(scores))} of {len(scores)} scores are NaN",
            allowed="numbers",
            hint="does the ranker divide by zero, or overflow in a short dtype?",
        )
