"""A jury of classifiers that tell attacked texts from clean ones, none of which judges what it has learned from.

A juror who knew the clean document, or who saw the query stuffed into another one, would make a detector look better
than it is on new queries and documents. So queries are dealt to the jurors, each learns from those of its own alone,
and a (query, document) pair is judged by the jurors that know neither.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.rankers.ranker import Pair
from robustrank.text.quality import Spamicity
from robustrank.text.words import words

from ..outlier_filter import EDGE, OutlierDetector

JURORS = 3  # a query makes one unfit and a document another, so one at the least is left
TERMS = 20_000  # of each kind of n-gram, the commonest

Feature = Literal["ngrams", "style", "overlap"]


@dataclass(frozen=True)
class TrainingExample:
    """A document of a query, as it was, and what attacks made of it; nothing where it is there as a clean one alone."""

    query: str
    document: str
    attacked: tuple[str, ...] = ()


class Features:
    """What jurors see of a text; a row depends on its pair alone.

    ``ngrams``: tf-idf of characters within words (3 to 5) and of words (1 and 2). ``style``: the mean surprise of the
    text, its start and its end in a bigram model, and the share of words said before. ``overlap``: spamicity, the only
    feature that reads the query.

    Args:
        names: Which of them.
        documents: The collection whose bigrams and term frequencies they read.
        pairs: Queries and texts that n-grams and scales are taken from; which were attacked is not told.
    """

    def __init__(self, names: Sequence[Feature], documents: Sequence[str], pairs: Sequence[Pair]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.preprocessing import StandardScaler

        self._bigrams = OutlierDetector.of(documents) if "style" in names else None
        self._spamicity = Spamicity.of(documents) if "overlap" in names else None
        shared = {"sublinear_tf": True, "min_df": 2, "max_features": TERMS}
        kinds = [{"analyzer": "char_wb", "ngram_range": (3, 5)}, {"analyzer": "word", "ngram_range": (1, 2)}]
        texts = [document for _, document in pairs]
        self._vectorizers = [TfidfVectorizer(**kind, **shared).fit(texts) for kind in kinds if "ngrams" in names]
        self._scaler = StandardScaler().fit(self._numbers(pairs))

    def of(self, pairs: Sequence[Pair]) -> Any:
        """Return sparse float64[n, F]."""
        from scipy.sparse import csr_array, hstack

        texts = [document for _, document in pairs]
        parts = [vectorizer.transform(texts) for vectorizer in self._vectorizers]
        return hstack([*parts, csr_array(self._scaler.transform(self._numbers(pairs)))]).tocsr()

    def _numbers(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        """Return float64[n, at least 1]: a constant, and what is counted."""
        rows = [(0.0, *self._style(document), *self._overlap(query, document)) for query, document in pairs]
        return np.array(rows, dtype=np.float64)

    def _style(self, document: str) -> tuple[float, ...]:
        if self._bigrams is None:
            return ()
        keys, found = [word.key for word in words(document)], self._bigrams.surprises(document)
        parts = [float(part.mean()) if len(part) else 0.0 for part in (found, found[:EDGE], found[-EDGE:])]
        return (*parts, 1 - len(set(keys)) / max(1, len(keys)))

    def _overlap(self, query: str, document: str) -> tuple[float, ...]:
        return () if self._spamicity is None else (self._spamicity.score(query, document),)


@dataclass(frozen=True)
class FoldClassifier:
    """A logistic regression, and what it has learned from.

    Attributes:
        weights, bias: float64[F], and a number; of the log-odds that a text was attacked.
        queries, documents: The texts it knows.
    """

    weights: NDArray[np.float64]
    bias: float
    queries: frozenset[str]
    documents: frozenset[str]

    @classmethod
    def scorer_trained_on(
        cls, training_split: Sequence[TrainingExample], features: Features, cost: float
    ) -> FoldClassifier:
        """Return the juror of some lessons; attacked and clean texts weigh alike.

        Raises:
            DataError: Nothing in them was attacked, or nothing is clean.
        """
        from sklearn.linear_model import LogisticRegression

        clean = [(lesson.query, lesson.document) for lesson in training_split]
        attacked = [(lesson.query, text) for lesson in training_split for text in lesson.attacked]
        if not (clean and attacked):
            raise DataError(
                f"a detector cannot learn from {len(clean)} clean and {len(attacked)} attacked texts",
                hint="more queries, more documents, or attacks that change something",
            )
        model = LogisticRegression(C=cost, class_weight="balanced", max_iter=1000)
        model.fit(features.of([*clean, *attacked]), [0] * len(clean) + [1] * len(attacked))
        weights = np.asarray(model.coef_[0], dtype=np.float64)
        return cls(weights, float(model.intercept_[0]), *map(frozenset, zip(*clean, strict=True)))

    def may_judge(self, query: str, document: str) -> bool:
        """Return whether it has learned from neither."""
        return query not in self.queries and document not in self.documents


@dataclass(frozen=True)
class CrossFitEnsemble:
    """Suspicion is the mean log-odds of the jurors that know neither the query nor the document."""

    features: Features
    jurors: tuple[FoldClassifier, ...]

    @classmethod
    def scorer_trained_on(
        cls,
        training_split: Iterable[TrainingExample],
        documents: Iterable[str],
        names: Sequence[Feature],
        cost: float,
        rng: np.random.Generator,
    ) -> CrossFitEnsemble:
        """Return the jury.

        Args:
            training_split: What is learned; a document is learned with the first query it comes with, and no other.
            documents: The collection whose bigrams and term frequencies features read.
            names: What jurors see.
            cost: C of the logistic regressions, the inverse of their regularisation.
            rng: Deals the queries out.

        Raises:
            DataError: There is too little to learn from.
        """
        first: dict[str, TrainingExample] = {}
        for lesson in training_split:
            first.setdefault(lesson.document, lesson)
        queries = list(dict.fromkeys(lesson.query for lesson in first.values()))
        juror_of = {queries[int(i)]: place % JURORS for place, i in enumerate(rng.permutation(len(queries)))}
        dealt: list[list[TrainingExample]] = [[] for _ in range(JURORS)]
        for lesson in first.values():
            dealt[juror_of[lesson.query]].append(lesson)
        pairs = [(one.query, text) for one in first.values() for text in (one.document, *one.attacked)]
        if not pairs:
            raise DataError("a detector cannot learn from no text", hint="more queries, or more documents")
        features = Features(names, list(documents), pairs)
        return cls(features, tuple(FoldClassifier.scorer_trained_on(own, features, cost) for own in dealt))

    @property
    def digest(self) -> str:
        """A hash of what was learned."""
        return hashlib.sha256(b"".join(classifier.weights.tobytes() for classifier in self.jurors)).hexdigest()[:32]

    def anomaly_score(self, query: str, documents: Sequence[str]) -> NDArray[np.float64]:
        """Return float64[n]."""
        if not documents:
            return np.empty(0, dtype=np.float64)
        pairs = [(query, document) for document in documents]
        seen = self.features.of(pairs)
        odds = np.array([seen @ classifier.weights + classifier.bias for classifier in self.jurors])
        fit = np.array([[classifier.may_judge(*pair) for pair in pairs] for classifier in self.jurors])
        found: NDArray[np.float64] = (odds * fit).sum(axis=0) / fit.sum(axis=0)
        return found
