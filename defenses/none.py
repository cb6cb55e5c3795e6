"""No defense: the ranker as it is, for the undefended row of every table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.defense import Defense
from robustrank.rankers.ranker import Ranker


@dataclass(frozen=True)
class NoDefense(Defense):
    """The undefended ranker."""

    passes_gradients = True

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker itself."""
        return ranker
