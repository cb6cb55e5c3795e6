"""Passages for many queries: flips put together from tokens, searches that go on, and GASLITE against random tokens."""

from __future__ import annotations

import json

import numpy as np
import pytest
from robustrank.attacks.parts.alphabets import TokenAlphabet, WordAlphabet
from robustrank.attacks.parts.lexicon import largest
from robustrank.attacks.parts.slots import SlotModel

from robustrank.collections.collection import Collection
from robustrank.plugins import Spec, create
from robustrank.randomness import derive
from robustrank.rankers.serving import ServedRanker
from robustrank.testing.samples import COLLECTION, Overlap
from robustrank.victim import Access, DocumentVictim, GradientView, QueryInterface, Target
from tests.lists import served
from tests.rankers.tiny_models import LENGTH, TEXTS, save

QUERIES = {
    "q1": "why do wings lift",
    "q2": "the budget of ministers",
    "q3": "air pressure on rivers",
    "q4": "a well-kept garden",
    "q5": "ranking of words",
    "q6": "lower case rivers",
}
DOCUMENTS = {f"d{i}": text for i, text in enumerate(TEXTS)}
COLLECTION_OF_TEXTS = Collection(
    "t", QUERIES, DOCUMENTS, {q: {"d0": 1} for q in QUERIES}, dict.fromkeys(QUERIES, ("d0",))
)


