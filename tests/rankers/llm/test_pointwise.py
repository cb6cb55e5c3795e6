"""Pointwise rankers: each way of scoring orders by what the model says, and depends on the pair alone."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from robustrank.errors import DataError
from robustrank.plugins import Spec, create
from robustrank.rankers.llm.backend import CallFailed
from robustrank.rankers.llm.pointwise import LLMPointwise
from robustrank.rankers.serving import ServedRanker
from robustrank.testing import RankerConformance
from tests.lists import request
from tests.rankers.llm import scripts
from tests.tiny_language_model import tiny_language_model

SCRIPTS = scripts.__file__
DOCUMENTS = {f"d{number}": f"a text of grade {number * 3 % 10}" for number in range(10)}

LIKELIHOODS = '''
"""Gives likelihoods and probabilities by the grade of a document."""
import math

from robustrank.rankers.llm.backend import Answer, Backend, NextToken
from tests.rankers.llm.scripts import grade


class Likelihoods(Backend):
    def generate(self, prompt, decoding):
        text = f"thinking of </think> grade <answer>{grade(prompt.shown[0].text)}</answer>"
        ends = [text.index(stop) for stop in decoding.stop if stop in text]
        return Answer(text[: min(ends, default=None)])

    def log_likelihood(self, prompt, continuation):
        value = grade(prompt.shown[0].text)
        target = {" Highly Relevant": 10, " Somewhat Relevant": 5, " Not Relevant": 0}.get(continuation)
        return (value - 100.0 if target is None else -abs(value - target)), 3

    def next_token(self, prompt, spellings):
        value = grade(prompt.shown[0].text)
        weights = {s: 1.0 for s in spellings}
        for good in ("yes", "true"):
            weights |= {good: 1.0 + value} if good in weights else {}
        for digit in "01234":
            weights |= {digit: math.exp(-abs(value / 2.5 - int(digit)))} if digit in weights else {}
        total = sum(weights.values())
        logs = {s: math.log(w / total) for s, w in weights.items()}
        top = tuple(sorted(logs.items(), key=lambda item: -item[1]))[:20]
        return NextToken(top, logs, is_complete=True)
'''


@pytest.mark.slow
class TestPointwise(RankerConformance):
    plugin = "llm-pointwise"

    def specification(self):
        llm = f"transformers:model={tiny_language_model()}"
        return Spec(self.plugin, {"llm": llm, "scoring": "query-likelihood", "passage_words": 40})


@pytest.mark.parametrize(
    "scoring",
    ["yes-no", "query-likelihood", "rating", "rating-words", "monot5", "qwen3-reranker", "grade", "rank1"],
)
def test_a_model_that_knows_the_grades_gives_the_ideal_order(scoring, tmp_path):
    (tmp_path / "likelihoods.py").write_text(LIKELIHOODS)
    ranker = create("ranker", Spec("llm-pointwise", {"llm": str(tmp_path / "likelihoods.py"), "scoring": scoring}))
    ranker.check()
    asked = request(DOCUMENTS, "which text")
    (ranking,) = ServedRanker(ranker).rank([asked])
    grades = [scripts.grade(asked.candidates[position].text) for position in ranking.order]
    assert grades == sorted(grades, reverse=True)


def test_the_peak_of_a_rating_is_the_log_probability_of_the_highest_grade(tmp_path):
    (tmp_path / "likelihoods.py").write_text(LIKELIHOODS)
    ranker = LLMPointwise(str(tmp_path / "likelihoods.py"), scoring="rating-peak")
    scores = ranker.score([("q", "grade 9"), ("q", "grade 0")])
    assert scores[1] < scores[0] < 0


def test_a_model_whose_next_token_is_no_label_is_refused():
    with pytest.raises(DataError, match="none of the labels 'yes', 'no' is among"):
        LLMPointwise(f"{SCRIPTS}:Garbage").score([("q", "d")])


def test_a_label_that_is_no_single_token_of_the_model_is_refused():
    with pytest.raises(DataError, match=r"no single tokens|none of the labels"):
        LLMPointwise(f"transformers:model={tiny_language_model()}").score([("q", "d")])


def test_little_mass_on_the_labels_is_told_once(tmp_path, caplog):
    (tmp_path / "doubts.py").write_text(LIKELIHOODS.replace("/ total", "/ total / 4"))
    with caplog.at_level(logging.WARNING):
        LLMPointwise(str(tmp_path / "doubts.py")).score([("q", "grade 9"), ("q", "grade 0")])
    assert [record.message for record in caplog.records if "25% of the next token's probability" in record.message]
    assert len(caplog.records) == 1


def test_an_answer_without_a_grade_gets_the_lowest_and_is_told(caplog):
    with caplog.at_level(logging.WARNING):
        scores = LLMPointwise(f"{SCRIPTS}:Garbage", scoring="grade").score([("q", "grade 9"), ("q", "grade 0")])
    assert scores.tolist() == [0.0, 0.0]
    assert len([record for record in caplog.records if "has no grade from 0 to 10" in record.message]) == 1


def test_a_failed_call_is_no_score():
    with pytest.raises(CallFailed):
        LLMPointwise(f"{SCRIPTS}:Fails", scoring="grade").score([("q", "d")])


def test_a_template_of_ones_own_is_used_and_is_part_of_the_identity(tmp_path):
    from robustrank.plugins.identity import identity_parts

    own = tmp_path / "own.j2"
    own.write_text('{% call turn("user") %}{{ query }}? {{ passage.text }}{% endcall %}')
    parameters = {"llm": f"{SCRIPTS}:YesByGrade", "template": str(own)}
    first = identity_parts("ranker", Spec("llm-pointwise", parameters))
    prompt = create("ranker", Spec("llm-pointwise", parameters))._prompt(
        "q [1]", request({"d": "t\n[2]"}, "q").candidates, [""], 1
    )
    assert [turn.text for turn in prompt.turns] == ["q (1)? t (2)"]
    own.write_text(own.read_text() + "\n")
    assert identity_parts("ranker", Spec("llm-pointwise", parameters)) != first


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{ nothing }}", "'nothing' is undefined"),
        ('text {% call turn("user") %}x{% endcall %}', "outside of its turns"),
        ('{% call turn("boss") %}x{% endcall %}', "unknown role 'boss'"),
        ("{{ ().__class__ }}", "unsafe"),
        ("{% if %}", "cannot be rendered"),
    ],
)
def test_a_template_that_cannot_be_rendered_is_refused(template, says, tmp_path):
    (tmp_path / "own.j2").write_text(template)
    with pytest.raises(DataError, match=says):
        LLMPointwise(f"{SCRIPTS}:YesByGrade", str(tmp_path / "own.j2")).score([("q", "d")])
    with pytest.raises(DataError, match="there is no template"):
        LLMPointwise(f"{SCRIPTS}:YesByGrade", "no-such").check()


def test_a_prompt_that_is_too_long_shows_fewer_words_and_says_so():
    llm = f"transformers:model={tiny_language_model()}"
    ranker = LLMPointwise(llm, scoring="query-likelihood", passage_words=900)
    text = " ".join(["wings"] * 1000)
    read = ranker.characters_read("wings", text)
    assert 0 < read < len("wings " * 500)
    first, second = ranker.score([("wings", text), ("wings", text[:read] + " economy" * 700)])
    assert first == second
    assert np.isfinite(first)
