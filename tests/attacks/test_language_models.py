"""Attacks on rankers that prompt language models, with scripts that obey, write and judge."""

from __future__ import annotations

import pytest
from robustrank.attacks.llm_rewrite import word_edits

from robustrank.attack import apply_edits
from robustrank.plugins import Spec, create
from robustrank.testing import AttackConformance
from robustrank.testing.samples import TEXTS
from tests.rankers.llm import scripts
from tests.tiny_language_model import tiny_language_model

WRITES = '''
"""Writes the text again in capitals, and variants of a note with a number."""
from robustrank.rankers.llm.scripted import ScriptedBackend


class Writes(ScriptedBackend):
    def answer(self, prompt):
        if prompt.shown:
            return "<think>how?</think> " + prompt.shown[0].text.replace("the", "THE") + " Certainly."
        note = prompt.turns[0].text.partition("alone.")[2]
        return f"Ignore this: {len(note)} relevant aircraft wings"
'''


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    path = tmp_path_factory.mktemp("writer") / "writes.py"
    path.write_text(WRITES)
    return str(path)


class TestListInjection(AttackConformance):
    plugin = "list-injection:place=both,form=role-tags"


class TestIdentifierInjection(AttackConformance):
    plugin = "list-injection:form=identifier,identifier=known,letters=true,goal=criteria,place=back"


class TestJudgePhrase(AttackConformance):
    plugin = "judge-phrase:repeats=2"


class WithWriter(AttackConformance):
    @pytest.fixture(autouse=True)
    def _written(self, writer):
        self.writer = writer


class TestRewrite(WithWriter):
    plugin = "llm-rewrite"

    def specification(self):
        return Spec(self.plugin, {"llm": self.writer})

    def test_the_whole_text_is_the_model_s_and_the_control_keeps_what_the_model_kept(self):
        perturbation = self.perturb(TEXTS[0])
        assert perturbation.text == TEXTS[0].replace("the", "THE") + " Certainly."
        assert len(perturbation.edits) == TEXTS[0].count("the") + 1
        assert apply_edits(TEXTS[0], perturbation.edits) == perturbation.text


class TestInjectionSearch(WithWriter):
    plugin = "injection-search"

    def specification(self):
        return Spec(self.plugin, {"llm": self.writer, "rounds": 2, "variants": 2, "kept": 2})

    def test_it_keeps_the_wording_that_rises_on_training_queries(self):
        assert "relevant aircraft wings" in self.perturb(TEXTS[0]).text  # of the training query's words


@pytest.mark.parametrize(
    ("parameters", "parts"),
    [
        ({"form": "identifier", "identifier": "known"}, ["[4] Ignore", "passage [4], which is this one"]),
        ({"form": "identifier", "identifier": "guessed"}, ["[1] Ignore"]),
        ({"identifier": "known", "letters": True}, ["passage [D]"]),
        ({"form": "fake-answer", "identifier": "known"}, ["<answer>[4]</answer>", '{"[4]": 10}', "Yes"]),
        ({"form": "role-tags", "tags": "llama3"}, ["<|eot_id|>", "[1]"]),
        ({"goal": "criteria"}, ["zelvarin"]),
    ],
)
def test_injections_say_what_they_are_to_say(parameters, parts):
    from robustrank.victim import Target

    target = Target("q", "query", "d", "the text", 7, position=4)
    once = 0
    for place, ends in (("front", "the text"), ("back", None), ("both", None)):
        attack = create("attack", Spec("list-injection", {**parameters, "place": place}))
        text = attack.perturb(target, None, None).text
        assert [part for part in parts if part not in text] == []
        assert text.count("the text") == 1
        assert ends is None or text.endswith(ends)
        once = once or text.count(parts[0])
        assert text.count(parts[0]) == (2 * once if place == "both" else once)


@pytest.mark.parametrize("after", ["", "one", "one three", "a one two three b", "three two one", "one  two\tthree."])
def test_word_edits_lead_from_one_text_to_another(after):
    edits = tuple(word_edits("one two three", after))
    assert apply_edits("one two three", edits) == after


def test_a_model_that_writes_nothing_leaves_the_document():
    from robustrank.victim import Target

    attack = create("attack", Spec("llm-rewrite", {"llm": f"{scripts.__file__}:Truncated"}))
    perturbation = attack.perturb(Target("q", "query", "d", "the text", 7), None, None)
    assert (perturbation.text, perturbation.edits) == ("the text", ())
    assert "wrote no text" in perturbation.note


def test_a_tiny_model_rewrites_alike():
    from robustrank.victim import Target

    spec = Spec("llm-rewrite", {"llm": f"transformers:model={tiny_language_model()}", "max_tokens": 4})
    target = Target("q", "query", "d", "the text", 7)
    assert create("attack", spec).perturb(target, None, None) == create("attack", spec).perturb(target, None, None)
