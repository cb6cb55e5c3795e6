"""A language model behind an endpoint ranks as on this machine; what failed is called again, and nothing else."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("openai")

from robustrank.cli.main import invoke
from robustrank.plugins import Spec, create
from robustrank.rankers.llm.backend import Decoding
from robustrank.rankers.llm.openai_backend import OpenAIBackend
from robustrank.rankers.llm.prompt import Prompt, Turn
from robustrank.rankers.llm.transformers_backend import TransformersBackend
from robustrank.rankers.serving import ServedRanker
from robustrank.testing.samples import COLLECTION
from tests.rankers.llm.stub_server import StubServer, completion
from tests.tasks.test_list_rankers import QUERIES, TEXTS, write_collection
from tests.tiny_language_model import tiny_language_model


def slow(name, parameters):
    return pytest.param(name, parameters, marks=pytest.mark.slow)


def model_behind(request):
    """Answer a request by the tiny model, as a server does."""
    model = TransformersBackend(tiny_language_model())
    prompt = Prompt(tuple(Turn(message["role"], message["content"]) for message in request["messages"]))
    assert (request["temperature"], request["seed"]) == (0.0, 0)
    if request.get("logprobs"):
        return completion("", finish="length", logprobs=model.next_token(prompt, []).top)
    answer = model.generate(prompt, Decoding(request["max_tokens"]))
    return completion(answer.text, finish=answer.finish_reason)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.001)
    running = StubServer(model_behind)
    yield running
    running.close()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("llm-listwise", {"max_tokens": 12}),
        slow("llm-setwise", {"choice": "generation", "max_tokens": 4, "k": 2}),
        slow("llm-pairwise", {"choice": "generation", "max_tokens": 4, "method": "sliding", "k": 1}),
        slow("grouprank", {"max_tokens": 6, "epochs": 1, "temperature": 0, "top_p": 1.0}),
        slow("iranker", {"max_tokens": 4}),
    ],
)
def test_a_kind_ranks_through_an_endpoint_as_on_this_machine(server, name, parameters, monkeypatch):
    monkeypatch.setattr("robustrank.rankers.llm.groupwise.derive_seed", lambda *_: 0)
    rankings = []
    for llm in (f"transformers:model={tiny_language_model()}", f"openai:url={server.url},model=tiny,version=1"):
        ranker = create("ranker", Spec(name, {"llm": llm, "passage_words": 4, **parameters}))
        ranker.check()
        ranker.prepare(COLLECTION)
        rankings.append(ServedRanker(ranker).rank([COLLECTION.request("q")])[0])
    local, remote = rankings
    assert (local.order, local.parse, local.cost.calls) == (remote.order, remote.parse, remote.cost.calls)
    assert len(server.requests) == remote.cost.calls > 0


def test_the_distribution_of_an_endpoint_is_that_of_the_model(server):
    prompt = Prompt((Turn("user", "Aircraft wings"),))
    remote = OpenAIBackend(server.url, "tiny", "1").next_token(prompt, ["a"])
    assert dict(remote.top) == dict(TransformersBackend(tiny_language_model()).next_token(prompt, ["a"]).top)


def test_finished_calls_of_a_run_that_failed_are_not_made_again(server, tmp_path):
    write_collection(tmp_path / "tiny", TEXTS, QUERIES)
    llm = f"openai:url={server.url},model=tiny,version=1,retries=0"
    experiment = {
        "name": "fails",
        "collections": [{"name": "beir", "folder": str(tmp_path / "tiny")}],
        "rankers": [{"name": "llm-listwise", "llm": llm}],
        "tasks": ["iid-variance"],
    }
    (tmp_path / "exp.yaml").write_text(json.dumps(experiment))
    options = ["--out", str(tmp_path / "run"), "--workers", "0", "--cache", str(tmp_path / "cache"), "--no-report"]
    server.answer = lambda request: completion("[2] > [1] > [3] > [4] > [5] > [6]")
    server.first = [(200, server.answer({})), (200, server.answer({})), (500, "[6] > [5]")]
    assert invoke(["run", str(tmp_path / "exp.yaml"), *options]) != 0
    assert len(server.requests) == 3
    (error,) = (row for row in kept_rows(tmp_path / "run") if row["status"] != "ok")
    assert (error["status"], error["value"], error["query_id"]) == ("error", None, "q3")
    assert "status 500" in error["note"]
    assert {row["query_id"] for row in kept_rows(tmp_path / "run")} == {"q1", "q2", "q3"}
    calls = [
        json.loads(line) for path in (tmp_path / "run").rglob("calls.jsonl") for line in path.read_text().splitlines()
    ]
    assert ["failed" in call for call in calls if "cached" not in call] == [False, False, True]
    assert invoke(["run", str(tmp_path / "exp.yaml"), *options]) == 0
    assert len(server.requests) == 4  # the one that failed alone
    assert {row["status"] for row in kept_rows(tmp_path / "run" / "cells")} == {"ok"}


def kept_rows(folder):
    return [json.loads(line) for path in folder.rglob("rows.jsonl") for line in path.read_text().splitlines()]
