"""Rankers of other systems as processes: answers are checked, failures are told, and no process outlives us."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from pathlib import Path

import pytest

from robustrank.errors import DataError, PluginError, UsageError
from robustrank.plugins import Spec, create
from robustrank.rankers.external import ExternalRanker
from robustrank.rankers.llm.backend import CallFailed
from robustrank.rankers.serving import ServedRanker
from robustrank.testing import RankerConformance
from tests.lists import request

CONTRIB = Path(__file__).parents[2] / "contrib"
LENGTHS = """
    from protocol import serve

    def rank(query, docs, seed):
        print("libraries print")
        order = sorted(docs, key=lambda doc: (-len(doc["text"]), doc["id"]))
        return {"order": [doc["id"] for doc in order], "scores": [len(doc["text"]) for doc in docs], "calls": len(docs)}

    serve(rank)
"""
REQUEST = request({"a": "xx", "b": "xxxx", "c": "x"}, "q")


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Write a program and return its command."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(CONTRIB), str(tmp_path)]))

    def write(source, name="ranker.py"):
        (tmp_path / name).write_text(textwrap.dedent(source))
        return f"{sys.executable} {tmp_path / name}"

    return write


class TestConformance(RankerConformance):
    plugin = "external"

    @pytest.fixture(autouse=True)
    def _written(self, program):
        self.command = program(LENGTHS)

    def specification(self):
        return Spec(self.plugin, {"command": self.command, "version": 1})


def test_order_scores_and_cost_are_those_of_the_process(program):
    (ranking,) = ServedRanker(ExternalRanker(program(LENGTHS), "1")).rank([REQUEST])
    assert ranking.order == (1, 0, 2)
    assert ranking.scores.tolist() == [2.0, 4.0, 1.0]
    assert (ranking.cost.calls, ranking.parse) == (3, None)


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        ('{"order": ["a", "b"]}', PluginError, "for 3 documents"),
        ('{"order": ["a", "b", "b"]}', PluginError, "for 3 documents"),
        ('{"order": "abc"}', PluginError, "the order 'abc'"),
        ('{"order": ["a", "b", "c"], "scores": [1, 2]}', PluginError, "the scores"),
        ('{"order": ["a", "b", "c"], "scores": [1, 2, NaN]}', PluginError, "the score nan"),
        ('{"order": ["a", "b", "c"], "calls": -1}', PluginError, "-1 calls"),
        ('{"order": ["a", "b", "c"], "parse": {"read": 1}}', PluginError, "its counts: answers, exact"),
        ('{"order": ["a", "b", "c"], "id": "other"}', PluginError, "answers for 'other'"),
        ('{"failed": "429: later"}', CallFailed, "the process failed: 429: later"),
        ("Loading weights", PluginError, "writes 'Loading weights"),
        ("[1]", PluginError, "writes '[1]"),
    ],
)
def test_an_answer_that_is_none_is_refused(program, answer, kind, says):
    source = f"""
        import json, sys
        for line in sys.stdin:
            answer = {answer!r}
            if answer.startswith("{{"):
                answer = json.dumps({{"id": json.loads(line)["id"], **json.loads(answer)}})
            print(answer, flush=True)
    """
    with pytest.raises(kind) as caught:
        ServedRanker(ExternalRanker(program(source), "1")).rank([REQUEST])
    assert says in str(caught.value)


def test_a_process_that_ends_is_told_with_what_it_said(program):
    source = "import sys; sys.stdin.readline(); sys.exit('no such model: x')"
    with pytest.raises(DataError, match="ended with status 1; it said: no such model: x"):
        ExternalRanker(program(source), "1").rank([REQUEST])


def test_a_process_that_hangs_is_ended_with_what_it_started(program, tmp_path):
    source = f"""
        import pathlib, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(child.pid))
        time.sleep(60)
    """
    with pytest.raises(DataError, match="no answer in"):
        ExternalRanker(program(source), "1", timeout=1.5).rank([REQUEST])
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} is alive")


def test_the_exception_of_an_adapter_is_a_failed_call(program):
    source = "from protocol import serve\ndef rank(query, docs, seed):\n    raise ValueError('[2] > [1]')\nserve(rank)"
    with pytest.raises(CallFailed, match=r"ValueError: \[2\] > \[1\]"):
        ExternalRanker(program(source), "1").rank([REQUEST])


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"command": "no-such-program x"}, "there is no program"),
        ({"command": " "}, "command is empty"),
        ({"command": "python 'x"}, "cannot be read"),
        ({"version": " "}, "version is empty"),
    ],
)
def test_what_cannot_work_is_refused_at_planning(parameters, says):
    with pytest.raises(UsageError, match=says):
        create("ranker", Spec("external", {"command": sys.executable, "version": 1, **parameters})).check()


STAND_INS = {  # of the parts of other systems that adapters call, as their released code has them
    "rank_llm": {
        "rank_llm/data.py": """
            from dataclasses import dataclass, field
            @dataclass
            class Query: text: str; qid: object
            @dataclass
            class Candidate: docid: object; score: float; doc: dict
            @dataclass
            class Request: query: Query; candidates: list = field(default_factory=list)
            @dataclass
            class Result: query: Query; candidates: list; invocations_history: list
        """,
        "rank_llm/rerank/__init__.py": "",
        "rank_llm/rerank/listwise.py": """
            from rank_llm.data import Result
            class Fake:
                def __init__(self, model_path): assert model_path == "model"
                def rerank_batch(self, requests, rank_start=0, rank_end=100, shuffle_candidates=False, logging=False):
                    (request,) = requests
                    ranked = sorted(request.candidates, key=lambda c: -len(c.doc["contents"]))
                    return [Result(request.query, ranked, ["call", "call"])]
        """,
    },
    "rankify": {
        "rankify/models/reranking.py": """
            import copy
            class Reranking:
                def __init__(self, method, model_name): assert (method, model_name) == ("Fake", "model")
                def rank(self, documents):
                    for d in documents:
                        d.reorder_contexts = sorted(copy.copy(d.contexts), key=lambda c: -len(c.text))[:2]
                    return documents
        """,
        "rankify/dataset/dataset.py": """
            class Question:
                def __init__(self, question): self.question = question
            class Answer:
                def __init__(self, answers=None): self.answers = answers
            class Context:
                def __init__(self, score=None, has_answer=None, id=None, title=None, text=None):
                    self.score, self.id, self.text = score, id, text
            class Document:
                def __init__(self, question, answers, contexts=None, id=None): self.contexts = contexts
        """,
    },
    "pyterrier": {
        "mine.py": """
            class Fake:
                def transform(self, df): return df.assign(score=df["text"].str.len()).sort_values("docno")
            transformer = Fake()
        """,
    },
}
ARGUMENTS = {"rank_llm": "Fake model", "rankify": "Fake model", "pyterrier": "mine:transformer"}


@pytest.mark.parametrize("system", STAND_INS)
def test_an_adapter_speaks_for_its_system(program, tmp_path, system):
    for name, source in STAND_INS[system].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(source))
    command = f"{sys.executable} {CONTRIB / f'{system}_adapter.py'} {ARGUMENTS[system]}"
    (ranking,) = ServedRanker(ExternalRanker(command, "1", timeout=60)).rank([REQUEST])
    assert ranking.order == (1, 0, 2)
    assert ranking.cost.calls == (2 if system == "rank_llm" else 0)
    assert len((CONTRIB / f"{system}_adapter.py").read_text().splitlines()) < 35
