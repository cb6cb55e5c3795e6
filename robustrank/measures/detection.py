"""Detection rate at a target false positive rate: a point of the ROC curve of a detector."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def detection_rate(attacked: ArrayLike, clean: ArrayLike, target_fpr: float) -> Any:
    """Return the true positive rate at the threshold that a share ``target_fpr`` of clean documents may exceed.

    The threshold is the lowest clean anomaly score that at most this share of the clean documents exceeds. A document
    whose score equals the threshold is not detected: a constant detector detects nothing below a rate of 1.

    Args:
        attacked: [..., n], anomaly scores of attacked documents.
        clean: [..., m], anomaly scores of clean documents.
        target_fpr: In [0, 1].

    Returns:
        The detection rate, in [0, 1]; nan without attacked or without clean documents. An array of them, where there
        are several rows of scores.
    """
    positives, negatives = np.asarray(attacked, dtype=np.float64), np.sort(np.asarray(clean, dtype=np.float64))
    if not (positives.size and negatives.size):
        return float("nan")
    documents = negatives.shape[-1]
    false_positives = int(target_fpr * documents + 1e-9)  # 0.29 * 100 is less than 29
    if false_positives == documents:
        return np.ones(positives.shape[:-1]) if positives.ndim > 1 else 1.0
    thresholds = negatives[..., documents - 1 - false_positives, None]
    rates = np.mean(positives > thresholds, axis=-1)
    return rates if positives.ndim > 1 else float(rates)
