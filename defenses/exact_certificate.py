"""Exact certificates of an undefended ranker: the range of each score over all substitutions of a table.

For rankers whose score is a sum over query terms, as BM25 and query likelihood, and for passages that these score: see
:mod:`robustrank.certification.term_scores`. We know of no published exact certificate for lexical rankers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.certificate import Certificate, Witness, decide
from robustrank.certification.evidence import LEXICAL, TERM_COUNTS, UNBOUNDED, Evidence
from robustrank.certification.threat import words_replaced
from robustrank.collections.collection import Collection
from robustrank.defense import Defense
from robustrank.errors import UsageError
from robustrank.plugins.constraints import Cosine, Count
from robustrank.rankers.passages import PassagesRanker, scores_terms
from robustrank.rankers.ranker import Pair, PointwiseRanker, Ranker, Scores
from robustrank.records import RankedList
from robustrank.text.embedding_table import check_table, load_table, table_languages
from robustrank.text.table import SubstitutionTable
from robustrank.text.words import replace_words, vocabulary

from .parts.passage_bounds import PassageBounds
from .parts.term_bounds import TermBounds


@dataclass(frozen=True)
class ExactCertificate(Defense):
    """No defense: the ranker as it is, with exact certificates of its lists. BM25, query likelihood, passages of these.

    The bound of a document is compared with a witness, a greedy attack within the threat model, so that each list is
    certified, broken, or open: what neither proves is the slack of the bound. Statistics of the collection are fixed.
    """

    table: str = "encoder"  # substitutions: encoder, an encoder's folder, or the path of a table file
    threshold: Cosine = 0.6  # minimum cosine of a substitute in an encoder's table
    neighbours: Count = 10  # maximum number of substitutes of a word in an encoder's table

    reference = "Robertson, Zaragoza, FnTIR 3(4), 2009, section 3 (the score)"
    needs_pointwise = needs_terms = certifies = True

    @property
    def languages(self) -> tuple[str, ...]:
        """English with an encoder's table; any with a table file."""
        return table_languages(self.table)

    def check(self) -> None:
        """Refuse a substitution table that is missing."""
        check_table(self.table)

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker with certificates.

        Raises:
            UsageError: Its scores are not sums over query terms.
        """
        if not isinstance(ranker, PointwiseRanker) or not scores_terms(ranker):
            raise UsageError(
                f"ranker {type(ranker).__name__} has no exact certificates: its score is not known to be a sum over "
                "query terms",
                allowed="a ranker with `terms` and `terms_score`, as bm25 and query-likelihood, or passages of one",
            )
        table = load_table(self.table, collection.statistic(vocabulary), self.threshold, self.neighbours)
        return ExactRanker(ranker, table)


class ExactRanker(PointwiseRanker):
    """A ranker as it is, whose lists are certified exactly.

    Attributes:
        inner: The ranker.
        table: The substitutions that the certificate is about.
    """

    def __init__(self, inner: PointwiseRanker, table: SubstitutionTable) -> None:
        self.inner, self.table, self.no_match = inner, table, inner.no_match
        scores_passages, scorer = isinstance(inner, PassagesRanker), cast(Any, inner)
        self._bounds = PassageBounds(scorer, table) if scores_passages else TermBounds(scorer, table)

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
            query_id, ks, evidence, alpha=0.0, kind=LEXICAL, bound=TERM_COUNTS, radius=radius, table=table
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
        lowest, highest = np.float32(score.lowest(radius)), np.float32(score.highest(radius))
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
