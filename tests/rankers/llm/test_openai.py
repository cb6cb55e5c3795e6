"""A model behind an endpoint: what it answers is an answer, what it fails at a failed call, a key is kept nowhere."""

from __future__ import annotations

import json
import math
from contextlib import nullcontext

import pytest

pytest.importorskip("openai")

from robustrank.errors import PluginError, UsageError
from robustrank.plugins import Spec, create, identity, parse
from robustrank.rankers.llm.backend import CallFailed, Decoding
from robustrank.rankers.llm.calls import recording, use_call_cache
from robustrank.rankers.llm.openai_backend import OpenAIBackend
from robustrank.rankers.llm.prompt import Prompt, Turn
from robustrank.rankers.serving import ServedRanker
from robustrank.testing import LlmConformance
from tests.lists import request
from tests.rankers.llm.stub_server import StubServer, completion

PROMPT = Prompt((Turn("system", "Judge."), Turn("user", "Is it?")))
LOGPROBS = [("Yes", math.log(0.6)), ("No", math.log(0.3)), ("Maybe", math.log(0.05))]
KEY = "sk-secret-7731"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.001)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.002)
    running = StubServer()
    yield running
    running.close()


def backend(server, **parameters):
    return OpenAIBackend(server.url, "stub", "1", **{"retries": 1, "timeout": 5.0, **parameters})


class TestConformance(LlmConformance):
    plugin = "openai"

    @pytest.fixture(autouse=True)
    def _running(self, server):
        server.answer = lambda request: completion(logprobs=LOGPROBS if request.get("logprobs") else None)
        self.url = server.url

    def specification(self):
        return Spec(self.plugin, {"url": self.url, "model": "stub", "version": 1})


def test_temperature_seed_and_max_tokens_are_always_sent(server):
    answer = backend(server, thinking=False, extra={"min_p": 0.1}).generate(PROMPT, Decoding(9, seed=4, stop=("x",)))
    assert (answer.text, answer.tokens_in, answer.tokens_out, answer.finish_reason) == ("Yes", 7, 1, "stop")
    (request,) = server.requests
    sent = {"temperature": 0.0, "seed": 4, "max_tokens": 9, "stop": ["x"], "min_p": 0.1, "model": "stub"}
    assert {key: request[key] for key in sent} == sent
    assert request["chat_template_kwargs"] == {"enable_thinking": False}
    assert request["messages"] == [{"role": "system", "content": "Judge."}, {"role": "user", "content": "Is it?"}]


def test_capabilities_are_probed_once(server):
    server.answer = lambda request: completion(logprobs=LOGPROBS if request.get("logprobs") else None)
    asked = backend(server)
    assert asked.has("generate")
    assert not server.requests
    assert asked.has("next_token")
    assert asked.has("next_token")
    assert len(server.requests) == 1
    assert not asked.has("log_likelihood")
    assert not asked.has("embed")


@pytest.mark.parametrize("refused", [[], [(400, {"error": {"message": "logprobs are not supported"}})]])
def test_a_server_without_log_probabilities_is_refused_and_nothing_falls_back(server, refused):
    server.first = list(refused)
    ranker = create("ranker", parse(f"llm-pointwise:llm='openai:url={server.url},model=stub,version=1'"))
    with pytest.raises(UsageError, match="has no next_token, which ranker LLMPointwise needs"):
        ranker.check()


@pytest.mark.parametrize(("move", "is_refused"), [(0.005, False), (0.05, True)])
def test_a_server_may_round_and_no_more(server, move, is_refused):
    def answer(request):
        logprobs = [("Yes", math.log(0.6 + move * len(server.requests) / 3)), ("No", math.log(0.4))]
        return completion(logprobs=logprobs)

    server.answer = answer
    ranker = create("ranker", parse(f"llm-pointwise:llm='openai:url={server.url},model=stub,version=1'"))
    refusal = pytest.raises(PluginError, match="declared pointwise") if is_refused else nullcontext()
    with refusal:
        ServedRanker(ranker).score([("q", "a"), ("q", "b"), ("q", "c")])


@pytest.mark.parametrize("window", [None, 400])
def test_passages_are_shortened_to_the_window_that_is_declared(server, window):
    server.answer = lambda request: completion("[1] > [2]")
    known = f",window={window}" if window else ""
    llm = f"openai:url={server.url},model=stub,version=1{known}"
    ranker = create("ranker", Spec("llm-listwise", {"llm": llm, "style": "zephyr", "max_tokens": 20}))
    ranker.rank([request({"a": "budget " * 290, "b": "wings"}, "wings")])
    sent = sum(len(message["content"]) for message in server.requests[0]["messages"])
    assert (sent > 2000) if window is None else (400 < sent < 3 * 400)


