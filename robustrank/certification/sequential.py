"""The mean certificate with as few samples as it takes: a document is sampled until its part in it is settled.

Bounds that hold after every sample at once (Waudby-Smith, Ramdas, JRSS-B 2024, arXiv 2010.09686) allow looking at the
verdicts after each round. A document far below the top K is settled by the first round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.bounds import Samples, sequential, upper
from robustrank.certification.certificate import Certificate, Evidence

FIRST = 16  # samples of every document in the first round; each further round doubles those of the open ones

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


def certify_sequentially(
    query_id: str,
    doc_ids: Sequence[str],
    draw: Draw,
    rhos: Sequence[float],
    ks: Sequence[int],
    *,
    alpha: float,
    most: int,
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
        spans = {i: _next(len(documents[i].samples), most) for i in sorted(wanted)}
        for i, fresh in draw(spans).items():
            documents[i].add(fresh, delta)
        order = sorted(range(len(documents)), key=lambda i: (-documents[i].mean, documents[i].doc_id))
        wanted = {
            i for k in ks for i in _open([documents[j] for j in order], order, k) if len(documents[i].samples) < most
        }
    evidence = tuple(
        Evidence(d.doc_id, d.mean, d.lower, d.upper, d.rho, len(d.samples)) for d in (documents[i] for i in order)
    )
    drafts = [
        Certificate(query_id, k, radius, alpha, "mean", "sequential", table, evidence, certified=False) for k in ks
    ]
    return [replace(draft, certified=draft.margin() > 0) for draft in drafts]


def _next(done: int, most: int) -> tuple[int, int]:
    return done, min(most, max(FIRST, 2 * done))


def _open(ranked: Sequence[_Document], places: Sequence[int], k: int) -> Iterable[int]:
    """Return the documents on which the verdict for K still hangs; none where it is settled."""
    inside, outside = ranked[:k], ranked[k:]
    if not outside:
        return ()
    weakest = min(document.lower for document in inside)
    unsafe = [place for place in range(k, len(ranked)) if ranked[place].highest >= weakest]
    if not unsafe:
        return ()  # certified
    reach = max(document.lower + 1 - document.rho for document in outside)
    if reach >= min(document.upper for document in inside):
        return ()  # refuted: some edit may reach the weakest inside, whatever further samples say
    threat = max(ranked[place].highest for place in unsafe)
    weak = [place for place in range(k) if ranked[place].lower <= threat]
    return [places[place] for place in (*weak, *unsafe)]
