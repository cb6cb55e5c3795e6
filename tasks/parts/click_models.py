"""Simulated clicks on ranked lists: the position-based and the cascade model.

Source: the simulation of ULTRA (Tran et al., CIKM 2021, arXiv 2108.05073), with the examination probabilities of its
position-based model; cascade: Craswell et al., WSDM 2008, with an examination probability a rank.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
ClickModel = Literal["pbm", "cascade"]

RHO = (0.68, 0.61, 0.48, 0.34, 0.28, 0.20, 0.11, 0.10, 0.08, 0.06)  # of ranks 1 to 10; the last holds from there on


def attractiveness(gains: Array, largest: int, noise: float) -> Array:
    """Return the probability that an examined document is clicked: noise + (1 - noise) (2^y - 1) / (2^Y - 1).

    Args:
        gains: Grades y.
        largest: The largest grade Y, 1 or more.
        noise: Probability of a click on a document that is not relevant.
    """
    return noise + (1 - noise) * (2.0**gains - 1) / (2.0**largest - 1)


def rank_examination(eta: float, ranks: int) -> Array:
    """Return float64[ranks], the probability that a rank is examined: rho^eta; eta 0 is no position bias."""
    return np.array([*RHO, *[RHO[-1]] * ranks][:ranks]) ** eta


def examination(model: ClickModel, ranks: Array, attract: Array) -> Array:
    """Return float64[queries, ranks], the probability that a document is examined.

    Args:
        model: In the cascade model, a user stops after the first click.
        ranks: float64[ranks], see :func:`rank_examination`.
        attract: float64[queries, ranks], 0 where there is no document.
    """
    if model == "pbm":
        return np.broadcast_to(ranks, attract.shape)
    remaining = np.cumprod(1 - ranks * attract, axis=1)
    return ranks * np.hstack([np.ones((len(attract), 1)), remaining[:, :-1]])


def draw_clicks(
    model: ClickModel, ranks: Array, attract: Array, sessions: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return int64[queries, ranks], the clicks on each document in ``sessions`` sessions; see :func:`examination`."""
    clicked = examination(model, ranks, attract) * attract
    if model == "pbm":
        return rng.binomial(sessions, clicked)
    none = np.clip(1 - clicked.sum(axis=1, keepdims=True), 0, 1)
    return rng.multinomial(sessions, np.hstack([clicked, none]) / (clicked.sum(axis=1, keepdims=True) + none))[:, :-1]
