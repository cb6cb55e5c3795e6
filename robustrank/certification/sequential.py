"""The mean certificate with as few samples as it takes: a document is sampled until its part in it is settled.

Bounds that hold after every sample at once (Waudby-Smith, Ramdas, JRSS-B 2024, arXiv 2010.09686) allow looking at the
verdicts after each round. A document far below the top K is settled by the first round.

A K is given up when the closest two documents across its border forbid it: sampled as often as may be, with scores like
those seen, they would stay uncertified even if their means came out ``OPTIMISM`` standard deviations better. A list
that is given up is simply not certified, so no soundness hangs on the guess.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.bounds import Samples, sequential, upper
from robustrank.certification.certificate import Certificate, Evidence

FIRST = 16  # samples of every document in the first round
GROWTH = 1.25  # by which each further round multiplies those of the open ones
OPTIMISM = 2.0  # standard deviations by which means may come out better before a K is given up

Draw = Callable[[Mapping[int, tuple[int, int]]], Mapping[int, Samples]]


@dataclass
class _Document:
    """What is known of one document so far."""

    doc_id: str
    rho: float
    samples: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, dtype=np.float32))
    lower: float = 0.0
    upper: float = 1.0

    @property
    def mean(self) -> float:
        return float(np.mean(self.samples, dtype=np.float64))

    @property
    def highest(self) -> float:
        """What no edit lifts its score above."""
        return self.upper + 1 - self.rho

    def add(self, fresh: Samples, delta: float) -> None:
        """Take samples in; bounds never widen, as all of them hold at once."""
        self.samples = np.concatenate([self.samples, fresh.astype(np.float32)])
        self.lower = max(self.lower, sequential(self.samples, delta))
        self.upper = min(self.upper, upper(sequential, self.samples, delta))

    def drift(self, most: int) -> float:
        """Return the variance of the mean of ``most`` samples, given the mean of those seen; it begins at 1/4."""
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
    """Certify one list for every K, as :func:`robustrank.certification.mean.certify_mean` does, sampling on demand.

    All 2n one-sided bounds share alpha and hold after every sample at once, so neither the stopping nor the choice of
    who stands in the top K costs anything.

    Args:
        query_id: The query.
        doc_ids: n documents, in any order.
        draw: Returns for each document asked about (its place in ``doc_ids``) the scores in [0, 1] of its smoothed
            copies ``start`` to ``stop``, float[stop - start].
        rhos: n values; see :func:`robustrank.certification.overlap.rho`.
        ks: The K to certify, from 1.
        alpha: The probability of a wrong verdict for this query, over the sampling.
        most: Samples of a document at the most.
        first: Samples of every document in the first round.
        radius: What ``rhos`` were taken for.
        table: The fingerprint of the table.

    Raises:
        ValueError: A K does not exist.
    """
    if any(k < 1 for k in ks):
        raise ValueError(f"K counts documents from 1, and {min(ks)} was asked for")
    documents = [_Document(doc_id, float(rho)) for doc_id, rho in zip(doc_ids, rhos, strict=True)]
    delta, wanted = alpha / (2 * len(documents)), set(range(len(documents)))
    while wanted:
        counts = {i: len(documents[i].samples) for i in sorted(wanted)}
        spans = {i: (count, min(most, max(first, round(GROWTH * count)))) for i, count in counts.items()}
        for i, fresh in draw(spans).items():
            documents[i].add(fresh, delta)
        order = sorted(range(len(documents)), key=lambda i: (-documents[i].mean, documents[i].doc_id))
        ranked = [documents[i] for i in order]
        wanted = {order[place] for k in ks for place in _open(ranked, k, most, delta)}
    evidence = tuple(Evidence(d.doc_id, d.mean, d.lower, d.upper, d.rho, len(d.samples)) for d in ranked)
    drafts = [
        Certificate(query_id, k, radius, alpha, "mean", "sequential", table, evidence, certified=False) for k in ks
    ]
    return [replace(draft, certified=draft.margin() > 0) for draft in drafts]


def _open(ranked: Sequence[_Document], k: int, most: int, delta: float) -> list[int]:
    """Return the places of the documents to sample further for K; none where its verdict is settled or given up.

    A certificate needs every lower bound inside above every highest score outside. The goal is the middle between
    where the closest two are expected to end: documents beyond it need no more samples.
    """
    inside, outside = ranked[:k], ranked[k:]
    if not outside or min(d.lower for d in inside) > max(d.highest for d in outside):
        return []  # certified
    if max(d.lower + 1 - d.rho for d in outside) >= min(d.upper for d in inside):
        return []  # refuted: some edit may reach the weakest inside, whatever further samples say
    last, threat = inside[-1], max(outside, key=lambda d: d.mean - d.rho)
    low = max(last.lower, sequential(np.resize(last.samples, most), delta))
    high = min(threat.upper, upper(sequential, np.resize(threat.samples, most), delta)) + 1 - threat.rho
    if low + OPTIMISM * math.sqrt(last.drift(most) + threat.drift(most)) <= high:
        return []  # given up
    goal = (low + high) / 2
    return [
        place
        for place, document in enumerate(ranked)
        if len(document.samples) < most and (document.lower <= goal if place < k else document.highest >= goal)
    ]
