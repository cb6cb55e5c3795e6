"""A run file as a ranker: it ranks the texts of its collection as the run did, and knows no other text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.collections.trec import read_run
from robustrank.errors import DataError
from robustrank.paths import given_path
from robustrank.rankers.ranker import Ranker
from robustrank.records import Cost, Ranking, Request
from robustrank.repairs import Repairs


@dataclass
class RunFileRanker(Ranker):
    """A run in TREC's six columns, of any system, for tasks on unchanged texts, as iid-variance and ood-query.

    It refuses a text that is not the collection's: a run has no score for what an attack writes. Candidates that the
    run lacks stand behind the others, and no measure counts them as ranked.
    """

    path: str  # of the run: query, Q0, document, rank, score, tag; the scores decide, ties by document id

    no_match = -(2.0**29)  # exact in float32, and below any score

    @cached_property
    def run(self) -> Mapping[str, Mapping[str, float]]:
        """Query id to document id to score.

        Raises:
            DataError: The file cannot be read, or is not a run.
        """
        return read_run(given_path(self.path), Repairs())

    def check(self) -> None:
        """Read the file."""
        _ = self.run

    def prepare(self, collection: Collection) -> None:
        """Take the texts that the run is of."""
        self._collection = collection

    def reading(self, collection: Collection) -> Sequence[str]:
        """Return how much of the candidates the run has, and how much of the run is no candidate."""
        listed = {q: set(collection.candidates[q]) for q in collection.queries}
        count = sum(map(len, listed.values()))
        known = sum(len(doc_ids & self.run.get(q, {}).keys()) for q, doc_ids in listed.items())
        others = sum(len(scores.keys() - listed.get(q, set())) for q, scores in self.run.items())
        without = sum(q not in self.run for q in listed)
        return (
            f"run {self.path}: it has {known} of the {count} candidates of {collection.name}; the others count as not "
            f"ranked. {without} of {len(listed)} queries are not in it; {others} of its lines are no candidates.",
        )

    def rank(self, requests: Sequence[Request]) -> list[Ranking]:
        """Return the order of the run.

        Raises:
            DataError: A text is not the collection's.
        """
        return [self._ranking(request) for request in requests]

    def _ranking(self, request: Request) -> Ranking:
        self._refuse_other_texts(request)
        known = self.run.get(request.query_id, {})
        best = sorted(enumerate(request.doc_ids), key=lambda item: (-known.get(item[1], -np.inf), item[1]))
        scores = np.array([known.get(doc_id, self.no_match) for doc_id in request.doc_ids], dtype=np.float32)
        return Ranking(tuple(position for position, _ in best), scores, Cost(calls=0))

    def _refuse_other_texts(self, request: Request) -> None:
        queries, documents = self._collection.queries, self._collection.documents
        changed = [c.doc_id for c in request.candidates if documents.get(c.doc_id) != c.text]
        if queries.get(request.query_id) == request.query and not changed:
            return
        what = f"document {changed[0]!r}" if changed else f"query {request.query_id!r}"
        raise DataError(
            f"the run has no score for a changed text: that of {what}",
            where=self.path,
            allowed="tasks on unchanged texts, as iid-variance and ood-query",
            hint="give the ranker itself in place of its run, where texts are attacked or perturbed",
        )