def test_a_failed_probe_is_a_failed_call_and_not_an_answer(server):
    server.first = [(503, "down")] * 2
    with pytest.raises(CallFailed, match="status 503"):
        backend(server).has("next_token")


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([(503, "[4] > [3]")] * 2, "status 503: '[4] > [3]'"),
        ([(429, {"error": {"message": "later"}})] * 2, "status 429"),
        ([(404, "no such model")], "status 404: 'no such model'"),
        ([(200, {"error": {"message": "[4] > [3]"}})], "without a choice"),
        ([(200, {"choices": []})], "without a choice"),
        ([(200, "[4] > [3]")], "no JSON"),
        ([(200, completion(None))], "without a text"),
        ([(401, {"error": {"message": f"wrong key: {KEY}"}})], "status 401"),
    ],
)
def test_what_is_no_answer_is_a_failed_call(server, answers, says, monkeypatch):
    monkeypatch.setenv("STUB_KEY", KEY)
    server.first = list(answers)
    with pytest.raises(CallFailed) as caught:
        backend(server, key_variable="STUB_KEY").generate(PROMPT, Decoding(5))
    assert says in str(caught.value)
    assert KEY not in str(caught.value)
    assert len(server.requests) == len(answers)


def test_a_timeout_is_a_failed_call_after_its_tries(server):
    server.delay = 0.4
    with pytest.raises(CallFailed, match="after 2 tries: APITimeoutError"):
        backend(server, timeout=0.1).generate(PROMPT, Decoding(5))


def test_what_may_pass_is_tried_again(server):
    server.first = [(429, "later")]
    assert backend(server).generate(PROMPT, Decoding(5)).text == "Yes"
    assert len(server.requests) == 2


def test_missing_log_probabilities_of_one_answer_are_a_failed_call(server):
    with pytest.raises(CallFailed, match="without log-probabilities"):
        backend(server).next_token(PROMPT, ["Yes"])


def test_an_answer_that_is_cut_says_so_and_reasoning_stays_apart(server):
    server.answer = lambda request: completion(None, finish="length", reasoning_content="[1] or [2]")
    answer = backend(server).generate(PROMPT, Decoding(5))
    assert (answer.text, answer.reasoning, answer.finish_reason) == ("", "[1] or [2]", "length")


def test_a_begun_answer_is_continued_where_the_server_can(server):
    begun = Prompt(PROMPT.turns, prefix="Passage")
    with pytest.raises(UsageError, match="begins the answer"):
        backend(server).generate(begun, Decoding(5))
    backend(server, prefill=True).generate(begun, Decoding(5))
    (request,) = server.requests
    assert request["messages"][-1] == {"role": "assistant", "content": "Passage"}
    assert (request["continue_final_message"], request["add_generation_prompt"]) == (True, False)


def test_the_key_is_sent_and_in_no_record_identity_or_message(server, monkeypatch, tmp_path):
    monkeypatch.setenv("STUB_KEY", KEY)
    spec = f"openai:url={server.url},model=stub,version=1,key_variable=STUB_KEY"
    ranker = create("ranker", Spec("llm-pointwise", {"llm": spec, "scoring": "grade", "max_tokens": 5}))
    server.answer = lambda request: completion("<answer>7</answer>")
    use_call_cache(tmp_path)
    try:
        with recording() as calls:
            assert ranker.score([("q", "d")]).tolist() == [7.0]
    finally:
        use_call_cache(None)
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    assert KEY not in json.dumps(calls) + repr(ranker) + repr(vars(ranker)) + identity("llm", parse(spec))
    assert KEY.encode() not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"url": "localhost:8000/v1"}, "is no address"),
        ({"url": "http://user:word@host/v1"}, "holds a user"),
        ({"version": " "}, "version is empty"),
        ({"key_variable": "ROBUSTRANK_NO_SUCH_KEY"}, "is not set"),
    ],
)
def test_what_cannot_work_is_refused_at_planning(parameters, says):
    with pytest.raises(UsageError, match=says):
        OpenAIBackend(**{"url": "http://localhost/v1", "model": "m", "version": "1", **parameters}).check()


def test_a_prompt_that_no_server_can_be_sent_is_a_failed_call(server):
    with pytest.raises(CallFailed, match="half of a surrogate pair"):
        backend(server).generate(Prompt((Turn("user", "half \ud800"),)), Decoding(5))
    assert not server.requests
