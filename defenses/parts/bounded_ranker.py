"""A ranker as it is, with certificates of its lists by bounds of its scores, and greedy attacks as their witnesses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.certificate import Certificate, Witness, decide
from robustrank.certification.evidence import UNBOUNDED, Evidence
from robustrank.certification.term_edits import Substitution
from robustrank.certification.threat import words_replaced
from robustrank.collections.collection import Collection
from robustrank.defense import Defense
from robustrank.plugins.constraints import Cosine, Count
from robustrank.rankers.ranker import Pair, PointwiseRanker, Scores
from robustrank.records import RankedList
from robustrank.text.embedding_table import check_table, load_table, table_languages
from robustrank.text.table import SubstitutionTable
from robustrank.text.words import replace_words, vocabulary


class Bounded(Protocol):
    """The score of a document for a query, and what edits make of it; a radius of None is all words."""

    def interval(self, radius: int | None) -> tuple[float, float]:
        """Return what the score is between after any edit of at most ``radius`` words."""

    def greedy_edits(self, radius: int | None) -> Iterator[tuple[int, Substitution]]:
        """Yield the edits of a greedy attack: the index of a word, and what is written for it."""


class Bounds(Protocol):
    """Bounds of a ranker's scores."""

    def score(self, query: str, text: str) -> Bounded | None:
        """Return the score of a document; None where no bound is known."""


@dataclass(frozen=True)
class BoundedDefense(Defense):
    """No defense: a ranker as it is, with certificates of its lists against the substitutions of a table."""

    table: str = "encoder"  # substitutions: encoder, an encoder's folder, or the path of a table file
    threshold: Cosine = 0.6  # minimum cosine of a substitute in an encoder's table
    neighbours: Count = 10  # maximum number of substitutes of a word in an encoder's table

    needs_pointwise = certifies = True

    @property
    def languages(self) -> tuple[str, ...]:
        """English with an encoder's table; any with a table file."""
        return table_languages(self.table)

    def check(self) -> None:
        """Refuse a substitution table that is missing."""
        check_table(self.table)

    def substitutions(self, collection: Collection) -> SubstitutionTable:
        """Return the substitutions of the collection's words."""
        return load_table(self.table, collection.statistic(vocabulary), self.threshold, self.neighbours)


class BoundedRanker(PointwiseRanker):
    """A ranker as it is, whose lists are certified by bounds of its scores.

    Attributes:
        inner: The ranker.
        table: The substitutions that the certificates are about.

    Args:
        bounds: The bounds of its scores.
        kind, bound: Those of its certificates.
    """

    def __init__(self, inner: PointwiseRanker, table: SubstitutionTable, bounds: Bounds, kind: str, bound: str) -> None:
        self.inner, self.table, self.no_match = inner, table, inner.no_match
        self._bounds, self._kind, self._bound = bounds, kind, bound

    @property
    def noise(self) -> float:
        """The inner ranker's."""
        return self.inner.noise

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], the inner ranker's scores."""
        return self.inner.score(pairs)

    def characters_read(self, query: str, document: str) -> int | None:
        """Return what the inner ranker reads."""
        return self.inner.characters_read(query, document)

    def parts_read(self, query: str, document: str) -> Sequence[tuple[int, int]] | None:
        """Return what the inner ranker reads."""
        return self.inner.parts_read(query, document)

    def overlaps(self, text: str) -> NDArray[np.float64]:
        """Return float64[0]: nothing is smoothed."""
        return np.empty(0)

    def words_replaced(self, before: str, after: str) -> int | None:
        """Return how many words are replaced by substitutes of the table; None where more was edited."""
        return words_replaced(self.table, before, after)

    def certify(self, served: RankedList, ks: Sequence[int], radius: int | None) -> list[Certificate]:
        """Return for each K the certificate; one that is not certified has a witness where a greedy edit enters."""
        query, texts = served.request.query, {c.doc_id: c.text for c in served.candidates}
        evidence = [
            Evidence(doc_id, mean, *self._range(query, texts[doc_id], mean, radius), 1.0, 1)
            for doc_id, mean in served.run().items()
        ]
        query_id, table = served.request.query_id, self.table.fingerprint
        certificates = decide(
            query_id, ks, evidence, alpha=0.0, kind=self._kind, bound=self._bound, radius=radius, table=table
        )
        witnesses: dict[str, Witness] = {}

        def witness_of(doc_id: str) -> Witness:
            if doc_id not in witnesses:
                witnesses[doc_id] = self._witness(query, doc_id, texts[doc_id], radius)
            return witnesses[doc_id]

        return [_with_witness(certificate, witness_of) for certificate in certificates]

    def _range(self, query: str, text: str, mean: float, radius: int | None) -> tuple[float, float]:
        """Return what the served score, which is in single precision, lies between after any allowed edit."""
        score = self._bounds.score(query, text)
        if score is None:
            return -UNBOUNDED, UNBOUNDED
        lowest, highest = map(np.float32, score.interval(radius))
        return min(mean, float(lowest)), max(mean, float(highest))

    def _witness(self, query: str, doc_id: str, text: str, radius: int | None) -> Witness:
        """Return the greedy edit of a document; it replaces no word where none helps, or none may be replaced."""
        score = self._bounds.score(query, text)
        edits = score.greedy_edits(radius) if score else ()
        replaced = {index: substitution.key for index, substitution in edits}
        edited = float(self.score([(query, replace_words(text, replaced))])[0])
        return Witness(doc_id, {str(index): key for index, key in sorted(replaced.items())}, edited)


def _with_witness(certificate: Certificate, witness_of: Callable[[str], Witness]) -> Certificate:
    """Return the certificate with the first edit that enters its top K, if it is not certified."""
    outside = () if certificate.certified else certificate.documents[certificate.k :]
    suspects = (document.doc_id for document in outside if not certificate.keeps_out(document.doc_id, document.upper))
    entering = (w for w in map(witness_of, suspects) if not certificate.keeps_out(w.doc_id, w.score))
    return replace(certificate, witness=next(entering, None))
