"""Conformance of the built-in attacks; a plug-in author's test looks like these classes."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from robustrank.attack import Edit, apply_edits
from robustrank.plugins.specification import Spec
from robustrank.testing import AttackConformance
from robustrank.testing.samples import TEXTS
from tests.tiny_language_model import tiny_language_model, tiny_paraphraser
from tests.tiny_table import tiny_table


class TestKeywordStuffing(AttackConformance):
    plugin = "keyword-stuffing:repeats=2,what=keywords,position=middle"


class TestStuffingSearch(AttackConformance):
    plugin = "stuffing-search:trials=6"


class TestCharacterTypos(AttackConformance):
    plugin = "character-typos:typos=2"


class TestRandomEdit(AttackConformance):
    plugin = "random-edit"


class TestWordSubstitution(AttackConformance):
    plugin = f"word-substitution:max_words=3,table={tiny_table()}"


def test_edits_that_overlap_are_refused():
    with pytest.raises(ValueError, match="overlaps"):
        apply_edits("abc", (Edit(0, 2, "x"), Edit(1, 3, "y")))


class TestHotFlip(AttackConformance):
    plugin = "hotflip:length=3,minimum_documents=1,sweeps=2,restarts=2,candidates=4"


class TestUniversalTrigger(AttackConformance):
    plugin = "universal-trigger:length=3,minimum_documents=1,sweeps=1,restarts=2,candidates=4,pairs=4"


class TestCorpusPoisoning(AttackConformance):
    plugin = "corpus-poisoning:length=5,minimum_documents=1,steps=4,clusters=2"


class TestGaslite(AttackConformance):
    plugin = "gaslite:length=4,clusters=2,iterations=2,gradients=3,tokens=8,positions=2,candidates=6,text=bridge"


class TestPoisonedRag(AttackConformance):
    plugin = "poisoned-rag"


class TestPoisonedRagOfTheWhiteBox(AttackConformance):
    plugin = "poisoned-rag:form=white-box,iterations=3,candidates=5"


class TestPoisonedRagFromRandomWords(AttackConformance):
    plugin = "poisoned-rag:form=white-box,iterations=3,candidates=5,start=random,length=4"


class TestPassageInjection(AttackConformance):
    plugin = "passage-injection:sentences=2"


class TestRandomPassageInjection(AttackConformance):
    plugin = "passage-injection:what=random,position=end"


class TestPromptInjection(AttackConformance):
    plugin = "prompt-injection:what=criteria,position=middle"


class TestGreedySubstitution(AttackConformance):
    plugin = f"greedy-substitution:table={tiny_table()}"


class TestGreedySubstitutionByRanks(AttackConformance):
    plugin = f"greedy-substitution:table={tiny_table()},feedback=ranks,search=random"


class TestRandomTrigger(AttackConformance):
    plugin = "random-trigger"


class TestTruncation(AttackConformance):
    plugin = "truncation"


SURROGATE = {"surrogate": "victim", "language_model": tiny_language_model()}


class WithLanguageModel(AttackConformance):
    parameters: ClassVar[dict[str, Any]]

    def specification(self):
        return Spec(self.plugin, {**SURROGATE, **self.parameters})


class TestPAT(WithLanguageModel):
    plugin = "pat"
    parameters: ClassVar = {"length": 2, "beams": 2, "candidates": 4, "similar": 3}


class TestPATWithoutCoherence(WithLanguageModel):
    plugin = "pat"
    parameters: ClassVar = {"length": 2, "beams": 2, "candidates": 4, "coherence": 0.0, "position": "end"}


@pytest.mark.slow
class TestIDEM(WithLanguageModel):
    plugin = "idem"
    parameters: ClassVar = {"sentences": 6, "places": 2}


class TestAggressiveCollision(AttackConformance):
    plugin = "semantic-collision:length=3,minimum_documents=1,filters=2,steps=4,candidates=4,rounds=2"


@pytest.mark.slow
class TestRegularisedCollision(WithLanguageModel):
    plugin = "semantic-collision"
    parameters: ClassVar = {"kind": "regularised", "length": 3, "minimum_documents": 1, "filters": 2, "candidates": 4}


class TestNaturalCollision(WithLanguageModel):
    plugin = "semantic-collision"
    parameters: ClassVar = {"kind": "natural", "length": 3, "filters": 2, "candidates": 4}


class TestGivenQueries(AttackConformance):
    plugin = "given-queries"

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path):
        self.file = tmp_path / "queries.tsv"
        self.file.write_text("q\taircraft wngs and presure\n", encoding="utf-8")

    def specification(self):
        return Spec(self.plugin, {"files": [str(self.file)]})


class TestReplay(AttackConformance):
    plugin = "replay"

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path):
        edits = [{"start": 0, "end": 0, "text": "wings "}]
        record = {"query_id": "q", "query": "q", "doc_id": "d0", "before": TEXTS[0], "after": f"wings {TEXTS[0]}"}
        self.file = tmp_path / "adversarial.jsonl"
        self.file.write_text(json.dumps({**record, "edits": edits}) + "\n", encoding="utf-8")

    def specification(self):
        return Spec(self.plugin, {"path": str(self.file)})

    def test_replaces_the_document_of_the_file(self):
        assert self.perturb(TEXTS[0]).text.startswith("wings ")


@pytest.mark.slow
class TestParaphrase(AttackConformance):
    plugin = "paraphrase"

    def specification(self):
        return Spec(self.plugin, {"model": tiny_paraphraser(), "beams": 2, "max_length": 8})
