"""Canonical documents: every word becomes the representative of its component, so no substitution changes a score.

Source: Jones, Jia, Raghunathan, Liang: Robust Encodings, ACL 2020, arXiv 2005.01229 (connected components), applied to
rankers.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.certificate import Certificate, decide
from robustrank.certification.evidence import CANONICAL, EXACT, Evidence
from robustrank.certification.threat import words_replaced
from robustrank.collections.collection import Collection
from robustrank.defense import Defense, RewritingRanker
from robustrank.plugins.constraints import Cosine, Count
from robustrank.rankers.ranker import Ranker, TermRanker
from robustrank.records import RankedList
from robustrank.text.embedding_table import check_table, load_table, table_languages
from robustrank.text.table import SubstitutionTable
from robustrank.text.words import vocabulary, words

from .parts.representatives import canonical, representatives_of


@dataclass(frozen=True)
class Canonical(Defense):
    """Deterministic certificate without sampling; the baseline for smoothing.

    The representative of a component is its word with the highest document frequency in the collection. Queries are
    mapped as documents are, and a lexical ranker counts its statistics in the mapped collection: neither is the
    attacker's to change.
    """

    table: str = "encoder"  # substitutions: encoder, an encoder's folder, or the path of a table file
    threshold: Cosine = 0.6  # minimum cosine of a substitute in an encoder's table
    neighbours: Count = 10  # maximum number of substitutes of a word in an encoder's table

    certifies = passes_gradients = True
    reference = "Jones, Jia, Raghunathan, Liang, ACL 2020, arXiv 2005.01229"
    deviations = "components come from a substitution table, and texts of every length are encoded, word by word"

    @property
    def languages(self) -> tuple[str, ...]:
        """English with an encoder's table; any with a table file."""
        return table_languages(self.table)

    def check(self) -> None:
        """Refuse a substitution table that is missing."""
        check_table(self.table)

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker of canonical documents."""
        table = load_table(self.table, collection.statistic(vocabulary), self.threshold, self.neighbours)
        wrapper = CanonicalRanker.over(ranker, table, representatives_of(table, collection))
        if isinstance(ranker, TermRanker):
            texts = {doc_id: wrapper.rewritten_document(text) for doc_id, text in collection.documents.items()}
            wrapper.inner = copy.copy(ranker)
            wrapper.inner.prepare(replace(collection, documents=texts))
        return wrapper


class CanonicalRanker(RewritingRanker):
    """A ranker of canonical documents.

    Attributes:
        inner: The ranker.
        table: The substitutions that the certificate is about.
        representatives: Word to the representative of its component.
    """

    def __init__(self, inner: Ranker, table: SubstitutionTable, representatives: Mapping[str, str]) -> None:
        super().__init__(inner)
        self.table, self.representatives = table, representatives

    def rewritten_query(self, query: str) -> str:
        """Return the canonical query."""
        return canonical(query, self.representatives)

    def rewritten_document(self, document: str) -> str:
        """Return the canonical document."""
        return canonical(document, self.representatives)

    @property
    def differentiated(self) -> Ranker:
        """The inner ranker: gradients of the document pass straight through, as if it was canonical."""
        return self.inner.differentiated

    def overlaps(self, text: str) -> NDArray[np.float64]:
        """Return float64[words]: 1 everywhere, since no substitution changes what is scored."""
        return np.ones(len(words(text)))

    def words_replaced(self, before: str, after: str) -> int | None:
        """Return how many words are replaced by substitutes of the table; None where more was edited."""
        return words_replaced(self.table, before, after)

    def certify(self, served: RankedList, ks: Sequence[int], radius: int | None) -> list[Certificate]:
        """Return a certificate for each K: no allowed edit changes what is ranked, so every list is certified."""
        evidence = [Evidence(doc_id, score, score, score, 1.0, 1) for doc_id, score in served.run().items()]
        query_id, table = served.request.query_id, self.table.fingerprint
        return decide(query_id, ks, evidence, alpha=0.0, kind=CANONICAL, bound=EXACT, radius=radius, table=table)
