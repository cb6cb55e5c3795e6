"""The mean certificate with sequential sampling: each document is sampled until its bounds decide the verdicts.

Time-uniform bounds (Waudby-Smith, Ramdas, JRSS-B 2024, arXiv 2010.09686) allow verdicts to be evaluated after each
round. A document far below the top K is decided by the first round.

A K is given up (futility) when the closest two documents across its border are predicted to stay uncertified: with the
maximum number of samples, scores like those seen, and means ``OPTIMISM`` standard deviations better than estimated. A
list that is given up is not certified, so soundness does not depend on the prediction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.bounds import Samples, sequential_bounds, tightest_lower
from robustrank.certification.certificate import Certificate, check_cutoffs, decide
from robustrank.certification.evidence import MEAN, Evidence

FIRST = 16  # samples of every document in the first round
GROWTH = 1.25  # factor of the samples of open documents from round to round
PREDICTION_STEPS = 12  # bisection steps of a predicted bound: far closer than what is predicted is known
OPTIMISM = 2.0  # standard deviations by which means may improve before a K is given up

Draw = Callable[[Mapping[int, tuple[int, int]]], Mapping[int, Samples]]


@dataclass(eq=False)
class _Document:
    """The samples and bounds of a document so far."""

    doc_id: str
    rho: float
    samples: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, dtype=np.float32))
    mean: float = 0.0
    lower: float = 0.0
    upper: float = 1.0

    @property
    def edited_upper(self) -> float:
        """Upper bound on the score after any allowed edit."""
        return self.upper + 1 - self.rho

    def add(self, fresh: Samples) -> None:
        """Add samples."""
        self.samples = np.concatenate([self.samples, fresh.astype(np.float32)])
        self.mean = float(np.mean(self.samples, dtype=np.float64))

    def bound(self, lower: float, upper: float, delta: float) -> None:
        """Add bounds; all are simultaneously valid, so they widen only where the new mean contradicts them."""
        lower, upper = max(self.lower, lower), min(self.upper, upper)
        self.lower = min(lower, tightest_lower("sequential", self.mean, len(self.samples), delta))
        self.upper = max(upper, 1 - tightest_lower("sequential", 1 - self.mean, len(self.samples), delta))

    def predicted_variance(self, most: int) -> float:
        """Return the variance of the mean of ``most`` samples given those seen; the prior variance is 1/4."""
        count = len(self.samples)
        variance = (0.25 + count * float(np.var(self.samples, dtype=np.float64))) / (count + 1)
        return variance * (1 / count - 1 / most)


def certify_sequentially(
    query_id: str,
    doc_ids: Sequence[str],
    draw: Draw,
    rhos: Sequence[float],
    ks: Sequence[int],
    *,
    alpha: float,
    most: int,
    first: int = FIRST,
    radius: int | None = None,
    table: str = "",
) -> list[Certificate]:
    """Certify a list for every K, as :func:`robustrank.certification.mean.certify_mean` does, sampling on demand.

    All 2n one-sided bounds share alpha and are time-uniform, so neither the stopping rule nor the choice of the top K
    has a cost.

    Args:
        query_id: The query.
        doc_ids: n documents, in the order of the list that is served. Where samples contradict it, it is not certified.
        draw: Maps document indices (into ``doc_ids``) with spans (start, stop) to the scores in [0, 1] of the smoothed
            copies ``start`` to ``stop``, float[stop - start].
        rhos: n values; see :func:`robustrank.certification.overlap.rho`.
        ks: The K to certify, from 1.
        alpha: The probability of a wrong verdict for this query, over the sampling.
        most: Maximum number of samples of a document.
        first: Samples of every document in the first round.
        radius: The radius of ``rhos``.
        table: The fingerprint of the table.

    Raises:
        ValueError: A K is below 1.
    """
    check_cutoffs(ks)
    documents = [_Document(doc_id, float(rho)) for doc_id, rho in zip(doc_ids, rhos, strict=True)]
    delta, open_documents = alpha / (2 * len(documents)), set(range(len(documents)))
    while open_documents:
        counts = {i: len(documents[i].samples) for i in sorted(open_documents)}
        spans = {i: (count, min(most, max(first, count + 1, round(GROWTH * count)))) for i, count in counts.items()}
        for i, fresh in draw(spans).items():
            documents[i].add(fresh)
        _bound([documents[i] for i in spans], delta)
        open_documents = {rank for k in ks for rank in _open_ranks(documents, k, most, delta)}
    evidence = [Evidence(d.doc_id, d.mean, d.lower, d.upper, d.rho, len(d.samples)) for d in documents]
    return decide(query_id, ks, evidence, alpha=alpha, kind=MEAN, bound="sequential", radius=radius, table=table)


def _bound(documents: Sequence[_Document], delta: float) -> None:
    """Bound documents by the samples so far, all in one computation."""
    samples = [document.samples for document in documents]
    bounds = sequential_bounds([*samples, *map(_mirrored, samples)], delta)
    lowers, uppers = bounds[: len(documents)].tolist(), (1 - bounds[len(documents) :]).tolist()
    for document, lower, upper in zip(documents, lowers, uppers, strict=True):
        document.bound(lower, upper, delta)


def _mirrored(samples: Samples) -> Samples:
    """Return the samples whose lower bound is one minus the upper bound."""
    return 1 - samples.astype(np.float64)


def _open_ranks(ranked: Sequence[_Document], k: int, most: int, delta: float) -> list[int]:
    """Return the 0-based ranks of the documents to sample further for K; none where K is decided or given up.

    A certificate needs every lower bound inside above every upper bound after edits outside. The goal is the midpoint
    between the predicted bounds of the closest two documents: documents beyond it need no more samples.
    """
    inside, outside = ranked[:k], ranked[k:]
    if not outside or min(d.lower for d in inside) > max(d.edited_upper for d in outside):
        return []  # certified
    if max(d.lower + 1 - d.rho for d in outside) >= min(d.upper for d in inside):
        return []  # refuted: an edit may reach the weakest inside, whatever further samples show
    last, threat = min(inside, key=lambda d: d.mean), max(outside, key=lambda d: d.mean - d.rho)
    optimism = OPTIMISM * math.sqrt(last.predicted_variance(most) + threat.predicted_variance(most))
    # No samples are bounded more tightly: where this does not suffice, the bounds need not be computed.
    low = tightest_lower("sequential", last.mean, most, delta)
    high = 1 - tightest_lower("sequential", 1 - threat.mean, most, delta)
    if max(last.lower, low) + optimism <= min(threat.upper, high) + 1 - threat.rho:
        return []  # given up
    predicted = np.resize(last.samples, most), _mirrored(np.resize(threat.samples, most))
    low, below = sequential_bounds(predicted, delta, PREDICTION_STEPS)
    low, high = max(last.lower, float(low)), min(threat.upper, 1 - float(below)) + 1 - threat.rho
    if low + optimism <= high:
        return []  # given up
    goal = (low + high) / 2
    unsettled = [
        rank
        for rank, document in enumerate(ranked)
        if len(document.samples) < most and (document.lower <= goal if rank < k else document.edited_upper >= goal)
    ]
    # The closest two first: where they end up given up, no other document was sampled in vain.
    return [rank for rank in unsettled if ranked[rank] in (last, threat)] or unsettled
