"""Query perturbations: which words each changes, how many, and which stay unchanged."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robustrank.attack import apply_edits
from robustrank.collections.collection import Collection
from robustrank.errors import DataError, UsageError
from robustrank.plugins import create
from robustrank.plugins.specification import Spec, parse
from robustrank.randomness import derive
from robustrank.rankers.lexical import BM25
from robustrank.rankers.serving import ServedRanker
from robustrank.testing import AttackConformance
from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.typos import HOMOGLYPHS, homoglyph
from robustrank.text.words import words
from robustrank.victim import Access, Budget, QueryVictim, Target
from tests.lists import served
from tests.tiny_language_model import tiny_paraphraser
from tests.tiny_table import tiny_table

QUERY = "what is the effect of supersonic flow on slender wing bodies"
DOCUMENTS = {
    "d1": "supersonic flow over a wing",
    "d2": "flow in a slender tube, and the effect of heat",
    "d3": "the flow of news",
    "d4": "bodies and the effect of flow",
}


class TestDrop(AttackConformance):
    plugin = "query-words:operation=drop,count=2"


class TestRepeat(AttackConformance):
    plugin = "query-words:operation=repeat,rate=0.5"


class TestShuffle(AttackConformance):
    plugin = "query-words:operation=shuffle"


class TestSynonym(AttackConformance):
    plugin = f"query-words:operation=synonym,table={tiny_table()}"


class TestContent(AttackConformance):
    plugin = "naturality"


class TestKeywords(AttackConformance):
    plugin = "naturality:keep=keywords,keywords=2"


class TestTypoRate(AttackConformance):
    plugin = "character-typos:rate=1.0,operations=[homoglyph]"


class TestTypoSearch(AttackConformance):
    plugin = "typo-search:typos=2,trials=4"


def attack(text, queries=(QUERY,)):
    prepared = create("attack", parse(text))
    collection = Collection("c", {str(i): q for i, q in enumerate(queries)}, DOCUMENTS, {}, {})
    prepared.prepare(None, collection, derive(0, "prepare"))
    return prepared


def perturbed(text, query=QUERY, seed=0, variant=0):
    target = replace(Target("0", query, "", "", 0), variant=variant)
    perturbation = attack(text, (query,)).perturb(target, None, derive(seed, "perturb"))
    assert apply_edits(query, perturbation.edits) == perturbation.text
    return perturbation.text


def keys(text):
    return [word.key for word in words(text)]


def test_drop_removes_the_given_number_of_content_words():
    for seed in range(20):
        dropped = Counter(keys(QUERY)) - Counter(keys(perturbed("query-words:operation=drop,count=2", seed=seed)))
        assert dropped.total() == 2
        assert not set(dropped) & STOP_WORDS
    assert set(keys(perturbed("query-words:operation=drop,rate=1.0"))) <= set(STOP_WORDS)
    assert perturbed("query-words:operation=drop,count=9", "flow wing") in ("flow", "wing")
    assert perturbed("query-words:operation=drop", "flow") == "flow"


def test_dropping_a_word_drops_one_space():
    queries = {perturbed("query-words:operation=drop", "slender wing bodies", seed) for seed in range(30)}
    assert queries == {"wing bodies", "slender bodies", "slender wing"}
    assert perturbed("query-words:operation=drop,count=2", "the wing bodies") == "the"


def test_repeat_inserts_each_word_after_itself():
    assert perturbed("query-words:operation=repeat,rate=1.0", "the slender wing") == "the slender slender wing wing"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from("flow wing heat the of nose cone".split()), min_size=1, max_size=6), st.integers(0, 99))
def test_shuffle_changes_the_order_of_the_words_alone(query_words, seed):
    query = " ".join(query_words)
    shuffled = perturbed("query-words:operation=shuffle", query, seed)
    assert Counter(shuffled.split()) == Counter(query_words)
    assert (shuffled == query) == (len(set(query_words)) == 1)


def test_synonyms_come_from_the_table(tmp_path):
    from robustrank.text.table import symmetric

    symmetric({"wing": ["airfoil"], "flow": ["stream"]}, {}).save(tmp_path / "table.json")
    text = f"query-words:operation=synonym,rate=1.0,table={tmp_path / 'table.json'}"
    assert perturbed(text, "Flow over the WING") == "Stream over the AIRFOIL"
    assert perturbed(text, "heat transfer") == "heat transfer"


def test_naturality_by_hand():
    assert perturbed("naturality") == " ".join(w for w in QUERY.split() if w not in STOP_WORDS)
    # tf-idf over the four documents: supersonic, wing, slender and bodies in one, effect in two, flow in all.
    assert perturbed("naturality:keep=keywords,keywords=4") == "supersonic slender wing bodies"
    assert perturbed("naturality", "the of") == "the of"


@pytest.mark.parametrize(("rate", "count"), [(0.0, 0), (0.01, 1), (0.5, 3), (1.0, 6)])
def test_a_rate_is_a_share_of_the_eligible_words(rate, count):
    query = "supersonic slender bodies effect wings flows of the"
    misspelt = perturbed(f"character-typos:rate={rate}", query)
    changed = [a for a, b in zip(misspelt.split(), query.split(), strict=True) if a != b]
    assert len(changed) == count


def test_an_invalid_rate_is_refused_before_anything_runs():
    for name in ("character-typos", "query-words"):
        with pytest.raises(UsageError, match="it must be 0 to 1"):
            create("attack", Spec(name, {"rate": 1.5}))


def test_homoglyphs_are_cyrillic_letters():
    import unicodedata

    for latin, cyrillic in HOMOGLYPHS.items():
        assert "LATIN" in unicodedata.name(latin)
        assert "CYRILLIC" in unicodedata.name(cyrillic)
    misspelt = homoglyph("space", derive(0, "h"))
    assert len(misspelt) == 5
    assert sum(a != b for a, b in zip("space", misspelt, strict=True)) == 1
    assert homoglyph("vwuz", derive(0, "h")) in ("wuz", "vuz", "vwz", "vwu")


def test_given_queries_are_read_from_their_files_in_order(tmp_path):
    for number in (1, 2):
        (tmp_path / f"typo{number}.tsv").write_text(f"0\tvariant {number}\n7\tunused\n")
    pattern = f"given-queries:files=[{tmp_path / 'typo*.tsv'}]"
    assert [perturbed(pattern, variant=i) for i in range(3)] == ["variant 1", "variant 2", "variant 1"]
    with pytest.raises(DataError, match="no file"):
        attack(f"given-queries:files=[{tmp_path / 'nothing.tsv'}]")


def test_paraphrases_are_the_hypotheses_of_beam_search():
    text = f"paraphrase:model={tiny_paraphraser()},beams=4,max_length=8"
    texts = [perturbed(text, "wing flow", variant=i) for i in range(3)]
    assert len(set(texts)) == 3
    assert "wing flow" not in texts
    assert texts == [perturbed(text, "wing flow", 9, i) for i in range(3)]
    assert np.all([text == " ".join(text.split()) for text in texts])


class TestDiacritics(AttackConformance):
    plugin = "diacritics:rate=0.5"


def test_diacritics_are_removed_from_a_share_of_the_words_that_have_any():
    assert perturbed("diacritics", "cầu đá bắc qua sông") == "cau da bac qua song"
    assert perturbed("diacritics", "plain words") == "plain words"
    halves = {perturbed("diacritics:rate=0.5", "cầu đá qua", seed) for seed in range(20)}
    assert halves == {"cau đá qua", "cầu da qua"}


def test_letters_of_a_typo_are_those_of_the_collection():
    prepared = create("attack", parse("character-typos:operations=[substitute]"))
    collection = Collection("c", {"0": "мост"}, {"d": "река и мост"}, {}, {}, language="ru")
    prepared.prepare(None, collection, derive(0, "prepare"))
    target = Target("0", "мост", "", "", 0, language="ru")
    typos = {prepared.perturb(target, None, derive(seed, "perturb")).text for seed in range(30)}
    assert set("".join(typos)) == set("рекаимост")


def test_the_form_that_moves_the_top_lowest_is_taken_within_the_budget():
    ranker = BM25()
    ranker.prepare(Collection("c", {"0": QUERY}, DOCUMENTS, {}, {"0": tuple(DOCUMENTS)}))
    clean = served(ranker, DOCUMENTS, QUERY)
    target = Target("0", QUERY, "", "", 0, clean.candidates)

    def searched(trials, budget=None, seed=0):
        victim = QueryVictim(ServedRanker(ranker), clean, Access.RANKS, Budget(queries=budget))
        plugin = f"typo-search:typos=3,trials={trials}"
        return attack(plugin).perturb(target, victim, derive(seed, "perturb")), victim.meter.queries

    def kept(query):
        """The discounted gain of the served order, by hand."""
        after = served(ranker, DOCUMENTS, query).doc_ids
        return sum(1 / math.log2(2 + i) / math.log2(2 + after.index(d)) for i, d in enumerate(clean.doc_ids))

    forms = [perturbed("character-typos:typos=3", seed=seed) for seed in range(12)]
    assert (searched(1)[0].text, searched(1)[1]) == (forms[0], 1)
    found = [searched(24, seed=seed) for seed in range(12)]
    assert {queries for _, queries in found} <= {23, 24}  # two forms can be equal
    assert max(kept(one.text) for one, _ in found) <= min(map(kept, forms)) < kept(QUERY)
    few, queries = searched(24, budget=5)
    assert queries == 5
    assert few.exhausted
    none, queries = searched(24, budget=0)
    assert (none.text, none.exhausted, queries) == (forms[0], True, 0)
