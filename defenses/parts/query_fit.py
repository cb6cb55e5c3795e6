"""Squashing that is fitted to each query: where the scores of its own candidates lie, and how far they spread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.rankers.ranker import PointwiseRanker

from .representatives import canonical


@dataclass
class QueryFit:
    """The centre and the scale of the sigmoid for each query of a collection.

    The centre is the median of the scores of the query's candidates, so that documents at the border of a top K are not
    squashed together; the scale is ``steepness`` over their range. What is scored are canonical texts, of the query as
    of the documents: an allowed edit changes none of them, so it moves neither centre nor scale.

    Attributes:
        ranker: The ranker.
        collection: Its queries and their candidates.
        representatives: Word to the word written for it in a canonical text.
        steepness: The sigmoid's slope times the range of the scores.
    """

    ranker: PointwiseRanker
    collection: Collection
    representatives: Mapping[str, str]
    steepness: float
    _fitted: dict[str, tuple[float, float] | None] = field(default_factory=dict, repr=False)  # by query

    def __post_init__(self) -> None:
        """Index the queries by their texts: that is what a pointwise ranker is given."""
        self._ids = {text: query_id for query_id, text in self.collection.queries.items()}

    def of(self, query: str) -> tuple[float, float] | None:
        """Return centre and scale; None for a query that the collection does not have, or without candidates."""
        if query not in self._ids:
            return None
        if query not in self._fitted:
            self._fitted[query] = self._fit(self._ids[query])
        return self._fitted[query]

    def _fit(self, query_id: str) -> tuple[float, float] | None:
        pairs = self.collection.pairs(query_id)
        if not pairs:
            return None
        query = canonical(pairs[0][0], self.representatives)
        texts = [canonical(document, self.representatives) for _, document in pairs]
        scores = self.ranker.score([(query, text) for text in texts]).astype(np.float64)
        spread = float(scores.max() - scores.min())
        return float(np.median(scores)), self.steepness / spread if spread > 0 else 1.0
