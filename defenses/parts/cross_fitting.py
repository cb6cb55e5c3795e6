"""Cross-fitted ensemble: a text is scored only by classifiers that did not train on its query or document.

A classifier that knew the clean document, or saw the query stuffed into another document, would make a detector look
better than it is on new queries and documents. So queries are split into folds, one classifier trains on each fold, and
a (query, document) pair is scored by the mean of its out-of-fold predictions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.rankers.ranker import Pair
from robustrank.text.analysis import analyser
from robustrank.text.languages import ENGLISH
from robustrank.text.quality import Spamicity
from robustrank.text.words import words

from .bigram_model import BigramModel

FOLDS = 3  # a query excludes one classifier and a document another, so at least one is left
MAX_TERMS = 20_000  # of each kind of n-gram, the most frequent

Feature = Literal["ngrams", "style", "overlap"]


@dataclass(frozen=True)
class TrainingExample:
    """A clean document of a query, and its attacked versions; none for an example that is clean alone."""

    query: str
    document: str
    attacked: tuple[str, ...] = ()


class DetectorFeatures:
    """Features of a (query, text) pair; a row depends on its pair alone.

    ``ngrams``: tf-idf of characters within words (3 to 5) and of words (1 and 2). ``style``: the mean surprisal of the
    text, its start and its end under a bigram model, and the share of repeated words. ``overlap``: spamicity, the only
    feature that reads the query.

    Args:
        names: The groups of features.
        documents: The collection that fits the bigram model and the term frequencies.
        pairs: Queries and texts that fit n-grams and scales; labels are not used.
        language: The language of the texts. N-grams of words are of scikit-learn's tokens in English, and of the terms
            of the language's analyser otherwise.
    """

    def __init__(
        self, names: Sequence[Feature], documents: Sequence[str], pairs: Sequence[Pair], language: str = ENGLISH
    ) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.preprocessing import StandardScaler

        self._bigrams = BigramModel.from_documents(documents) if "style" in names else None
        self._spamicity = Spamicity.of(documents, language) if "overlap" in names else None
        shared = {"sublinear_tf": True, "min_df": 2, "max_features": MAX_TERMS}
        tokens: dict[str, Any] = (
            {} if language == ENGLISH else {"tokenizer": analyser(language).terms, "token_pattern": None}
        )
        kinds = [{"analyzer": "char_wb", "ngram_range": (3, 5)}, {"ngram_range": (1, 2), **tokens}]
        texts = [document for _, document in pairs]
        self._vectorizers = [TfidfVectorizer(**kind, **shared).fit(texts) for kind in kinds if "ngrams" in names]
        self._scaler = StandardScaler().fit(self._dense(pairs))

    def transform(self, pairs: Sequence[Pair]) -> Any:
        """Return sparse float64[n, F]."""
        from scipy.sparse import csr_array, hstack

        texts = [document for _, document in pairs]
        blocks = [vectorizer.transform(texts) for vectorizer in self._vectorizers]
        return hstack([*blocks, csr_array(self._scaler.transform(self._dense(pairs)))]).tocsr()

    def _dense(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        """Return float64[n, at least 1]: a constant, then style and overlap."""
        rows = [(0.0, *self._style(document), *self._overlap(query, document)) for query, document in pairs]
        return np.array(rows, dtype=np.float64)

    def _style(self, document: str) -> tuple[float, ...]:
        if self._bigrams is None:
            return ()
        keys = [word.key for word in words(document)]
        return (*self._bigrams.mean_surprisals(document), 1 - len(set(keys)) / max(1, len(keys)))

    def _overlap(self, query: str, document: str) -> tuple[float, ...]:
        return () if self._spamicity is None else (self._spamicity.score(query, document),)


@dataclass(frozen=True)
class FoldClassifier:
    """A logistic regression and its training fold.

    Attributes:
        weights, bias: float64[F] and a number; of the log-odds that a text was attacked.
        queries, documents: The texts of its training fold.
    """

    weights: NDArray[np.float64]
    bias: float
    queries: frozenset[str]
    documents: frozenset[str]

    @classmethod
    def fit(cls, fold: Sequence[TrainingExample], features: DetectorFeatures, cost: float) -> FoldClassifier:
        """Return the classifier of a fold; attacked and clean texts have equal total weight.

        Raises:
            DataError: The fold has no attacked or no clean text.
        """
        from sklearn.linear_model import LogisticRegression

        clean = [(example.query, example.document) for example in fold]
        attacked = [(example.query, text) for example in fold for text in example.attacked]
        if not (clean and attacked):
            raise DataError(
                f"a detector cannot be trained on {len(clean)} clean and {len(attacked)} attacked texts",
                allowed="at least one of each",
                hint="use more queries, more documents, or attacks that change something",
            )
        model = LogisticRegression(C=cost, class_weight="balanced", max_iter=1000)
        model.fit(features.transform([*clean, *attacked]), [0] * len(clean) + [1] * len(attacked))
        weights = np.asarray(model.coef_[0], dtype=np.float64)
        return cls(weights, float(model.intercept_[0]), *map(frozenset, zip(*clean, strict=True)))

    def is_out_of_fold(self, query: str, document: str) -> bool:
        """Return whether neither the query nor the document is in its training fold."""
        return query not in self.queries and document not in self.documents


@dataclass(frozen=True)
class CrossFitEnsemble:
    """The anomaly score is the mean log-odds of the classifiers that are out-of-fold for query and document."""

    features: DetectorFeatures
    classifiers: tuple[FoldClassifier, ...]

    @classmethod
    def fit(
        cls,
        examples: Iterable[TrainingExample],
        documents: Iterable[str],
        names: Sequence[Feature],
        cost: float,
        rng: np.random.Generator,
        language: str = ENGLISH,
    ) -> CrossFitEnsemble:
        """Return the ensemble trained on all examples.

        Args:
            examples: Training examples; a document trains with the first query it comes with, and no other.
            documents: The collection that fits the bigram model and the term frequencies.
            names: The groups of features.
            cost: C of the logistic regressions, the inverse of the regularisation strength.
            rng: Assigns queries to folds.
            language: The language of the texts.

        Raises:
            DataError: There are too few examples.
        """
        by_document: dict[str, TrainingExample] = {}
        for example in examples:
            by_document.setdefault(example.document, example)
        queries = list(dict.fromkeys(example.query for example in by_document.values()))
        fold_of = {queries[int(i)]: index % FOLDS for index, i in enumerate(rng.permutation(len(queries)))}
        folds: list[list[TrainingExample]] = [[] for _ in range(FOLDS)]
        for example in by_document.values():
            folds[fold_of[example.query]].append(example)
        pairs = [(e.query, text) for e in by_document.values() for text in (e.document, *e.attacked)]
        if not pairs:
            raise DataError("a detector cannot be trained on no text", hint="use more queries, or more documents")
        features = DetectorFeatures(names, list(documents), pairs, language)
        return cls(features, tuple(FoldClassifier.fit(fold, features, cost) for fold in folds))

    def anomaly_score(self, query: str, documents: Sequence[str]) -> NDArray[np.float64]:
        """Return float64[n]."""
        if not documents:
            return np.empty(0, dtype=np.float64)
        pairs = [(query, document) for document in documents]
        rows = self.features.transform(pairs)
        log_odds = np.array([rows @ classifier.weights + classifier.bias for classifier in self.classifiers])
        mask = np.array([[classifier.is_out_of_fold(*pair) for pair in pairs] for classifier in self.classifiers])
        means: NDArray[np.float64] = (log_odds * mask).sum(axis=0) / mask.sum(axis=0)
        return means
