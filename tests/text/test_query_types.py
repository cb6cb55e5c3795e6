"""Schemes of query types: question form, length, topic."""

from __future__ import annotations

import pytest

from robustrank.errors import UsageError
from robustrank.text.query_types import length_bands, question_forms, scheme_named, topics


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("who wrote hamlet", "who"),
        ("to whom does it belong", "who"),
        ("How many people live in Sydney?", "how many"),
        ("how much does it cost", "how many"),
        ("how is lift generated", "how"),
        ("what is known of flutter where the flow separates", "what"),
        ("papers on where and why wings stall", "where"),
        ("is there any work on slender bodies", "yes or no"),
        ("Can a wing stall", "yes or no"),
        ("supersonic boundary layer", "keyword"),
        ("whatever works however well", "keyword"),  # inside a word there is no question word
        ("", "keyword"),
    ],
)
def test_the_first_question_word_is_the_form(text, form):
    assert question_forms([text]) == [form]


def test_length_bands_include_their_ends():
    texts = [" ".join(["w"] * n) for n in (0, 1, 4, 5, 8, 9, 12, 13, 40)]
    assert length_bands(texts) == [
        "1-4 words", "1-4 words", "1-4 words", "5-8 words", "5-8 words", "9-12 words", "9-12 words",
        "13 words or more", "13 words or more",
    ]  # fmt: skip


def test_topics_separate_subjects_and_do_not_depend_on_the_order():
    pytest.importorskip("sklearn")
    subjects = {
        "wing": ["lift of a wing", "wing stall and lift", "drag on a swept wing", "wing loading and lift"],
        "heat": ["heat transfer to a blunt nose", "heat conduction in slabs", "transfer of heat by radiation"],
        "virus": ["virus infection of lung cells", "lung cells resist the virus", "antibodies against a virus"],
        "budget": ["budget deficit and taxes", "taxes in the federal budget", "the budget raises taxes"],
    }
    texts = [text for queries in subjects.values() for text in queries]
    types = topics(texts)
    assert len(set(types)) == 4
    start = 0
    for word, queries in subjects.items():
        assert len(set(types[start : start + len(queries)])) == 1, word
        start += len(queries)
    assert topics(texts[::-1]) == types[::-1]
    assert topics([*texts, texts[0]]) == [*types, types[0]]


def test_schemes_by_name_and_import_path_and_the_nearest_name_for_an_unknown_scheme():
    assert scheme_named("robustrank.text.query_types:question_forms") is question_forms
    with pytest.raises(UsageError, match="question-form"):
        scheme_named("question-forms")
    with pytest.raises(UsageError, match="imported"):
        scheme_named("nowhere.at_all:here")
