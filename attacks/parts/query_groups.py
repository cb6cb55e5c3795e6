"""Passages for many queries: one for each group of the training queries, given to the queries near its centre."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.victim import QueryInterface, Target, Victim

from .surrogates import SurrogateScorer, UsesSurrogate, pair_model


@dataclass(frozen=True)
class QueryGroup:
    """Training queries that share a passage.

    Attributes:
        centre: float64[H], the mean of their vectors.
        queries: Their texts.
    """

    centre: NDArray[np.float64]
    queries: tuple[str, ...]


class GroupedPassages(UsesSurrogate):
    """Base class of attacks that optimise a passage for each of some groups of the training queries.

    A subclass is a dataclass with the parameters below, and implements :meth:`_search`.
    """

    clusters: int

    cost = "once"
    control = "random-trigger"

    _passages: list[tuple[QueryGroup, str, str]]  # each group with the passage's text and a note on it

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Cluster the training queries by their vectors, and search a passage for each cluster."""
        self._load_surrogate(interface, collection, rng)
        queries = [query for query in collection.queries.values() if query.strip()]
        points = pair_model(self._surrogate, interface).gradients("").query_vectors(queries)
        groups = query_groups(queries, points.astype(np.float64), min(self.clusters, len(queries)), rng)
        self._passages = [
            (group, *passage)
            for group, passage in zip(groups, self._search(groups, interface, collection, rng), strict=False)
        ]

    @abstractmethod
    def _search(
        self,
        groups: Sequence[QueryGroup],
        interface: QueryInterface,
        collection: Collection,
        rng: np.random.Generator,
    ) -> list[tuple[str, str]]:
        """Return a passage's text and a note for each group; none where the collection has nothing to write it with."""

    def _passage_for(self, target: Target, victim: Victim) -> tuple[str, str]:
        """Return the text and the note of the group whose centre is nearest to the query; nothing without groups."""
        if not self._passages:
            return "", "there was no training query to make a passage for"
        if len(self._passages) == 1:
            return self._passages[0][1:]
        (point,) = SurrogateScorer.of(self._surrogate, target, victim).view.query_vectors([target.query])
        return min(self._passages, key=lambda passage: float(((passage[0].centre - point) ** 2).sum()))[1:]


def query_groups(
    queries: Sequence[str], points: NDArray[np.float64], count: int, rng: np.random.Generator
) -> list[QueryGroup]:
    """Return the groups of k-means, without empty ones.

    Args:
        queries: n texts.
        points: float64[n, H], their vectors.
        count: How many groups; no more than n.
        rng: Draws the initial centres.
    """
    from scipy.cluster.vq import kmeans2

    if not queries:
        return []
    if count == 1:
        return [QueryGroup(points.mean(axis=0), tuple(queries))]
    centres, labels = kmeans2(points, count, minit="++", seed=rng)
    members = [tuple(q for q, label in zip(queries, labels, strict=True) if label == i) for i in range(count)]
    return [QueryGroup(c, of_group) for c, of_group in zip(np.asarray(centres), members, strict=True) if of_group]
