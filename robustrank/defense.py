"""The contracts of the defenses/ catalogue: a defense wraps a ranker; a certified one also proves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.errors import UsageError
from robustrank.rankers.ranker import PointwiseRanker, Ranker
from robustrank.records import Pair, RankedList, Ranking, Request, Scores
from robustrank.text.edited_words import characters_behind

if TYPE_CHECKING:
    from robustrank.certification.certificate import Certificate
    from robustrank.certification.draws import Draws
    from robustrank.text.table import SubstitutionTable


class Defense(ABC):
    """Makes a more robust ranker out of a ranker. Subclass as a dataclass: its fields are the parameters."""

    needs_pointwise: ClassVar[bool] = False  # whether it wraps rankers of pairs alone
    passes_gradients: ClassVar[bool] = False  # whether its ranker gives those behind it as Ranker.differentiated
    certifies: ClassVar[bool] = False  # whether the defended ranker is a CertifiedRanker
    flags: ClassVar[bool] = False  # whether the defended ranker is a FlaggingRanker
    reference: ClassVar[str] = ""  # authors, title, venue, section
    deviations: ClassVar[str] = ""  # what is done otherwise than in the reference, and why

    @property
    def languages(self) -> tuple[str, ...]:
        """The codes of the languages it works on; none: any. A class attribute, or a property that reads parameters."""
        return ()

    @property
    def fingerprint(self) -> str:
        """What decides its rankers beyond code, parameters and files they name, as a model of the hub."""
        return ""

    def check(self) -> None:  # noqa: B027
        """Refuse at planning what cannot work here, as for a missing package or file."""

    def refuses(self, ranker: Ranker) -> str:
        """Return why it cannot defend a ranker, as "it needs …"; empty where it can."""
        return ""

    @abstractmethod
    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the defended ranker: the one whose lists the user gets. ``ranker`` is prepared already.

        The defended ranker ranks lists; where the ranker is pointwise and the defense keeps it so, it is a
        :class:`PointwiseRanker` as well.
        """


class RewritingRanker(Ranker):
    """A ranker that reads other texts than those it is given: rewritten queries, rewritten documents."""

    def __init__(self, inner: Ranker) -> None:
        self.inner = inner

    @classmethod
    def over(cls, inner: Ranker, *arguments: Any) -> RewritingRanker:
        """Return the wrapper, pointwise where the ranker is."""
        kind = type(f"Pointwise{cls.__name__}", (_PointwiseRewriting, cls), {}) if is_pointwise(inner) else cls
        wrapper: RewritingRanker = kind(inner, *arguments)
        return wrapper

    def rewritten_query(self, query: str) -> str:
        """Return the query that the inner ranker reads."""
        return query

    def rewritten_document(self, document: str) -> str:
        """Return the document text that the inner ranker reads."""
        return document

    def first_stage_query(self, query: str) -> str:
        """Return the rewritten query: a first stage reads what the inner ranker reads."""
        return self.inner.first_stage_query(self.rewritten_query(query))

    def characters_read(self, query: str, document: str) -> int | None:
        """Return how many characters stand behind what the inner ranker reads of the rewritten document.

        The two are matched word by word: None where they have different numbers of words.
        """
        rewritten = self.rewritten_document(document)
        read = self.inner.characters_read(self.rewritten_query(query), rewritten)
        return None if read is None else characters_behind(document, rewritten, read)

    def rank(self, requests: Sequence[Request]) -> list[Ranking]:
        """Return the inner ranker's rankings of the rewritten requests."""
        return self.inner.rank([self._rewritten(request) for request in requests])

    def _rewritten(self, request: Request) -> Request:
        texts = {candidate.doc_id: self.rewritten_document(candidate.text) for candidate in request.candidates}
        return replace(request.replaced(texts), query=self.rewritten_query(request.query))


class _PointwiseRewriting(PointwiseRanker):
    """Adds the scores of rewritten pairs to a wrapper of a pointwise ranker."""

    inner: PointwiseRanker
    rewritten_query: Any
    rewritten_document: Any
    characters_read = RewritingRanker.characters_read  # not that of pointwise rankers
    first_stage_query = RewritingRanker.first_stage_query

    @property
    def noise(self) -> float:
        return self.inner.noise

    def score(self, pairs: Sequence[Pair]) -> Scores:
        queries = {query: self.rewritten_query(query) for query in dict.fromkeys(query for query, _ in pairs)}
        documents = {text: self.rewritten_document(text) for text in dict.fromkeys(text for _, text in pairs)}
        return self.inner.score([(queries[query], documents[document]) for query, document in pairs])


def is_pointwise(ranker: Ranker) -> bool:
    """Return whether a ranker scores pairs."""
    return isinstance(ranker, PointwiseRanker)


def pointwise(ranker: Ranker, defense: Defense) -> PointwiseRanker:
    """Return the ranker, which the defense can only wrap if it scores single pairs.

    Raises:
        UsageError: It ranks lists.
    """
    if not isinstance(ranker, PointwiseRanker):
        raise UsageError(
            f"defense {type(defense).__name__} averages scores of single documents, and ranker "
            f"{type(ranker).__name__} ranks lists",
            allowed="a pointwise ranker",
            hint="leave this ranker out with `only` of the task, or choose a defense that wraps lists",
        )
    return ranker


@runtime_checkable
class Detector(Protocol):
    """Gives texts an anomaly score."""

    def anomaly_score(self, query: str, documents: Sequence[str]) -> NDArray[np.float64]:
        """Return float64[n]; higher is more anomalous."""


@runtime_checkable
class DemotingRanker(Protocol):
    """A defended ranker that flags documents of a list, and ranks them below all others."""

    def flagged(self, requests: Sequence[Request]) -> list[NDArray[np.bool_]]:
        """Return bool[n] for each request: which of its candidates are ranked last."""


@runtime_checkable
class FlaggingRanker(DemotingRanker, Protocol):
    """A demoting ranker that judges each document alone, by an anomaly score."""

    def anomaly_scores(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        """Return float64[n]; higher is more anomalous."""

    def is_flagged(self, pairs: Sequence[Pair]) -> NDArray[np.bool_]:
        """Return bool[n]: which documents are so anomalous that they are ranked last."""


@runtime_checkable
class CertifiedRanker(Protocol):
    """A defended ranker that certifies the lists it serves: returned by ``wrap`` of a certified defense."""

    @property
    def table(self) -> SubstitutionTable:
        """The threat model: the substitutions the proof is about."""

    def overlaps(self, text: str) -> NDArray[np.float64]:
        """Return float64[words], the overlap of every word of a text."""

    def words_replaced(self, before: str, after: str) -> int | None:
        """Return how many words of a document are replaced; None where the edit is not one that certificates are about.

        It tells which attacks a certificate has to withstand: those of at most its radius.
        """

    def certify(self, served: RankedList, ks: Sequence[int], radius: int | None) -> list[Certificate]:
        """Return a certificate of the served list for each K of ``ks``, perhaps by several bounds.

        At most ``radius`` words of a document may be changed; None is all words.
        """


@runtime_checkable
class SampledRanker(Protocol):
    """A certified ranker that scores copies of documents, which are saved beside its certificates."""

    def draws(self, query: str) -> Draws:
        """Return how its copies are drawn, and their scores squashed beside a query."""

    def copies_scored(self, served: RankedList, counts: Mapping[str, int]) -> dict[str, NDArray[np.float32]]:
        """Return the scores of so many first copies of each document of a list, by document id, in their order."""
