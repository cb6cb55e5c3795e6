"""The mean certificate (CertDR): smoothed scores in [0, 1], and what no allowed edit can add to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robustrank.certification.bounds import BOUNDS, PAPER, Samples, paper_term
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
    bound for one K, but which one depends on K: both bounds of every document share alpha (2n one-sided bounds, union
    bound), so all K of the call, and the choice of who stands in the top K, hold at once with probability 1 - alpha.

    Args:
        query_id: The query.
        doc_ids: n documents in the order of the list: by mean of samples, ties by document id.
        samples: n arrays of scores in [0, 1] of smoothed copies.
        rhos: n values; see :func:`robustrank.certification.overlap.rho`.
        ks: The K to certify.
        alpha: The probability of a wrong verdict for this query, over the sampling.
        bound: A name of ``BOUNDS``, or ``paper`` for the published evaluation's.
        radius: What ``rhos`` were taken for.
        table: The fingerprint of the table.

    Raises:
        ValueError: A sample lies outside [0, 1], the list is not in order, or the bound is unknown.

    Source: Wu et al., Certified Robustness to Word Substitution Ranking Attack, CIKM 2022, arXiv 2209.06691.
    """
    means = [float(np.mean(s, dtype=np.float64)) for s in samples]
    if means != sorted(means, reverse=True):
        raise ValueError("the documents are not in the order of their mean scores")
    if any(s.min() < 0 or s.max() > 1 for s in samples):
        raise ValueError("the mean certificate needs scores in [0, 1]")
    documents = tuple(
        Evidence(doc_id, mean, *_interval(s, mean, alpha / (2 * len(doc_ids)), bound), float(rho), len(s))
        for doc_id, s, mean, rho in zip(doc_ids, samples, means, rhos, strict=True)
    )
    drafts = [Certificate(query_id, k, radius, alpha, "mean", bound, table, documents, False) for k in ks]
    return [_decided(draft) for draft in drafts]


def _interval(samples: Samples, mean: float, delta: float, bound: str) -> tuple[float, float]:
    if bound == PAPER:
        return mean, mean
    if bound not in BOUNDS:
        raise ValueError(f"there is no bound {bound!r}; there are {', '.join([*BOUNDS, PAPER])}")
    width = BOUNDS[bound](samples, delta)
    return max(0.0, mean - width), min(1.0, mean + width)


def _decided(draft: Certificate) -> Certificate:
    inside, outside = draft.documents[: draft.k], draft.documents[draft.k :]
    if draft.holds or not outside:
        certified = draft.margin() > 0
    else:  # the published rule: the pair (K, K+1), the worst rho of the tail, one sampling term
        gap = inside[-1].mean - outside[0].mean - max(1 - d.rho for d in outside)
        certified = gap - paper_term(min(d.samples for d in draft.documents)) > 0
    return Certificate(**{**vars(draft), "certified": certified})
