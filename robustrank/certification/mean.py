"""The mean certificate (CertDR): smoothed scores in [0, 1], and the maximum that an allowed edit adds to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robustrank.certification.bounds import BOUNDS, PAPER, Samples, upper
from robustrank.certification.certificate import Certificate, decide, is_ranked
from robustrank.certification.evidence import MEAN, Evidence


def certify_mean(
    query_id: str,
    doc_ids: Sequence[str],
    samples: Sequence[Samples],
    rhos: Sequence[float],
    ks: Sequence[int],
    *,
    alpha: float,
    bound: str,
    radius: int | None = None,
    table: str = "",
) -> list[Certificate]:
    """Certify a list for every K.

    With g the smoothed score, an edit x' of x_i has g(x') <= g(x_i) + 1 - rho_i. The list is certified when, for every
    i outside the top K, upper(g(x_i)) + 1 - rho_i < lower(g(x_j)) for every j inside. Which of
    the two bounds of a document a K needs depends on the samples: so both bounds of every document share alpha (2n
    one-sided bounds, union bound), and the verdicts for all K, with the choice of the top K, are simultaneously valid
    with probability 1 - alpha. A list of n <= K documents is trivially certified.

    Args:
        query_id: The query.
        doc_ids: n documents in the order of the list that is served: by mean of samples, in single precision.
        samples: n arrays of scores in [0, 1], a score per smoothed copy; copies of a document are independent.
        rhos: n values; see :func:`robustrank.certification.overlap.rho`.
        ks: The K to certify, from 1.
        alpha: The probability of a wrong verdict for this query, over the sampling.
        bound: A name of ``BOUNDS``, or ``paper`` for that of the published evaluation.
        radius: The radius of ``rhos``.
        table: The fingerprint of the table.

    Raises:
        ValueError: A sample lies outside [0, 1], the list is not in order, a K is below 1, or the bound is unknown.

    Source: Wu et al., Certified Robustness to Word Substitution Ranking Attack, CIKM 2022, arXiv 2209.06691.
    """
    means = [float(np.mean(array, dtype=np.float64)) for array in samples]
    if not is_ranked(means):
        raise ValueError("the documents are not in the order of their mean scores")
    if any(array.min() < 0 or array.max() > 1 for array in samples):
        raise ValueError("the mean certificate needs scores in [0, 1]")
    documents = [
        Evidence(doc_id, mean, *_interval(array, mean, alpha / (2 * len(doc_ids)), bound), float(rho), len(array))
        for doc_id, array, mean, rho in zip(doc_ids, samples, means, rhos, strict=True)
    ]
    return decide(query_id, ks, documents, alpha=alpha, kind=MEAN, bound=bound, radius=radius, table=table)


def _interval(samples: Samples, mean: float, delta: float, bound: str) -> tuple[float, float]:
    if bound == PAPER:
        return mean, mean
    if bound not in BOUNDS:
        raise ValueError(f"{bound!r} is not one of the bounds: {', '.join([*BOUNDS, PAPER])}")
    return BOUNDS[bound](samples, delta), upper(BOUNDS[bound], samples, delta)
