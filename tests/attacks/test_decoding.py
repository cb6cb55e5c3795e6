"""Attacks with a language model: beam search against exhaustive search, and the constraints of each attack."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from robustrank.attacks.idem import _has_ended, _is_copied, _scaled, _sentence_insertion
from robustrank.attacks.parts.decoding import Decoder, DecodingConfig
from robustrank.attacks.parts.surrogates import SurrogateScorer, access_of

from robustrank.attack import apply_edits
from robustrank.collections.collection import Collection
from robustrank.errors import UsageError
from robustrank.language_model import language_model
from robustrank.plugins import create
from robustrank.plugins.specification import Spec
from robustrank.randomness import derive
from robustrank.rankers.serving import ServedRanker
from robustrank.testing.samples import Overlap
from robustrank.text.analysis import analyser
from robustrank.text.words import words
from robustrank.victim import Access, DocumentVictim, GradientView, QueryInterface, Target
from tests.lists import served
from tests.tiny_language_model import TEXTS, tiny_language_model

QUERY = "pressure on wings"


def surrogate_scorer(query=QUERY):
    ranker = Overlap()
    view = GradientView(ranker, query, lambda count: None)
    return SurrogateScorer(view, lambda texts: ranker.score([(query, text) for text in texts]))


def config(length, candidates, **changes):
    base = {"beams": 50, "guidance": 1.0, "fluency": 0.0, "coherence": 0.0, "value": lambda s: s.astype(np.float64)}
    return DecodingConfig(length=length, candidates=candidates, **{**base, **changes})


@pytest.fixture(scope="module")
def decoder():
    decoder = Decoder.of(language_model(tiny_language_model()), surrogate_scorer().view, "en")
    assert all(text.strip().isalpha() for text in decoder.texts)
    return decoder


def test_beam_search_as_wide_as_the_vocabulary_is_exhaustive(decoder):
    small = Decoder(decoder.model, decoder.ids[::6], decoder.texts[::6], decoder.begins[::6], decoder.vectors[::6])
    count = len(small.ids)
    hypotheses = small.search(surrogate_scorer(), config(2, count, beams=count), np.zeros(count, dtype=np.float32))
    pairs = itertools.permutations(range(count), 2)
    texts = [small.texts[a] for a in range(count) if small.begins[a]]
    texts += [small.texts[a] + small.texts[b] for a, b in pairs if small.begins[a]]
    best = max(float(score) for score in surrogate_scorer().scores([text.strip() for text in texts]))
    assert hypotheses[0].relevance == pytest.approx(best)


def test_texts_that_cannot_enter_the_beam_are_not_scored_and_the_beam_is_the_same(decoder):
    bonus = np.where(np.arange(len(decoder.ids)) % 7, 0.0, 0.7).astype(np.float32)

    def searched(most):
        plain, asked = surrogate_scorer(), []
        counting = SurrogateScorer(plain.view, lambda texts: asked.extend(texts) or plain.scores(texts))
        settings = config(4, 30, beams=6, fluency=0.6, value=lambda s: -np.logaddexp(0.0, 2.0 - s), most=most)
        return decoder.search(counting, settings, bonus), len(asked)

    (whole, all_texts), (bounded, texts) = searched(np.inf), searched(0.0)
    assert bounded == whole
    assert texts < all_texts / 2


def test_excluded_and_repeated_tokens_are_not_generated(decoder):
    bonus = np.zeros(len(decoder.ids), dtype=np.float32)
    first = decoder.search(surrogate_scorer(), config(3, 5, beams=3), bonus)
    used = {token for hypothesis in first for token in hypothesis.tokens}
    bonus[np.isin(decoder.ids, sorted(used))] = -np.inf
    second = decoder.search(surrogate_scorer(), config(3, 5, beams=3), bonus)
    assert not used & {token for hypothesis in second for token in hypothesis.tokens}
    assert all(len(set(h.tokens)) == len(h.tokens) for h in first + second)


def test_fluency_is_the_log_likelihood_and_its_weight_makes_fluent_text(decoder):
    bonus = np.zeros(len(decoder.ids), dtype=np.float32)
    relevant = decoder.search(surrogate_scorer(), config(3, 20, beams=1), bonus)[0]
    fluent = decoder.search(surrogate_scorer(), config(3, 20, beams=1, fluency=1e6, guidance=0.0), bonus)[0]
    assert fluent.fluency / len(fluent.tokens) > relevant.fluency / len(relevant.tokens)
    single = [float(decoder.model.next([fluent.tokens[:n]])[0, fluent.tokens[n]]) for n in range(len(fluent.tokens))]
    assert fluent.fluency == pytest.approx(sum(single), rel=1e-4)


def prepared(name, surrogate="victim", **parameters):
    attack = create("attack", Spec(name, {"surrogate": surrogate, **parameters}))
    documents = {f"d{i}": text for i, text in enumerate(TEXTS)}
    collection = Collection("c", {"q": QUERY}, documents, {"q": {"d1": 1}}, {"q": tuple(documents)})
    attack.prepare(QueryInterface(ServedRanker(Overlap()), Access.GRADIENTS), collection, derive(0, "prepare"))
    clean = served(Overlap(), documents, QUERY)
    last = clean.candidates[-1]
    target = Target("q", QUERY, last.doc_id, last.text, len(documents), clean.candidates)
    return attack, target, DocumentVictim(ServedRanker(Overlap()), clean, last.doc_id, attack.access)


MODEL = {"language_model": tiny_language_model()}
SMALL = {"length": 3, "candidates": 20, "beams": 5}


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("pat", {**MODEL, **SMALL, "similar": 3}),
        ("pat", {**MODEL, **SMALL, "coherence": 0.0}),
        ("semantic-collision", {**SMALL, "minimum_documents": 1, "filters": 0}),
        ("semantic-collision", {**SMALL, **MODEL, "minimum_documents": 1, "filters": 0, "kind": "regularised"}),
        ("semantic-collision", {**SMALL, **MODEL, "filters": 0, "kind": "natural"}),
    ],
)
def test_each_attack_outperforms_random_words_of_its_length(name, parameters):
    attack, target, victim = prepared(name, **parameters)
    attacked = attack.perturb(target, victim, derive(0, "x"))
    assert apply_edits(target.document, attacked.edits) == attacked.text
    control = create("attack", Spec("random-trigger", {}))
    documents = {f"d{i}": text for i, text in enumerate(TEXTS)}
    control.prepare(None, Collection("c", {}, documents, {}, {}), derive(0))
    random = [control.match_size(target, attacked, derive(n, "control")).text for n in range(40)]
    scores = Overlap().score([(QUERY, attacked.text), *((QUERY, text) for text in random)])
    assert scores[0] > np.quantile(scores[1:], 0.8)


@pytest.mark.parametrize("kind", ["aggressive", "regularised", "natural"])
def test_collisions_share_no_word_with_the_query(kind):
    parameters = {**SMALL, **MODEL, "minimum_documents": 1, "filters": 1, "kind": kind}
    attack, target, victim = prepared("semantic-collision", **parameters)
    attacked = attack.perturb(target, victim, derive(0, "x"))
    assert attacked.edits
    inserted = {analyser("en").stem(word.key) for edit in attacked.edits for word in words(edit.text)}
    assert not inserted & {analyser("en").stem(word.key) for word in words(QUERY)}


def test_a_collision_is_searched_again_from_the_best_until_a_round_is_no_better():
    settings = {"length": 3, "candidates": 4, "beams": 1, "minimum_documents": 1, "filters": 0, "steps": 2}
    once, target, victim = prepared("semantic-collision", **settings, rounds=1)
    often, _, other = prepared("semantic-collision", **settings, rounds=9)
    first, last = once.perturb(target, victim, derive(3)), often.perturb(target, other, derive(3))
    before, after = Overlap().score([(QUERY, first.edits[0].text), (QUERY, last.edits[0].text)])
    assert after >= before
    assert victim.meter.queries < other.meter.queries < 9 * victim.meter.queries


def test_a_surrogate_scores_frequent_words_and_documents_of_the_list_once_a_query():
    attack, target, victim = prepared("pat", **MODEL, **SMALL)
    scored = []

    class Surrogate(Overlap):
        def score(self, pairs):
            scored.extend(text for _, text in pairs)
            return super().score(pairs)

    attack.surrogate, attack._surrogate = "overlap", Surrogate()
    attack.perturb(target, victim, derive(0, "x"))
    documents = {candidate.text for candidate in target.ranked}
    assert documents | set(attack._frequent) <= set(scored)
    scored.clear()
    attack.perturb(target, victim, derive(0, "x"))
    assert scored
    assert not documents & set(scored)
    assert not set(attack._frequent) <= set(scored)


def test_a_larger_margin_over_the_anchor_wins_more_of_the_surrogate():
    scores = []
    for margin in (0.0, 3.0, 50.0):
        attack, target, victim = prepared("pat", **MODEL, **SMALL, bonus=0.0, fluency=5.0, margin=margin)
        trigger = attack.perturb(target, victim, derive(0, "x")).edits[0].text
        scores.append(float(surrogate_scorer().scores([trigger])[0]))
    assert scores[0] < scores[1] < scores[2]


def test_a_trigger_is_generated_once_for_a_query_and_its_anchor():
    attack, target, victim = prepared(
        "pat", surrogate="minilm:max_length=32", **MODEL, **SMALL, coherence=0.0, anchors=2
    )
    first = attack.perturb(target, victim, derive(0, "x"))
    attack._decoder = None  # a second search would fail
    other = target.ranked[-2]  # outside the anchor, too
    second = Target("q", QUERY, other.doc_id, other.text, len(target.ranked) - 1, target.ranked)
    assert attack.perturb(second, victim, derive(1, "y")).edits[0].text.strip() == first.edits[0].text.strip()
    top = Target("q", QUERY, target.ranked[0].doc_id, target.ranked[0].text, 1, target.ranked)
    with pytest.raises(RuntimeError, match="not prepared"):  # the anchor leaves the target out: another trigger
        attack.perturb(top, victim, derive(1, "y"))
    assert victim.meter.queries == 0


def test_the_surrogate_determines_the_access():
    assert [access_of(name) for name in ("victim", "imitation", "minilm")] == [
        Access.GRADIENTS,
        Access.RANKS,
        Access.NOTHING,
    ]
    with pytest.raises(UsageError, match="gradients"):
        prepared("pat", surrogate="bm25", **MODEL)


def test_copied_sentences_insertions_and_scaling_by_hand():
    assert _is_copied("pressure on wings grows", QUERY)
    assert not _is_copied("it grows with the speed of wings", QUERY)
    assert apply_edits("One. Two.", (_sentence_insertion("One. Two.", 5, "New."),)) == "One. New. Two."
    assert apply_edits("One. Two.", (_sentence_insertion("One. Two.", 9, "New."),)) == "One. Two. New."
    assert _scaled([2.0, 4.0, 3.0]).tolist() == [0, 1, 0.5]
    assert _scaled([2.0, 2.0]).tolist() == [0, 0]


class Written:
    """A language model whose continuations are given."""

    def __init__(self, *texts):
        self.texts, self.prompts = list(texts), []

    def sample(self, prompt, count, length, rng, is_whole):
        self.prompts.append(prompt)
        return [self.texts.pop(0) for _ in range(min(count, len(self.texts)))]

    def log_likelihood(self, context, text, longest):
        return 0.0


def test_idem_takes_whole_sentences_alone_and_draws_until_it_has_enough(monkeypatch):
    model = Written(
        "wings of 3.5 metres lift more. And then",  # whole, although a number has a point
        "the wings are bent by shock waves and so on and so on and so on and so on and on. More",  # too long
        "the wings are bent by",  # breaks off
        "two words.",
        "pressure on wings grows.",  # copied from the query
        "air flows under it!",
        "never drawn.",
    )
    monkeypatch.setattr("robustrank.attacks.idem.language_model", lambda name: model)
    attack, target, victim = prepared("idem", **MODEL, sentences=2)
    assert attack._sentences(target, derive(0)) == ("Wings of 3.5 metres lift more.", "Air flows under it!")
    assert len(model.prompts) == 3  # two at a time
    shared, *_ = prepared("idem", **MODEL, sentences=2, weight=0.1)
    assert shared._sentences(target, derive(0)) == attack._sentences(target, derive(0))
    assert len(model.prompts) == 3  # what is drawn once serves attacks that differ in other things
    assert model.prompts[0] == f"{target.document}\n\nQuestion: {QUERY}.\nAnswer: It is known that"
    question = Target("q", "How do wings lift", "d", "A text.", 1)
    assert attack._prompt(question) == "A text.\n\nQuestion: How do wings lift?\nAnswer: It is known that"
    other, *_ = prepared("idem", **MODEL, prompt="{query} {document}")
    assert other._prompt(question) == "How do wings lift? A text."
    with pytest.raises(UsageError, match="has no"):
        create("attack", Spec("idem", {"prompt": "Once upon a time"}))
    model.texts = ["air flows under it!"]
    note = attack.perturb(target, victim, derive(1)).note
    assert note == "1 whole sentences, where 2 are wanted"


@pytest.mark.parametrize(
    ("text", "ended"),
    [
        ("wings lift more.", False),  # a digit may follow
        ("wings lift more. A", True),
        ("wings lift\n", True),  # no sentence
        ("one two three four five", False),
        ("one two three four five six", True),  # too long, whatever its last word becomes
    ],
)
def test_idem_draws_no_token_behind_the_first_sentence(text, ended):
    assert _has_ended(text, longest=4) == ended


def test_idem_inserts_at_any_sentence_boundary_and_scales_over_all_insertions():
    attack, target, victim = prepared("idem", **MODEL, sentences=40, longest=40)
    (edit,) = attack.perturb(target, victim, derive(0, "x")).edits
    assert edit.text.strip()[-1] in ".!?"
    text = "One. Two! Three? Four."
    assert attack._boundaries(text) == [0, 5, 10, 17, len(text)]
    few, *_ = prepared("idem", **MODEL, places=2)
    assert few._boundaries(text) == [0, 17]


class Tokens:
    """A language model that only has a vocabulary."""

    def __init__(self):
        texts = (" bridge", "ing", " Brücke", " पु", "ुल", "石", " 桥", "\ufffd", " ", "12", " don't")
        self.vocabulary = dict(enumerate(texts))


def test_tokens_are_those_of_the_language():
    english, hindi = (Decoder.of(Tokens(), surrogate_scorer().view, language) for language in ("en", "hi"))
    assert english.texts == (" bridge", "ing")
    assert hindi.texts == (" bridge", "ing", " Brücke", " पु", "ुल", "石", " 桥")
    assert hindi.begins.tolist() == [True, False, True, True, False, True, True]
