"""Linear rankers learned from clicks, naively, by inverse propensities, by the dual learning algorithm, by EM.

Sources: inverse propensity weighting: Joachims, Swaminathan, Schnabel, WSDM 2017; DLA: Ai et al., SIGIR 2018;
regression EM: Wang et al., WSDM 2018. Losses and updates as in ULTRA (Tran et al., CIKM 2021). They are linear in the
clicks of a query, so that counts of sessions say all, and every step is of all queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RATE = 0.05  # of Adagrad
MAX_NORM = 5.0  # of a gradient; a longer one is shortened
START = 0.9  # of regression EM's propensities
PACE = 0.05  # of their updates


@dataclass(frozen=True)
class ShownLists:
    """What users were shown, and their clicks.

    Attributes:
        features: float64[queries, ranks, F].
        present: bool[queries, ranks], where there is a document.
        clicks: float64[queries, ranks], how many sessions clicked it.
        sessions: float64[queries], sessions of each query.
    """

    features: Array
    present: NDArray[np.bool_]
    clicks: Array
    sessions: Array


@dataclass(frozen=True)
class Learned:
    """A linear ranker.

    Attributes:
        weights: float64[F].
        propensities: float64[ranks], those it was learned with or that it estimated, the first of them 1.
    """

    weights: Array
    propensities: Array


class _Adagrad:
    """Parameters that are moved against their gradient."""

    def __init__(self, size: int) -> None:
        self.values, self._squares = np.zeros(size), np.zeros(size)

    def step(self, gradient: Array) -> None:
        gradient = gradient * min(1.0, MAX_NORM / max(float(np.linalg.norm(gradient)), 1e-12))
        self._squares += gradient**2
        self.values -= RATE * gradient / np.sqrt(self._squares + 1e-12)


def learn_weighted(lists: ShownLists, weights: Array, propensities: Array, steps: int) -> Learned:
    """Minimise -sum w log softmax(f) of each list; see :class:`Learned` for the propensities.

    Args:
        lists: What was shown.
        weights: float64[queries, ranks], w.
        propensities: Those of the weights.
        steps: Steps over all lists.
    """
    ranker = _Adagrad(lists.features.shape[-1])
    for _ in range(steps):
        ranker.step(_ranking_gradient(lists, ranker.values, weights))
    return Learned(ranker.values, propensities / propensities[0])


def learn_dual(lists: ShownLists, clip: float, steps: int) -> Learned:
    """Learn ranker and propensities from each other (DLA): each is weighted by the inverse of the other."""
    ranker, ranks = _Adagrad(lists.features.shape[-1]), _Adagrad(lists.present.shape[1])
    for _ in range(steps):
        bias = _softmax(ranks.values[None], np.ones((1, len(ranks.values)), dtype=bool))[0]
        relevance = _softmax(_scores(lists, ranker.values), lists.present)
        of_documents = lists.clicks * np.minimum(bias[0] / bias, clip)
        inverse = relevance[:, :1] / np.where(lists.present, relevance, 1.0)
        of_ranks = np.where(lists.present, lists.clicks * np.minimum(inverse, clip), 0.0)
        ranker.step(_ranking_gradient(lists, ranker.values, of_documents))
        ranks.step(
            _softmax_gradient(np.broadcast_to(ranks.values, of_ranks.shape), lists.present, of_ranks).sum(axis=0)
        )
    bias = np.exp(ranks.values - ranks.values[0])
    return Learned(ranker.values, bias)


def learn_by_em(lists: ShownLists, steps: int) -> Learned:
    """Estimate relevance and propensities by expectation maximisation; relevance is a logistic regression."""
    ranker, propensities = _Adagrad(lists.features.shape[-1]), np.full(lists.present.shape[1], START)
    sessions = lists.sessions[:, None] * lists.present
    skipped, total = sessions - lists.clicks, max(float(sessions.sum()), 1.0)
    for _ in range(steps):
        relevant = 1 / (1 + np.exp(-np.clip(_scores(lists, ranker.values), -30, 30)))
        not_clicked = 1 - propensities * relevant
        target = lists.clicks + skipped * (1 - propensities) * relevant / not_clicked
        examined = lists.clicks + skipped * propensities * (1 - relevant) / not_clicked
        ranker.step(np.einsum("qp,qpf->f", sessions * relevant - target, lists.features) / total)
        propensities = (1 - PACE) * propensities + PACE * examined.sum(axis=0) / np.maximum(sessions.sum(axis=0), 1.0)
    return Learned(ranker.values, propensities / propensities[0])


def _scores(lists: ShownLists, weights: Array) -> Array:
    scores: Array = lists.features @ weights
    return scores


def _softmax(scores: Array, present: NDArray[np.bool_]) -> Array:
    """Return the softmax of each list's documents, 0 where there is none."""
    filled = np.where(present, scores, -np.inf)
    exponents = np.exp(filled - filled.max(axis=1, keepdims=True))
    values: Array = exponents / exponents.sum(axis=1, keepdims=True)
    return values


def _softmax_gradient(scores: Array, present: NDArray[np.bool_], weights: Array) -> Array:
    """Return the gradient of -sum w log softmax(scores) by the scores, over the sum of all weights."""
    gradient: Array = _softmax(scores, present) * weights.sum(axis=1, keepdims=True) - weights
    return gradient / max(float(weights.sum()), 1e-12)


def _ranking_gradient(lists: ShownLists, ranker: Array, weights: Array) -> Array:
    gradient = _softmax_gradient(_scores(lists, ranker), lists.present, weights)
    return np.asarray(np.einsum("qp,qpf->f", gradient, lists.features))
