"""Conformance of the built-in rankers with weights: tiny ones, random or trained on a few texts."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from robustrank.plugins import create
from robustrank.plugins.specification import Spec
from robustrank.testing import RankerConformance
from robustrank.testing.samples import COLLECTION
from tests.rankers.tiny_models import save

SHORT = "query_length=8,document_length=24"  # so that they are quick


@pytest.mark.slow
class OnTinyModel(RankerConformance):
    """A model of random weights in a folder."""

    auto: ClassVar[str]
    options: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(autouse=True, scope="class")
    def _folder(self, request, tmp_path_factory):
        request.cls.folder = save(tmp_path_factory.mktemp("model"), "bert", self.auto, **self.options)

    def specification(self):
        return Spec(self.plugin, {"model": str(self.folder), "max_length": 32})


class TestBiEncoder(OnTinyModel):
    plugin = "bi-encoder"
    auto = "AutoModel"


class TestCrossEncoder(OnTinyModel):
    plugin = "cross-encoder"
    auto = "AutoModelForSequenceClassification"
    options: ClassVar = {"num_labels": 1}


class TestSegmentCosine(OnTinyModel):
    plugin = "segment-cosine"
    auto = "AutoModel"


class TestLateInteraction(OnTinyModel):
    plugin = "late-interaction"
    auto = "AutoModel"


class TestSplade(OnTinyModel):
    plugin = "splade"
    auto = "AutoModelForMaskedLM"


class Trained(RankerConformance):
    """A ranker that is trained on the sample collection first."""

    settings: ClassVar[dict[str, Any]] = {"epochs": 1, "negatives": 1, "positives": 1}

    @pytest.fixture(autouse=True, scope="class")
    def _trained(self, request, tmp_path_factory):
        folder = str(tmp_path_factory.mktemp("trained") / "model")
        ranker = create("ranker", super().specification())
        ranker.fit(COLLECTION.only(["q", "q2"]), COLLECTION.only(["q3"]), 0, folder, self.settings)
        request.cls.folder = folder

    def new_ranker(self):
        return super().new_ranker().load(self.folder)


@pytest.mark.slow
class TestDSSM(Trained):
    plugin = f"dssm:{SHORT}"


@pytest.mark.slow
class TestDRMM(Trained):
    plugin = f"drmm:{SHORT}"


@pytest.mark.slow
class TestKNRM(Trained):
    plugin = f"knrm:dimension=8,{SHORT}"


@pytest.mark.slow
class TestConvKNRM(Trained):
    plugin = f"conv-knrm:filters=8,dimension=8,{SHORT}"


@pytest.mark.slow
class TestDuet(Trained):
    plugin = f"duet:hidden=16,dimension=8,{SHORT}"


class TestRankSVM(Trained):
    plugin = "rank-svm"
    settings: ClassVar = {"costs": [0.1]}

    @pytest.fixture(autouse=True, scope="class")
    def _installed(self):
        pytest.importorskip("sklearn")


class TestLambdaMART(Trained):
    plugin = "lambda-mart"
    settings: ClassVar = {"trees": 5, "least": 1}

    @pytest.fixture(autouse=True, scope="class")
    def _installed(self):
        pytest.importorskip("lightgbm")
