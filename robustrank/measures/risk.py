"""Risk-sensitive measures: how often, and by how much, a ranker loses to a baseline.

Every function takes one value per query, [q], or resamples as rows, and returns a number for each; higher is better.
nan without queries or with an undefined value among them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from robustrank.measures.defined import mean, share


def reliability_of_improvement(values: ArrayLike, baseline: ArrayLike) -> Any:
    """Return RI = (wins - losses) / queries against a baseline, in [-1, 1].

    Source: Sakai, Manabe, Koyama, "Flexible pseudo-relevance feedback via selective sampling", TALIP 4(2),
    2005; also called the robustness index.
    """
    array, reference = np.asarray(values, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    return share(array > reference, array, reference) - share(array < reference, array, reference)


def urisk(values: ArrayLike, baseline: ArrayLike, alpha: float = 1.0) -> Any:
    """Return URisk_alpha = mean over queries of (1 + alpha if it is a loss else 1) * (value - baseline).

    Source: Wang, Bennett, Collins-Thompson, "Robust ranking models via risk-sensitive optimization", SIGIR
    2012.

    Args:
        values: [q], the ranker's measure of each query.
        baseline: [q], that of the baseline.
        alpha: Additional weight of a loss; 0 gives the difference of means.
    """
    differences = np.asarray(values, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    return mean(np.where(differences < 0, (1 + alpha) * differences, differences))
