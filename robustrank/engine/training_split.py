"""Training split of a ranker, with cross-validation folds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from robustrank.collections.collection import Collection
from robustrank.plugins.specification import Spec
from robustrank.randomness import derive


@dataclass(frozen=True)
class TrainingSplit:
    """Queries of a collection, with their judgements, that a ranker is trained on.

    Attributes:
        collection: The training collection.
        query_ids: The training queries; None is all.
    """

    collection: Spec
    query_ids: tuple[str, ...] | None = None

    def of(self, whole: Collection) -> Collection:
        """Return ``whole`` restricted to the training queries, of these to the ones that teach something."""
        return (whole if self.query_ids is None else whole.only(self.query_ids)).answered

    def without(self, query_ids: Iterable[str], whole: Collection) -> TrainingSplit:
        """Return the training split without these queries."""
        excluded = set(query_ids)
        training = whole.queries if self.query_ids is None else self.query_ids
        return replace(self, query_ids=tuple(q for q in training if q not in excluded))


def fold_of(query_ids: Sequence[str], folds: int, seed: int) -> Mapping[str, int]:
    """Return the fold, from 0, of each query.

    Each block of ``folds`` consecutive queries is spread over all folds, so that the first queries are, too.
    """
    numbers: dict[str, int] = {}
    for start in range(0, len(query_ids), folds):
        order = derive(seed, "folds", str(folds), str(start)).permutation(folds).tolist()
        numbers.update(zip(query_ids[start : start + folds], order, strict=False))
    return numbers
