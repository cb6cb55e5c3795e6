"""Learned filter: tells attacked from clean texts, taught with attacks of the catalogue or with files of others'.

Source: Chen et al.: Defense of Adversarial Ranking Attack in Text Retrieval, arXiv 2307.16816: supervised detectors
find the attacks they were taught, and miss others; one that reads the query learns relevance, and drops relevant
documents.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from robustrank.adversarial import adversarial_files, read_adversarial
from robustrank.attack import Attack
from robustrank.collections.collection import Collection
from robustrank.defense import Defense
from robustrank.errors import DataError, UsageError
from robustrank.plugins import create
from robustrank.plugins.specification import parse
from robustrank.rankers.ranker import Ranker
from robustrank.rankers.serving import ServedRanker
from robustrank.victim import Access, QueryInterface, Target, blind_victim

from .parts.cross_fitting import CrossFitEnsemble, Feature, TrainingExample
from .parts.filtering import check_share, filtered


@dataclass(frozen=True)
class LearnedFilter(Defense):
    """Ranks last what looks like the attacked texts it was taught, more than nearly all clean documents do.

    Query words must not teach it relevance. So every attacked text stands against the same document as it was; as many
    lessons again are clean documents that the first stage ranks best for the query, in which its words stand by right;
    and no feature reads the query, unless ``overlap`` is asked for. Files hold no such documents: with them alone,
    expect ``overlap`` to learn relevance. Who judges has learned from neither the query nor the document.
    """

    attacks: tuple[str, ...] = ("keyword-stuffing", "random-trigger", "random-edit")  # what makes its attacked texts
    files: tuple[str, ...] = ()  # attacked documents to learn from besides: run folders, or DARA's layout
    features: tuple[Feature, ...] = (
        "ngrams",
        "style",
    )  # ngrams: tf-idf; style: surprise, repetition; overlap: spamicity
    documents: int = 300  # documents that are attacked, each by every attack; the same number of clean ones beside them
    cost: float = 1.0  # C of the logistic regressions, the inverse of their regularisation
    target_fpr: float = 0.05  # share of clean candidates that may be flagged

    reference = "Chen et al., arXiv 2307.16816, sections 4 and 5"
    deviations = (
        "logistic regressions on tf-idf and on the style of the text in place of BERT and RoBERTa; taught by attacks "
        "that ask no victim, or by files; the threshold comes from clean candidates"
    )

    def __post_init__(self) -> None:
        check_share(self.target_fpr)
        if not (self.attacks or self.files):
            raise ValueError("attacks=[], files=[]; it has to learn from one of them")
        if not self.features or self.documents < 1 or self.cost <= 0:
            raise ValueError(
                f"features={list(self.features)}, documents={self.documents}, cost={self.cost}; some feature, one "
                "document at the least, and a cost above 0"
            )

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the files."""
        digest = hashlib.sha256()
        for path in self._paths():
            digest.update(path.read_bytes())
        return digest.hexdigest()[:16] if self.files else ""

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker behind the filter.

        Raises:
            DataError: scikit-learn is not installed, a file cannot be read, or there is too little to learn from.
            UsageError: An attack asks a victim, or edits queries.
        """
        if find_spec("sklearn") is None:
            raise DataError("scikit-learn is not installed", hint='pip install "robustrank[learned]"')
        training_split = [*self._from_files(rng), *self._from_attacks(ranker, collection, rng)]
        ensemble = CrossFitEnsemble.scorer_trained_on(
            training_split, collection.documents.values(), self.features, self.cost, rng
        )
        name = f"learned|{collection.fingerprint}|{ensemble.digest}"
        return filtered(ranker, ensemble, collection, self.target_fpr, name, rng)

    def _from_files(self, rng: np.random.Generator) -> Iterator[TrainingExample]:
        """Yield ``documents`` drawn documents, each with all that the files' attacks made of it for its first query."""
        found: dict[str, tuple[str, list[str]]] = {}
        for path in self._paths():
            for record in read_adversarial(path):
                query, texts = found.setdefault(record.before, (record.query, []))
                if query == record.query and record.after != record.before:
                    texts.append(record.after)
        documents = list(found)
        for place in rng.permutation(len(documents))[: self.documents].tolist():
            query, texts = found[documents[place]]
            yield TrainingExample(query, documents[place], tuple(texts))

    def _from_attacks(
        self, ranker: Ranker, collection: Collection, rng: np.random.Generator
    ) -> Iterator[TrainingExample]:
        """Yield attacked candidates, and beside each a clean one that is among the best for the query."""
        attacks = [self._attack(specification) for specification in self.attacks]
        served = ServedRanker(ranker)
        for attack in attacks:
            attack.prepare(QueryInterface(served, Access.NOTHING), collection, rng)
        for query_id, best, drawn in _drawn(collection, self.documents if attacks else 0, rng):
            query, document = collection.queries[query_id], collection.documents[drawn]
            target = Target(query_id, query, drawn, document, 1)
            victim = blind_victim(served, target)
            texts = [attack.perturb(target, victim, rng).text for attack in attacks]
            yield TrainingExample(query, document, tuple(text for text in texts if text != document))
            yield TrainingExample(query, collection.documents[best])

    def _attack(self, specification: str) -> Attack:
        attack: Attack = create("attack", parse(specification))
        if attack.access > Access.NOTHING or attack.edits != "document":
            raise UsageError(
                f"a detector cannot be taught with {specification!r}",
                where="learned-filter: attacks",
                allowed="attacks on documents that ask no victim; texts of others come from files",
            )
        return attack

    def _paths(self) -> list[Path]:
        return [path for name in self.files for path in adversarial_files(name)]


def _drawn(collection: Collection, count: int, rng: np.random.Generator) -> Iterator[tuple[str, str, str]]:
    """Yield a query, its best candidate and another one, turn by turn over the queries; no document comes twice."""
    query_ids = list(collection.queries)
    order = [query_ids[i] for i in rng.permutation(len(query_ids)).tolist()]
    taken: set[str] = set()
    left = count
    while left:
        before = left
        for query_id in order:
            own = [doc_id for doc_id in collection.candidates[query_id] if doc_id not in taken]
            if left and len(own) > 1:
                drawn = own[1 + int(rng.integers(len(own) - 1))]
                taken |= {own[0], drawn}
                left -= 1
                yield query_id, own[0], drawn
        if left == before:
            return
