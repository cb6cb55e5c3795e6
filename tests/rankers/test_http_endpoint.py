"""A service as a ranker: what it answers is scored, what it fails at is told, and a key is kept nowhere."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from robustrank.errors import DataError, PluginError, RobustrankError, UsageError
from robustrank.plugins import Spec, create, identity, parse
from robustrank.rankers.http_endpoint import HttpEndpointRanker
from robustrank.rankers.serving import ServedRanker
from robustrank.testing import RankerConformance

PAIRS = [(query, f"document {number}") for query in ("a", "b c") for number in range(5)]


class Service:
    """A service that scores by length, and misbehaves as it is told: a list of (status, body) is answered first."""

    def __init__(self):
        self.questions, self.headers, self.first, self.delay = [], [], [], 0.0
        self.answer = lambda q: {"scores": [len(d) / (1 + len(q["query"])) for d in q["documents"]]}
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # or each answer waits 40 ms for an acknowledgement

            def do_POST(self):
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.questions.append(question)
                service.headers.append(dict(self.headers))
                time.sleep(service.delay)
                status, body = service.first.pop(0) if service.first else (200, json.dumps(service.answer(question)))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                if 300 <= status < 400:
                    self.send_header("Location", "/there")
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/scores"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def ranker(self, **parameters) -> HttpEndpointRanker:
        return HttpEndpointRanker(self.url, "1", **{"retries": 2, "backoff": 0.001, **parameters})


@pytest.fixture
def service(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = Service()
    yield running
    running.close()


class TestConformance(RankerConformance):
    plugin = "http-endpoint"

    @pytest.fixture(autouse=True)
    def _running(self, service):
        self.url = service.url

    def specification(self):
        return Spec(self.plugin, {"url": self.url, "version": 1, "backoff": 0.001})


def test_documents_of_a_query_are_sent_together_and_scores_come_back_in_order(service):
    mixed = PAIRS[::2] + PAIRS[1::2]
    scores = service.ranker(batch=3).score(mixed)
    assert scores.tolist() == pytest.approx([len(d) / (1 + len(q)) for q, d in mixed])
    assert [(q["query"], len(q["documents"])) for q in service.questions] == [
        ("a", 3),
        ("a", 2),
        ("b c", 3),
        ("b c", 2),
    ]


@pytest.mark.parametrize("status", [429, 503])
def test_what_may_pass_is_tried_again(service, status):
    service.first = [(status, "later"), (status, "later")]
    assert len(service.ranker().score(PAIRS[:2])) == 2
    assert len(service.questions) == 3


@pytest.mark.parametrize(
    ("answers", "kind", "says"),
    [
        ([(503, "down")] * 3, DataError, "status 503: 'down'"),
        ([(404, "no such page")], DataError, "status 404: 'no such page'"),
        ([(302, "")], DataError, "status 302"),
        ([(200, "<html>")], PluginError, "no JSON: '<html>'"),
        ([(200, "[1, 2]")], PluginError, "the service answers [1, 2]"),
        ([(200, '{"scores": [1]}')], PluginError, "1 scores for 2 documents"),
        ([(200, '{"scores": [1, NaN]}')], PluginError, "the score nan"),
        ([(200, '{"scores": [1, 1e999]}')], PluginError, "the score inf"),
        ([(200, '{"scores": [1, null]}')], PluginError, "the service answers"),
        ([(200, '{"scores": [1, true]}')], PluginError, "the service answers"),
    ],
)
def test_an_answer_that_is_none_is_refused(service, answers, kind, says):
    service.first = list(answers)
    with pytest.raises(kind) as caught:
        service.ranker().score(PAIRS[:2])
    assert says in str(caught.value)
    assert service.url in str(caught.value)
    assert len(service.questions) == len(answers)


def test_a_service_that_is_slow_or_gone_is_told(service):
    service.delay = 0.3
    with pytest.raises(DataError, match=r"does not answer after 2 tries: ReadTimeoutError"):
        service.ranker(timeout=0.05, retries=1).score(PAIRS[:2])
    service.close()
    with pytest.raises(DataError, match=r"does not answer after 1 tries: NewConnectionError"):
        service.ranker(retries=0).score(PAIRS[:2])


def test_the_rate_is_kept(service):
    ranker, started = service.ranker(batch=1, rate=20), time.monotonic()
    ranker.score(PAIRS[:4])
    assert time.monotonic() - started >= 3 / 20


def test_a_key_is_sent_and_kept_nowhere(service, monkeypatch, tmp_path):
    monkeypatch.setenv("SERVICE_KEY", "secret-1")
    spec = parse(f"http-endpoint:url='{service.url}',version=1,key_variable=SERVICE_KEY")
    ranker = create("ranker", spec)
    ranker.check()
    before = identity("ranker", spec)
    ranker.score(PAIRS[:1])
    assert service.headers[0]["Authorization"] == "Bearer secret-1"
    assert "secret-1" not in repr(ranker)
    monkeypatch.setenv("SERVICE_KEY", "secret-2")
    assert identity("ranker", spec) == before
    monkeypatch.delenv("SERVICE_KEY")
    with pytest.raises(UsageError, match="'SERVICE_KEY' is not set"):
        create("ranker", spec).check()


def test_the_declared_version_is_part_of_the_identity():
    first, second = (identity("ranker", parse(f"http-endpoint:url='http://h/',version={v}")) for v in "12")
    assert first != second


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ("url='http://h/'", "version"),
        ("url=h,version=1", "is no address"),
        ("url='ftp://h/',version=1", "is no address"),
        ("url='https://me:secret@h/',version=1", "holds a user or a password"),
        ("url='http://h/',version=' '", "version is empty"),
    ],
)
def test_what_names_no_service_is_refused_without_asking(parameters, says):
    with pytest.raises(RobustrankError) as caught:
        create("ranker", parse(f"http-endpoint:{parameters}")).check()
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)


def test_scores_that_depend_on_their_company_are_refused(service):
    service.first = [(200, json.dumps({"scores": list(map(float, range(5)))}))] + [(200, '{"scores": [0]}')] * 4
    with pytest.raises(PluginError, match="is declared pointwise"):
        ServedRanker(service.ranker()).score(PAIRS[:5])
