"""How well a detector tells attacked documents from clean ones at a chosen price: a point of its ROC curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def detection_rate(attacked: ArrayLike, clean: ArrayLike, target_fpr: float) -> float:
    """Return the share of attacked documents above a threshold that a given share of clean documents may pass.

    The threshold is the least clean suspicion that no more than this share of the clean documents lies above. A
    document as suspicious as the threshold is not detected: a constant detector detects nothing below a share of 1.

    Args:
        attacked: [n], the suspicions of attacked documents; higher is more suspicious.
        clean: [m], those of clean documents.
        target_fpr: A share, in [0, 1].

    Returns:
        The detection rate (true-positive rate), in [0, 1]; nan where there is no document of one kind.
    """
    found, own = np.asarray(attacked, dtype=np.float64), np.sort(np.asarray(clean, dtype=np.float64))
    if not (found.size and own.size):
        return float("nan")
    passed = int(target_fpr * own.size + 1e-9)  # 0.29 * 100 is less than 29
    return 1.0 if passed == own.size else float(np.mean(found > own[-1 - passed]))
