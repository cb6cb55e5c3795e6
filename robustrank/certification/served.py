"""Certificates of the served list of a smoothed ranker, for certain: the copies that an edit can change are known.

An edit of a text changes some of its copies to any text, and leaves the others as they are, with their scores. So the
served score moves within what the changed copies can move it. Nothing is estimated, and no error probability is shared.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.coverage import Changes
from robustrank.certification.evidence import UNBOUNDED, Evidence
from robustrank.certification.median import median

Samples = NDArray[np.float32]

SLACK = 1e-12  # of a mean of numbers in [0, 1]: sums in another order differ by less


def mean_evidence(
    doc_id: str, samples: Samples, changes: Changes, radius: int | None, ceiling: float = UNBOUNDED
) -> Evidence:
    """Return what the mean of the scores of the copies is, and what it can be after an allowed edit.

    Args:
        doc_id: The document.
        samples: float32[N] in [0, 1], the scores of its copies.
        changes: The copies that replacements change.
        radius: The maximum number of replaced words.
        ceiling: What no copy of any allowed edit scores more than, where that is known.
    """
    scores = samples.astype(np.float64)
    mean, count = float(np.mean(scores)), len(scores)
    rooms = np.maximum(min(1.0, ceiling) - scores, 0.0)
    rises, falls = (changes.most(weights, radius) / count for weights in (rooms, scores))
    lower = float(np.float32(max(0.0, mean - falls - SLACK))) if falls else float(np.float32(mean))
    upper = float(np.float32(min(1.0, mean + rises + SLACK))) if rises else float(np.float32(mean))
    rho = 1 - changes.number(radius) / count
    return Evidence(doc_id, float(np.float32(mean)), lower, upper, rho, count, ceiling=ceiling)


def median_evidence(
    doc_id: str, samples: Samples, changes: Changes, radius: int | None, ceiling: float = UNBOUNDED
) -> Evidence:
    """Return what the lower median of the scores of the copies is, and what it can be after an allowed edit.

    The median of N scores is at most t where p + 1 of them are, p = (N - 1) // 2. An edit leaves at least as many
    copies
    at or below t as there are, less those of them that it can change: so the least such t among the scores is a bound.
    From below alike. Arguments as for :func:`mean_evidence`, with scores of any scale.
    """
    count, order = len(samples), np.sort(samples)
    below = (count - 1) // 2 + 1
    upper = _least(order, lambda t: samples <= t, below, changes, radius)
    lower = _least(order[::-1], lambda t: samples >= t, count - below + 1, changes, radius)
    bounds = -UNBOUNDED if lower is None else lower, ceiling if upper is None else min(upper, ceiling)
    return Evidence(doc_id, median(samples), *bounds, 1 - changes.number(radius) / count, count, ceiling=ceiling)


def _least(
    order: Samples,
    reached: Callable[[np.float32], NDArray[np.bool_]],
    needed: int,
    changes: Changes,
    radius: int | None,
) -> float | None:
    """Return the first of some scores that ``needed`` copies reach after any allowed edit; None if there is none."""
    low, high = 0, len(order)
    while low < high:
        middle = (low + high) // 2
        copies = reached(order[middle])
        if copies.sum() - changes.most(copies.astype(np.float64), radius) >= needed:
            high = middle
        else:
            low = middle + 1
    return float(order[low]) if low < len(order) else None
