"""Scores of a first stage beside a prompt: those of the candidates, or of a ranker of pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.errors import PluginError
from robustrank.rankers.pair_ranker import pair_ranker
from robustrank.rankers.ranker import PointwiseRanker
from robustrank.records import Request, Scores


@dataclass(frozen=True)
class FirstStage:
    """A ranker of pairs, prepared for a collection."""

    ranker: PointwiseRanker

    @classmethod
    def of(cls, specification: str, collection: Collection) -> FirstStage:
        """Return the ranker of a specification, prepared.

        Raises:
            UsageError: It ranks lists.
        """
        ranker = pair_ranker(specification)
        ranker.prepare(collection)
        return cls(ranker)

    @staticmethod
    def required(first_stage: FirstStage | None) -> FirstStage:
        """Return the first stage.

        Raises:
            PluginError: There is none: the ranker was not prepared.
        """
        if first_stage is None:
            raise PluginError("the ranker was not prepared: call prepare(collection) before it ranks")
        return first_stage

    def scores(self, request: Request) -> Scores:
        """Return float32[n], the score of each candidate's text."""
        return np.asarray(self.ranker.score(request.pairs), dtype=np.float32)
