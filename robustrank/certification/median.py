"""The median certificate: raw scores of any scale, and a quantile that bounds the median after any allowed edit.

Source: Chiang et al.: Detection as Regression: Certified Object Detection by Median Smoothing, NeurIPS 2020, arXiv
2007.03730, applied to total variation: an edit x' of x has Pr_x'(A) <= Pr_x(A) + 1 - rho(x) for every event A.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.certificate import Certificate, decide, is_ranked
from robustrank.certification.evidence import MEDIAN, ORDER_STATISTICS, UNBOUNDED, Evidence

Raw = NDArray[np.floating]


def median(samples: Raw) -> float:
    """Return the lower median of samples float[n]: the smallest that half of them do not exceed."""
    return float(np.sort(samples)[(len(samples) - 1) // 2])


def median_lower(samples: Raw, delta: float) -> float:
    """Return a lower bound on the lower median of the distribution, which fails with probability at most delta.

    The k-th smallest sample exceeds the median m only if fewer than k samples are at most m; each is with probability
    1/2 or more, so that has probability Pr(Bin(n, 1/2) < k) or less.

    Args:
        samples: float[n], independent.
        delta: The probability of an error.
    """
    from scipy.stats import binom

    count = int(binom.ppf(delta, len(samples), 0.5))  # the smallest c with Pr(Bin <= c) >= delta
    while count >= 0 and binom.cdf(count, len(samples), 0.5) > delta:
        count -= 1
    return float(np.sort(samples)[count]) if count >= 0 else -UNBOUNDED


def quantile_upper(samples: Raw, share: float, delta: float) -> float:
    """Return an upper bound on the ``share``-quantile of the distribution, which fails with probability at most delta.

    The quantile q is the smallest number with Pr(score <= q) >= share. The k-th smallest sample is below q only if k
    samples are; each is with probability below ``share``, so that has probability Pr(Bin(n, share) >= k) or less.

    Args:
        samples: float[n], independent.
        share: The level of the quantile, in (0, 1]; at 1 it is unbounded.
        delta: The probability of an error.
    """
    from scipy.stats import binom

    total = len(samples)
    if share >= 1:
        return UNBOUNDED
    count = max(1, int(binom.isf(delta, total, share)))
    while count <= total and binom.sf(count - 1, total, share) > delta:
        count += 1
    return float(np.sort(samples)[count - 1]) if count <= total else UNBOUNDED


def certify_median(
    query_id: str,
    doc_ids: Sequence[str],
    samples: Sequence[Raw],
    rhos: Sequence[float],
    ks: Sequence[int],
    *,
    alpha: float,
    radius: int | None = None,
    table: str = "",
) -> list[Certificate]:
    """Certify a list for every K.

    An edit of x leaves at least half of the scores at or below the (3/2 - rho)-quantile q of x: with
    Pr_x(score > q) <= rho - 1/2 it is Pr_x'(score > q) <= 1/2. So the median of x' is at most q, and the list is
    certified when upper(q_i) < lower(median_j) for every i outside the top K and every j inside. It needs rho > 1/2.
    Both bounds of all n documents share alpha, as in the mean certificate.

    Args:
        query_id: The query.
        doc_ids: n documents in the order of the list that is served: by :func:`median` of samples.
        samples: n arrays of scores, a score per smoothed copy; copies of a document are independent.
        rhos: n values; see :func:`robustrank.certification.overlap.rho`.
        ks: The K to certify, from 1.
        alpha: The probability of a wrong verdict for this query, over the sampling.
        radius: The radius of ``rhos``.
        table: The fingerprint of the table.

    Raises:
        ValueError: The list is not in order, or a K is below 1.
    """
    medians = [median(array) for array in samples]
    if not is_ranked(medians):
        raise ValueError("the documents are not in the order of their median scores")
    delta = alpha / (2 * len(doc_ids))
    documents = [
        Evidence(doc_id, middle, median_lower(array, delta), _edited_upper(array, rho, delta), float(rho), len(array))
        for doc_id, array, middle, rho in zip(doc_ids, samples, medians, rhos, strict=True)
    ]
    return decide(query_id, ks, documents, alpha=alpha, kind=MEDIAN, bound=ORDER_STATISTICS, radius=radius, table=table)


def _edited_upper(samples: Raw, rho: float, delta: float) -> float:
    """Return an upper bound on the median after any allowed edit."""
    return quantile_upper(samples, 1.5 - rho, delta) if rho > 0.5 else UNBOUNDED
