"""The mean certificate (CertDR): smoothed scores in [0, 1], and what no allowed edit can add to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from robustrank.certification.bounds import BOUNDS, PAPER, Samples, upper
from robustrank.certification.certificate import Certificate, Evidence


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
    """Certify one list for every K.

    With g the smoothed score, an edit x' of x_i has g(x') <= g(x_i) + 1 - rho_i. The list is certified when, for every
    i outside the top K, upper(g(x_i)) + 1 - rho_i < lower(g(x_j)) for every j inside. Each of the n documents needs one
    bound for one K, but which one the samples decide: both bounds of every document share alpha (2n one-sided bounds,
    union bound), so all K of the call, and the choice of who stands in the top K, hold at once with probability
    1 - alpha. A K that leaves nobody outside is certified, and marked vacuous.

    Args:
        query_id: The query.
        doc_ids: n documents in the order of the list: by mean of samples, ties by document id.
        samples: n arrays of scores in [0, 1], one of each smoothed copy; copies of one document are independent.
        rhos: n values; see :func:`robustrank.certification.overlap.rho`.
        ks: The K to certify, from 1.
        alpha: The probability of a wrong verdict for this query, over the sampling.
        bound: A name of ``BOUNDS``, or ``paper`` for the published evaluation's.
        radius: What ``rhos`` were taken for.
        table: The fingerprint of the table.

    Raises:
        ValueError: A sample lies outside [0, 1], the list is not in order, or a K or the bound does not exist.

    Source: Wu et al., Certified Robustness to Word Substitution Ranking Attack, CIKM 2022, arXiv 2209.06691.
    """
    means = [float(np.mean(own, dtype=np.float64)) for own in samples]
    if means != sorted(means, reverse=True):
        raise ValueError("the documents are not in the order of their mean scores")
    if any(own.min() < 0 or own.max() > 1 for own in samples):
        raise ValueError("the mean certificate needs scores in [0, 1]")
    if any(k < 1 for k in ks):
        raise ValueError(f"K counts documents from 1, and {min(ks)} was asked for")
    documents = tuple(
        Evidence(doc_id, mean, *_interval(own, mean, alpha / (2 * len(doc_ids)), bound), float(rho), len(own))
        for doc_id, own, mean, rho in zip(doc_ids, samples, means, rhos, strict=True)
    )
    drafts = [Certificate(query_id, k, radius, alpha, "mean", bound, table, documents, certified=False) for k in ks]
    return [replace(draft, certified=draft.margin() > 0) for draft in drafts]


def _interval(samples: Samples, mean: float, delta: float, bound: str) -> tuple[float, float]:
    if bound == PAPER:
        return mean, mean
    if bound not in BOUNDS:
        raise ValueError(f"there is no bound {bound!r}; there are {', '.join([*BOUNDS, PAPER])}")
    return BOUNDS[bound](samples, delta), upper(BOUNDS[bound], samples, delta)
