"""Helpers that several attacks share: greedy substitution search, edit budget and preparation."""

from __future__ import annotations

import numpy as np
import pytest
from robustrank.attacks.parts.budget import sample_indices, words_to_change
from robustrank.attacks.parts.passages import SHORT, passage_bound, passage_search, words_read
from robustrank.attacks.parts.preparation import require_prepared
from robustrank.attacks.parts.random_text import randomise_words
from robustrank.attacks.parts.substitution import greedy_search
from robustrank.attacks.parts.victim_feedback import query_victim

from robustrank.attack import Perturbation
from robustrank.randomness import derive
from robustrank.text.fitting import fitting
from robustrank.text.table import symmetric
from robustrank.text.words import words
from robustrank.victim import BudgetExhausted

TABLE = symmetric({"lift": ["drag", "rise"], "wing": ["blade"], "fast": ["quick"], "loud": ["noisy"]}, {})
DOCUMENT = "Lift of the loud, fast wing."
VALUES = {"drag": -1.0, "rise": 2.0, "blade": 3.0, "quick": 1.0, "noisy": 0.0}


def search(max_words, budget=99):
    """Return the perturbation, and the number of texts that were evaluated."""
    document_words, evaluated = words(DOCUMENT), []

    def objective(texts):
        if len(evaluated) + len(texts) > budget:
            raise BudgetExhausted
        evaluated.extend(texts)
        return np.array([sum(VALUES.get(word.key, 0.0) for word in words(text)) for text in texts])

    options = fitting(DOCUMENT, document_words, TABLE, "en").items()
    return greedy_search(DOCUMENT, document_words, options, max_words, objective), len(evaluated)


def test_greedy_search_accepts_the_best_substitute_of_each_word_within_max_words():
    assert search(9)[0].text == "Rise of the loud, quick blade."
    assert search(2)[0].text == "Rise of the loud, quick wing."
    assert search(0)[0].text == DOCUMENT


def test_greedy_search_returns_the_accepted_substitutions_when_the_budget_is_exhausted():
    attacked, evaluated = search(9, budget=3)
    assert (attacked.text, attacked.exhausted, evaluated) == ("Rise of the loud, fast wing.", True, 3)
    assert not search(9)[0].exhausted
    assert search(9, budget=0)[0].text == DOCUMENT


TEXT = "Lift of the loud wing, and a fast engine. " * 9  # 81 words
TRIED = [(i, key) for i, word in enumerate(words(TEXT)) for key in TABLE.substitutes(word.key)]


def search_by_passages(objective, max_words=3, substitutions=TRIED):
    """Return the perturbation, and the distinct texts that were evaluated."""
    evaluated = {}

    def once(texts):
        evaluated.update(dict.fromkeys(texts))
        return np.array([objective(text) for text in texts], dtype=np.float64)

    return passage_search(TEXT, "?", words(TEXT), substitutions, max_words, once), list(evaluated)


def value(text):
    return sum(VALUES.get(word.key, 0.0) for word in words(text)) + ("?" in text)


def test_passage_search_finds_the_best_substitutions_with_few_words_read_and_keeps_its_bound():
    attacked, evaluated = search_by_passages(value)
    assert [edit.text for edit in attacked.edits] == ["blade"] * 3
    assert len(evaluated) <= passage_bound(TRIED, len(words(TEXT)), 3)
    assert sum(len(words(text)) for text in evaluated) < 12 * len(words(TEXT))  # of 45 substitutions


def test_passage_search_finds_where_the_victim_stops_reading():
    def truncated(text):
        return value(text[:70])  # the first 16 words

    assert 16 - SHORT <= words_read(TEXT, "?", words(TEXT), truncated(TEXT), lambda texts: [truncated(texts[0])]) <= 16
    assert words_read(TEXT, "?", words(TEXT)[:5], truncated(TEXT), lambda texts: [truncated(texts[0])]) == 5
    attacked, evaluated = search_by_passages(truncated, max_words=9)
    assert {edit.start < 70 for edit in attacked.edits} == {True}
    assert truncated(attacked.text) > truncated(TEXT)
    assert len(evaluated) <= passage_bound(TRIED, len(words(TEXT)), 9)


def test_passage_search_takes_half_of_the_substitutions_until_the_document_gains():
    def worse_together(text):
        return value(text) - 100 * (text.count("blade") > 1)

    attacked, evaluated = search_by_passages(worse_together, max_words=4)
    assert [edit.text for edit in attacked.edits] == ["blade"]
    assert len(evaluated) <= passage_bound(TRIED, len(words(TEXT)), 4)
    assert not search_by_passages(lambda text: -float(text != TEXT))[0].edits
    assert search_by_passages(value, substitutions=[])[0] == Perturbation(TEXT)


def test_the_edit_budget_is_a_count_or_a_share():
    assert [words_to_change(10, count, None) for count in (0, 3, 99)] == [0, 3, 10]
    assert [words_to_change(10, 1, rate) for rate in (0.0, 0.01, 0.5, 1.0)] == [0, 1, 5, 10]


def test_sampled_indices_are_distinct_and_ascending():
    samples = [sample_indices([2, 3, 5, 7], 3, derive(seed)) for seed in range(20)]
    assert all(sample == sorted(set(sample)) and set(sample) <= {2, 3, 5, 7} for sample in samples)
    assert len({tuple(sample) for sample in samples}) == 4


def test_feedback_by_ranks_is_higher_for_better_ranks():
    class RankedVictim:
        def ranks(self, texts):
            return np.arange(1, len(texts) + 1)

    assert query_victim(RankedVictim(), "ranks", ["a", "b"]).tolist() == [-1.0, -2.0]


def test_an_attack_that_is_not_prepared_is_refused():
    with pytest.raises(RuntimeError, match="prepare"):
        require_prepared(None)
    with pytest.raises(RuntimeError, match="prepare"):
        randomise_words("a wing", [], derive(0))
