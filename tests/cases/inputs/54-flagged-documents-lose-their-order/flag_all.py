"""A defense that flags every document."""

from dataclasses import dataclass

import numpy as np
from robustrank.defenses.parts.filtering import FilteredRanker

from robustrank.defense import Defense


class Everything:
    def anomaly_score(self, query, documents):
        return np.ones(len(documents))


@dataclass(frozen=True)
class FlagAll(Defense):
    """Flags all."""

    def wrap(self, ranker, collection, rng):
        return FilteredRanker(ranker, Everything(), threshold=0.5)
