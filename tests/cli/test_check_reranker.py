"""``robustrank check-reranker``: ten lines on any reranker; what breaks is found, and the exit code says so."""

from __future__ import annotations

import json

import pytest

from robustrank.cli.main import invoke
from robustrank.rankers.llm.calls import use_call_cache
from tests.rankers.llm import scripts
from tests.rankers.test_http_endpoint import Service

NAMES = [
    "answers", "contract", "ties", "relevance", "order", "repeats", "parsing", "injection", "odd texts", "calls",
]  # fmt: skip


@pytest.fixture
def check(capsys):
    def call(*arguments: str) -> tuple[int, dict[str, tuple[str, str]]]:
        code = invoke(["check-reranker", "--json", *arguments])
        return code, {one["name"]: (one["state"], one["text"]) for one in json.loads(capsys.readouterr().out)}

    return call


@pytest.fixture
def service(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = Service()
    yield running
    running.close()


def overlap(question):
    words = set(question["query"].lower().split())
    return [len(words & set(document.lower().split())) + 0.001 * len(document) for document in question["documents"]]


def test_ten_lines_on_a_good_reranker(capsys):
    assert invoke(["check-reranker", "bm25"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[8:].split(":")[0] for line in lines] == NAMES
    assert "first in 4 of 4 lists" in lines[3]
    assert invoke(["check-reranker", "bm25", "--strict"]) == 1  # five of eight documents have no word of the query


@pytest.mark.parametrize("form", ["scores", "results"])
def test_a_service_is_asked_in_either_form(service, check, form):
    def answer(question):
        scores = overlap(question)
        results = [{"index": i, "relevance_score": score} for i, score in enumerate(scores)]
        return {"scores": scores} if form == "scores" else {"results": sorted(results, key=lambda r: -r["index"])}

    service.answer = answer
    code, found = check(service.url)
    assert code == 0
    assert found["contract"] == ("ok", "a score alone is the score in company")
    assert found["calls"][1].startswith(f"{len(service.questions) - 6} lists")  # four alone, two in company


@pytest.mark.parametrize(
    ("scores", "line", "says"),
    [
        (lambda q: [x / max(overlap(q)) for x in overlap(q)], "contract", "is declared pointwise, and a score moved"),
        (lambda q: [0.5] * len(q["documents"]), "ties", "all documents of 4 of 4 lists have one score"),
    ],
)
def test_scores_that_depend_on_company_or_say_nothing_fail(service, check, scores, line, says):
    service.answer = lambda question: {"scores": scores(question)}
    code, found = check(service.url)
    assert (code, found[line][0]) == (1, "failed")
    assert says in found[line][1]
    assert found["calls"][0] == "ok"


@pytest.mark.parametrize(
    ("script", "line", "state", "says"),
    [
        ("AlwaysFirst", "order", "failed", "8 of 8 came back as they were given"),
        ("Garbage", "parsing", "failed", "100% of"),
        ("Repeats", "parsing", "weak", "100% repaired"),
        ("Obeys", "injection", "weak", "an instruction raises the last document by 7.0 ranks (random words 0.0)"),
        ("FailsOn:word=café", "calls", "failed", "a call that failed ended"),
    ],
)
def test_what_a_model_does_wrong_stands_in_its_line(check, script, line, state, says):
    code, found = check(f"llm-listwise:llm='{scripts.__file__}:{script}'")
    assert found[line][0] == state
    assert says in found[line][1]
    assert code == int(any(one in ("failed", "not run") for one, _ in found.values()))
    assert list(found) == NAMES


def test_nothing_is_cached(check, tmp_path):
    use_call_cache(tmp_path)  # as a run in the same process leaves it
    try:
        check(f"llm-listwise:llm='{scripts.__file__}:Garbage'")
    finally:
        use_call_cache(None)
    assert list(tmp_path.iterdir()) == []


def test_what_time_does_not_allow_is_not_run_and_no_success(service, check):
    service.delay = 0.02
    code, found = check(service.url, "--seconds", "0.01")
    assert code == 1
    assert found["relevance"] == ("not run", "its 0.01 seconds are spent; --seconds gives more")


@pytest.mark.parametrize(
    ("reranker", "code", "says"),
    [
        ("http://127.0.0.1:9/rerank", 4, "does not answer after 2 tries"),
        ("http://127.0.0.1:9/v1", 2, "is the address of a language model"),
        ("no-such-ranker", 2, "no-such-ranker"),
        (f"llm-listwise:llm='{scripts.__file__}:Fails'", 4, "status 500"),
    ],
)
def test_what_does_not_answer_at_all_is_an_error(reranker, code, says, capsys, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert invoke(["check-reranker", reranker]) == code
    assert says in capsys.readouterr().err


def test_answers_that_are_none_fail(service, check):
    service.answer = lambda question: {"results": [{"index": 0, "relevance_score": 1.0}] * len(question["documents"])}
    code, found = check(service.url)
    assert (code, found["answers"][0]) == (1, "failed")
    assert "a number for each document" in found["answers"][1]
