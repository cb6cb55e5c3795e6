"""Learned filter: classifies attacked and clean texts, trained on attacks of the catalogue or on files.

Source: Chen et al.: Defense of Adversarial Ranking Attack in Text Retrieval, arXiv 2307.16816: supervised detectors
find the attacks they were trained on and miss others; a detector that reads the query learns relevance, and drops
relevant documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import numpy as np

from robustrank.adversarial import adversarial_files, read_adversarial
from robustrank.attack import Attack
from robustrank.collections.collection import Collection
from robustrank.defense import Defense
from robustrank.errors import DataError, UsageError
from robustrank.plugins import AttackSpec, NamedFiles, create
from robustrank.plugins.constraints import Count, InnerShare, Positive, Several
from robustrank.plugins.specification import parse
from robustrank.prepared_attack import prepare
from robustrank.rankers.ranker import Ranker
from robustrank.rankers.serving import ServedRanker
from robustrank.text.languages import common_languages
from robustrank.victim import Access, QueryInterface, Target, blind_victim

from .parts.cross_fitting import CrossFitEnsemble, Feature, TrainingExample
from .parts.filtering import filter_ranker

AttackedDocuments = Annotated[tuple[str, ...], NamedFiles("_paths")]


@dataclass(frozen=True)
class LearnedFilter(Defense):
    """Demotes documents whose anomaly score exceeds the (1 - FPR) quantile of clean documents.

    To avoid learning relevance, each adversarial example is paired with its clean document; as many further examples
    are clean documents that the first stage ranks best for the query, which hold its words by right; and no feature
    reads the query, except ``overlap``. Files hold no such documents: with files alone, expect ``overlap`` to learn
    relevance. Predictions are out-of-fold with respect to query and document.
    """

    attacks: tuple[AttackSpec, ...] = (
        "keyword-stuffing",
        "random-trigger",
        "random-edit",
    )  # attacks that make the training texts
    files: AttackedDocuments = ()  # further attacked documents to train on: run folders, or files in DARA's layout
    features: Several[Feature] = (
        "ngrams",
        "style",
    )  # ngrams: tf-idf; style: surprisal, repetition; overlap: spamicity
    documents: Count = 300  # documents attacked, each by every attack; as many clean ones are added
    cost: Positive = 1.0  # C of the logistic regressions, the inverse of the regularisation strength
    target_fpr: InnerShare = 0.05  # share of clean candidates that may be flagged

    flags = passes_gradients = True
    reference = "Chen et al., arXiv 2307.16816, sections 4 and 5"
    deviations = (
        "logistic regressions on tf-idf and on the style of the text instead of BERT and RoBERTa; trained on attacks "
        "that do not query the victim, or on files; the threshold comes from clean candidates"
    )

    def __post_init__(self) -> None:
        if not (self.attacks or self.files):
            raise ValueError("attacks=[], files=[]; at least one of them must be given")

    @property
    def languages(self) -> tuple[str, ...]:
        """Those that all its attacks work on."""
        return common_languages(self._attack(specification).languages for specification in self.attacks)

    def check(self) -> None:
        """Refuse to learn without scikit-learn, and from attacks that query the victim, or edit queries."""
        if find_spec("sklearn") is None:
            raise DataError("scikit-learn is not installed", hint='pip install "robustrank[learned]"')
        for specification in self.attacks:
            self._attack(specification)

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker behind the filter.

        Raises:
            DataError: scikit-learn is not installed, a file cannot be read, or there are too few training examples.
            UsageError: An attack queries the victim, or edits queries.
        """
        self.check()
        examples = [*self._from_files(rng), *self._from_attacks(ranker, collection, rng)]
        documents, language = collection.documents.values(), collection.language
        ensemble = CrossFitEnsemble.fit(examples, documents, self.features, self.cost, rng, language)
        return filter_ranker(ranker, ensemble, collection, self.target_fpr, rng)

    def _from_files(self, rng: np.random.Generator) -> Iterator[TrainingExample]:
        """Yield ``documents`` sampled documents, each with its attacked versions for its first query."""
        versions: dict[str, tuple[str, list[str]]] = {}
        for path in self._paths():
            for record in read_adversarial(path):
                query, texts = versions.setdefault(record.before, (record.query, []))
                if query == record.query and record.after != record.before:
                    texts.append(record.after)
        documents = list(versions)
        for index in rng.permutation(len(documents))[: self.documents].tolist():
            query, texts = versions[documents[index]]
            yield TrainingExample(query, documents[index], tuple(texts))

    def _from_attacks(
        self, ranker: Ranker, collection: Collection, rng: np.random.Generator
    ) -> Iterator[TrainingExample]:
        """Yield attacked candidates, each followed by a clean candidate that ranks higher for the query."""
        attacks = [self._attack(specification) for specification in self.attacks]
        served = ServedRanker(ranker)
        prepared = [prepare(attack, QueryInterface(served, Access.NOTHING), collection, rng) for attack in attacks]
        for query_id, best, sampled in _sample_candidates(collection, self.documents if attacks else 0, rng):
            query, document = collection.queries[query_id], collection.documents[sampled]
            target = Target(query_id, query, sampled, document, 1, language=collection.language)
            victim = blind_victim(served, target)
            texts = [attack.perturb(target, victim, rng).text for attack in prepared]
            yield TrainingExample(query, document, tuple(text for text in texts if text != document))
            yield TrainingExample(query, collection.documents[best])

    def _attack(self, specification: str) -> Attack:
        attack: Attack = create("attack", parse(specification))
        if attack.access > Access.NOTHING or attack.edits != "document":
            raise UsageError(
                f"a detector cannot be trained on {specification!r}",
                where="learned-filter: attacks",
                allowed="attacks on documents without victim queries; `files` holds texts of other attacks",
            )
        return attack

    def _paths(self) -> list[Path]:
        return [path for name in self.files for path in adversarial_files(name)]


def _sample_candidates(collection: Collection, count: int, rng: np.random.Generator) -> Iterator[tuple[str, str, str]]:
    """Yield a query, its best candidate and a random lower one, round robin over the queries; no document twice."""
    query_ids = list(collection.queries)
    order = [query_ids[i] for i in rng.permutation(len(query_ids)).tolist()]
    taken: set[str] = set()
    left = count
    while left:
        before = left
        for query_id in order:
            doc_ids = [doc_id for doc_id in collection.candidates[query_id] if doc_id not in taken]
            if left and len(doc_ids) > 1:
                sampled = doc_ids[1 + int(rng.integers(len(doc_ids) - 1))]
                taken |= {doc_ids[0], sampled}
                left -= 1
                yield query_id, doc_ids[0], sampled
        if left == before:
            return
