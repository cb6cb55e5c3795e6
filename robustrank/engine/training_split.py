"""What a trained ranker learns from: which queries of which collection; and which it is tested on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from robustrank.collections.collection import Collection
from robustrank.plugins.specification import Spec
from robustrank.randomness import derive


@dataclass(frozen=True)
class TrainingSplit:
    """Some queries of a collection, with their judgements.

    Attributes:
        collection: Where they are from.
        query_ids: Which; None is all.
    """

    collection: Spec
    query_ids: tuple[str, ...] | None = None

    def of(self, whole: Collection) -> Collection:
        """Return ``whole`` with these queries alone."""
        return whole if self.query_ids is None else whole.only(self.query_ids)

    def without(self, query_ids: Iterable[str], whole: Collection) -> TrainingSplit:
        """Return the lessons that leave these queries out."""
        left = set(query_ids)
        own = whole.queries if self.query_ids is None else self.query_ids
        return replace(self, query_ids=tuple(q for q in own if q not in left))


def fold_of(query_ids: Sequence[str], folds: int, seed: int) -> Mapping[str, int]:
    """Return the fold, from 0, of each query.

    Every ``folds`` neighbouring queries are in different folds, so that the first few of a collection meet all alike.
    """
    numbers: dict[str, int] = {}
    for start in range(0, len(query_ids), folds):
        order = derive(seed, "folds", str(folds), str(start)).permutation(folds).tolist()
        numbers.update(zip(query_ids[start : start + folds], order, strict=False))
    return numbers