@pytest.fixture(scope="module", params=["bert", "roberta", "xlm-roberta", "qwen2"])
def ranker(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    return create("ranker", Spec("bi-encoder", {"model": str(save(folder, request.param, "AutoModel"))}))


def interface_of(ranker, **options):
    return QueryInterface(ServedRanker(ranker), Access.GRADIENTS, **options)


def tokens_of(ranker, text):
    return ranker.encode("", text).ids.tolist()


def test_a_flip_that_was_put_together_is_what_its_text_is_read_as(ranker):
    model = SlotModel(interface_of(ranker), WordAlphabet())
    words = "the air pressure above swapped rivers in canberra".split()
    passage = model.read(words)
    assert passage.is_whole
    for slot in range(len(words)):
        for word in ("budget", "generate", "a", "unheardof"):
            encoding, spans = model._spliced(passage, (slot, word))
            read = model.read([*words[:slot], word, *words[slot + 1 :]])
            assert encoding.ids.tolist() == read.encoding.ids.tolist()
            assert spans == read.spans
            queries = list(QUERIES.values())
            (together,) = model.values([(queries, passage, [(slot, word)])])
            by_pairs = ranker.score([(query, read.text) for query in queries]).mean()
            assert together[1] == pytest.approx(by_pairs, abs=1e-5)


def test_a_flip_beyond_what_is_read_is_cut_as_the_tokenizer_cuts(ranker):
    model = SlotModel(interface_of(ranker), WordAlphabet())
    words = ["air"] * 60
    while not model.read(words).is_whole:
        words.pop()
    passage = model.read(words)
    encoding, _ = model._spliced(passage, (2, "unheardof"))
    read = model.read([*words[:2], "unheardof", *words[3:]])
    assert not read.is_whole
    assert len(encoding.inputs.columns["input_ids"][0]) <= LENGTH
    assert encoding.ids.tolist() == read.encoding.ids.tolist()


def test_gradients_of_slots_are_the_means_of_those_of_queries(ranker):
    model, queries = SlotModel(interface_of(ranker), WordAlphabet()), list(QUERIES.values())[:3]
    passage = model.read("wings of unheardof rivers".split())
    (together,) = model.gradients([(queries, passage, [(2, "budget")])])
    for gradient, units in zip(together, (passage.units, ("wings", "of", "budget", "rivers")), strict=True):
        np.testing.assert_allclose(gradient, model._mean_gradient(queries, units), atol=1e-5)


def test_the_largest_are_in_order_and_those_of_a_sort():
    values = derive(0, "largest").standard_normal(50).astype(np.float32)
    for count in (1, 7, 49, 50, 60):
        assert largest(values, count).tolist() == np.argsort(-values, kind="stable")[:count].tolist()


SEARCHES = {
    "corpus-poisoning": {"length": 4, "batch": 2, "candidates": 4, "minimum_documents": 1, "clusters": 2},
    "gaslite": {"length": 5, "gradients": 3, "tokens": 12, "positions": 2, "candidates": 6, "clusters": 2},
}


def prepared(name, steps, ranker, file, **settings):
    attack = create("attack", Spec(name, {**SEARCHES[name], **settings}))
    setattr(attack, attack.prolonged_by, steps)
    interface = interface_of(ranker, search_file=file)
    attack.prepare(interface, COLLECTION_OF_TEXTS, derive(0, "prepare"))
    return [passage[1:] for passage in attack._passages], interface.meter.queries


@pytest.mark.parametrize("ranker", ["bert"], indirect=True)
@pytest.mark.parametrize("name", SEARCHES)
def test_a_longer_search_goes_on_where_a_shorter_one_ended_and_counts_the_same(ranker, tmp_path, name):
    counts = (3, 60, 70) if name == "corpus-poisoning" else (1, 3, 4)
    file = tmp_path / "searches" / "search.json"
    anew = {steps: prepared(name, steps, ranker, None) for steps in counts}
    assert len({str(passages) for passages, _ in anew.values()}) > 1
    assert {steps: prepared(name, steps, ranker, file) for steps in counts} == anew
    assert json.loads(file.read_text()).keys() == {str(steps) for steps in counts}
    assert prepared(name, counts[1], ranker, file) == anew[counts[1]]
    file.write_text("{")
    assert prepared(name, counts[0], ranker, file) == anew[counts[0]]


def test_a_suffix_of_gaslite_is_read_as_its_tokens_and_beats_random_tokens_of_its_length(ranker):
    attack = create("attack", Spec("gaslite", {"length": 6, "iterations": 3, "text": "in Canberra", "positions": 3}))
    interface, queries = interface_of(ranker), list(QUERIES.values())
    attack.prepare(interface, COLLECTION_OF_TEXTS, derive(0, "prepare"))
    found = attack.perturb(Target("q", "a query", "d", "", 1), None, derive(0)).text
    assert found.startswith("in Canberra ")
    alphabet = TokenAlphabet.of(interface.gradients(""), COLLECTION_OF_TEXTS, "in Canberra")
    model, rng = SlotModel(interface, alphabet), derive(0, "random tokens")
    random = [model.read(alphabet.ids[rng.integers(len(alphabet.ids), size=6)].tolist()).text for _ in range(20)]

    def mean_score(text):
        return float(ranker.score([(query, text) for query in queries]).mean())

    assert len(tokens_of(ranker, found)) <= len(tokens_of(ranker, "in Canberra")) + 7
    assert mean_score(found) > max(map(mean_score, random))


def test_gaslite_writes_words_where_a_ranker_has_no_tokenizer():
    view = GradientView(Overlap(), "wings", lambda count: None)
    alphabet = TokenAlphabet.of(view, COLLECTION, "")
    units = alphabet.random_words(COLLECTION, 3, derive(0))
    assert view.encode(alphabet.text_of(units)).ids.tolist() == units


def test_poisoned_rag_puts_the_query_or_a_better_prefix_in_front_of_the_document(ranker):
    text, query = "Ministers met in Canberra to discuss the budget", QUERIES["q1"]
    clean = served(ServedRanker(ranker), {"d": text, "e": "a garden"}, query, "q")
    target = Target("q", query, "d", text, 1, clean.candidates)
    black = create("attack", Spec("poisoned-rag")).perturb(target, None, derive(0)).text
    assert black == f"{query}. {text}"
    control = create("attack", Spec("random-trigger"))
    control.prepare(interface_of(ranker), COLLECTION_OF_TEXTS, derive(0))
    for start in ("query", "random"):
        settings = {"form": "white-box", "start": start, "length": 6, "iterations": 12, "candidates": 30}
        attack = create("attack", Spec("poisoned-rag", settings))
        attack.prepare(interface_of(ranker), COLLECTION_OF_TEXTS, derive(0))
        victim = DocumentVictim(ServedRanker(ranker), clean, "d", Access.GRADIENTS)
        found = attack.perturb(target, victim, derive(0))
        assert found.text.endswith(f" {text}")
        random = [control.match_size(target, found, derive(i)).text for i in range(10)]
        begun = attack._alphabet.written(attack._start(query, attack._alphabet))
        scores = ranker.score([(query, other) for other in (found.text, f"{begun} {text}", *random)])
        assert scores[0] > max(scores[1], np.mean(scores[2:]))
