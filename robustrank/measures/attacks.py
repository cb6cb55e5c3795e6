"""How far attacks move documents up: measures of ranks before and after, a pair for each attacked document.

Ranks are 1-based, from :func:`robustrank.measures.ranking.inserted_rank`; a target the attack left alone
keeps its rank. Every function is nan without targets, and with an undefined rank among them.

Sources: Wu et al., "PRADA", TOIS 2022, and Liu et al., "Order-Disorder" (PAT), CCS 2022 (success, boost);
Chen et al., "IDEM", Findings of ACL 2023 (shares of the top k); Wang, Lyu, Anand, "BERT rankers are brittle",
ICTIR 2022 (NRS).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robustrank.measures.defined import mean, ratio, share


def success_rate(old_ranks: ArrayLike, new_ranks: ArrayLike) -> float:
    """Return the attack success rate: the share of targets whose rank improved."""
    old, new = _ranks(old_ranks), _ranks(new_ranks)
    return share(new < old, old, new)


def success_rate_above_noise(
    old_ranks: ArrayLike, new_ranks: ArrayLike, score_gains: ArrayLike, noise: ArrayLike
) -> float:
    """Return the share of targets whose rank improved by a score that grew by more than the numerical noise.

    Args:
        old_ranks: [n], before the attack.
        new_ranks: [n], after it.
        score_gains: [n], new score - old score.
        noise: The largest change of a score that batching and dtype alone make; one for all, or [n].
    """
    old, new, gains = _ranks(old_ranks), _ranks(new_ranks), np.asarray(score_gains, dtype=np.float64)
    return share((new < old) & (gains > np.asarray(noise)), old, new, gains, noise)


def top_k_success_rate(old_ranks: ArrayLike, new_ranks: ArrayLike, k: int) -> float:
    """Return the share that entered the top k among the targets outside it; nan when none was."""
    old, new = _ranks(old_ranks), _ranks(new_ranks)
    if np.isnan(old).any():
        return float("nan")
    return share(new[old > k] <= k, new[old > k])


def top_k_rate(new_ranks: ArrayLike, k: int) -> float:
    """Return the share of all targets in the top k after the attack, as in IDEM's and EMPRA's tables."""
    new = _ranks(new_ranks)
    return share(new <= k, new)


def mean_boost(old_ranks: ArrayLike, new_ranks: ArrayLike) -> float:
    """Return the mean of old rank - new rank, in ranks; positive is a rise."""
    return mean(_ranks(old_ranks) - _ranks(new_ranks))


def median_boost(old_ranks: ArrayLike, new_ranks: ArrayLike) -> float:
    """Return the median of old rank - new rank, in ranks."""
    boosts = _ranks(old_ranks) - _ranks(new_ranks)
    return float(np.median(boosts)) if boosts.size else float("nan")


def normalised_boosts(old_ranks: ArrayLike, new_ranks: ArrayLike) -> NDArray[np.float64]:
    """Return float64[n], (old rank - new rank) / (old rank - 1); nan for a target that was first already."""
    old, new = _ranks(old_ranks), _ranks(new_ranks)
    return ratio(old - new, old - 1)


def mean_normalised_boost(old_ranks: ArrayLike, new_ranks: ArrayLike) -> float:
    """Return the mean of the :func:`normalised_boosts` of the targets that could rise."""
    return mean(normalised_boosts(old_ranks, new_ranks)[_ranks(old_ranks) != 1])


def normalised_ranking_shifts(
    old_ranks: ArrayLike, new_ranks: ArrayLike, list_lengths: ArrayLike
) -> NDArray[np.float64]:
    """Return float64[n], NRS: the share of the other documents whose order with the target changed.

    NRS = |new rank - old rank| / (N - 1) with one document attacked, whichever way it moved; nan for N = 1.

    Args:
        old_ranks: [n], before the attack.
        new_ranks: [n], after it.
        list_lengths: N of each target's list, the target included; [n], or one for all.
    """
    old, new = _ranks(old_ranks), _ranks(new_ranks)
    return ratio(np.abs(new - old), _ranks(list_lengths) - 1)


def _ranks(ranks: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(ranks, dtype=np.float64)
