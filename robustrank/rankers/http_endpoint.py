"""A service that answers over HTTP as a ranker: it gets a query and documents, and gives a score for each."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.errors import DataError, PluginError, UsageError
from robustrank.plugins.constraints import Amount, Count, Positive, Share
from robustrank.plugins.values import excerpt
from robustrank.rankers.ranker import FP32_NOISE, Pair, PointwiseRanker, Scores
from robustrank.steps import Steps

if TYPE_CHECKING:
    import requests

_ALLOWED = '{"scores": [number, …]}, or {"results": [{"index", "relevance_score"}, …]}: a number for each document'
_RETRIED = (408, 429, 500, 502, 503, 504)  # answers that another try may mend


@dataclass
class HttpEndpointRanker(PointwiseRanker):
    """A service over HTTP: POST {"query": text, "documents": [text, …]} is answered by {"scores": [number, …]}.

    Or by {"results": [{"index": number, "relevance_score": number}, …]}, as the rerank services of Cohere, Jina, vLLM
    and llama.cpp do, which want a ``model`` as well; all documents have to be among the results.

    Weights behind a service cannot be hashed, so its version is declared: change it whenever the service changes, or
    scores of the old one are taken from the cache.
    """

    url: str  # http:// or https://, without a password
    version: str | Amount  # what the service is now, as a date or a commit; part of the identity
    model: str | None = None  # sent as "model"; null sends none
    batch: Count = 32  # documents in a request, all of one query
    timeout: Positive = 60.0  # seconds until the service has to answer
    retries: Amount = 4  # further tries after a failed connection, a timeout, or status 408, 429, 500, 502, 503 or 504
    backoff: Positive = 1.0  # seconds before the second further try, doubled with each; or as Retry-After says
    rate: Positive | None = None  # requests a second at most; null is no limit
    key_variable: str | None = None  # environment variable with the key that is sent as "Authorization: Bearer KEY"
    noise: Share = FP32_NOISE  # how far rounding may move a score with its company, relative to the largest of a call

    def check(self) -> None:
        """Refuse an address that is none or holds a secret, an empty version, and a key that is not set; ask nothing.

        Raises:
            UsageError: One of them.
        """
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"url {self.url!r} is no address", allowed="http://… or https://…")
        if parts.username or parts.password:
            raise UsageError(
                "url holds a user or a password, which would be kept with the results",
                where=f"{parts.scheme}://…@{parts.hostname}",
                hint="put a key into an environment variable, and name that: key_variable=NAME",
            )
        if not str(self.version).strip():
            raise UsageError("version is empty", allowed="what the service is now, as a date or a commit")
        _ = self._headers

    def reading(self, collection: Collection) -> Sequence[str]:
        """Return where scores come from, and on whose word."""
        return (f"Scores come from {self.url}; its version {self.version!r} is declared, and cannot be checked.",)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n].

        Raises:
            DataError: The service does not answer, or not with success.
            PluginError: It answers with something else than a number for each document.
        """
        scores = np.empty(len(pairs), dtype=np.float32)
        steps = Steps(len(pairs), "documents sent")
        for indices in self._batches(pairs):
            named = {} if self.model is None else {"model": self.model}
            question = {**named, "query": pairs[indices[0]][0], "documents": [pairs[i][1] for i in indices]}
            answer = self._answer(question)
            scores[indices] = self._checked(answer, len(indices))
            steps.advance(len(indices))
        return scores

    def characters_read(self, query: str, document: str) -> int | None:
        """Return None: it is not known what a service reads."""
        return None

    def _batches(self, pairs: Sequence[Pair]) -> Iterator[list[int]]:
        """Yield the indices of each request: pairs of one query."""
        by_query: dict[str, list[int]] = {}
        for index, (query, _) in enumerate(pairs):
            by_query.setdefault(query, []).append(index)
        for indices in by_query.values():
            yield from (indices[start : start + self.batch] for start in range(0, len(indices), self.batch))

    def _answer(self, question: dict[str, Any]) -> object:
        import requests

        self._wait()
        try:
            response = self._session.post(self.url, json=question, timeout=self.timeout, allow_redirects=False)
        except requests.RequestException as error:
            raise DataError(
                f"the service does not answer after {self.retries + 1} tries: {_reason(error)}",
                where=self.url,
                hint="is it up? timeout, retries, backoff and rate are parameters; what is scored is in the cache",
            ) from error
        if response.status_code != requests.codes.ok:
            raise DataError(
                f"the service answers with status {response.status_code}: {excerpt(response.text)}",
                where=self.url,
                allowed="200",
                hint="is the address that of the scores, and the key (key_variable) the right one?",
            )
        try:
            return response.json()
        except ValueError as error:
            raise PluginError(
                f"the service answers with no JSON: {excerpt(response.text)}",
                where=self.url,
                allowed=_ALLOWED,
            ) from error

    def _checked(self, answer: object, count: int) -> Scores:
        scores = _scores(answer) if isinstance(answer, dict) else None
        if not isinstance(scores, list) or not all(type(score) in (int, float) for score in scores):
            raise PluginError(
                f"the service answers {excerpt(answer)}",
                where=self.url,
                allowed=_ALLOWED,
            )
        if len(scores) != count:
            raise PluginError(f"the service gives {len(scores)} scores for {count} documents", where=self.url)
        values = np.array(scores, dtype=np.float64)
        if not np.isfinite(values).all():
            wrong = values[~np.isfinite(values)][0]
            raise PluginError(f"the service gives the score {wrong}", where=self.url, allowed="finite numbers")
        return values.astype(np.float32)

    def _wait(self) -> None:
        """Keep the rate."""
        if self.rate is not None:
            last = getattr(self, "_last", float("-inf"))
            time.sleep(max(0.0, last + 1 / self.rate - time.monotonic()))
            self._last = time.monotonic()

    @cached_property
    def _session(self) -> requests.Session:
        """What keeps the connection, and tries again."""
        import requests
        from requests.adapters import HTTPAdapter
        from urllib3.util import Retry

        retry = Retry(
            self.retries,
            backoff_factor=self.backoff,
            status_forcelist=_RETRIED,
            allowed_methods=None,  # a question changes nothing, so it can be put again
            raise_on_status=False,
        )
        session = requests.Session()
        session.headers.update(self._headers)
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=retry))
        return session

    @property
    def _headers(self) -> dict[str, str]:
        """What is sent beside the question; the key is read from the environment, and kept nowhere."""
        if self.key_variable is None:
            return {}
        key = os.environ.get(self.key_variable)
        if not key:
            raise UsageError(
                f"the environment variable {self.key_variable!r} is not set", hint=f"export {self.key_variable}=…"
            )
        return {"Authorization": f"Bearer {key}"}


def _scores(answer: Mapping[str, Any]) -> object:
    """Return the scores of an answer in the order of the documents; None where its results are not one a document."""
    results = answer.get("results")
    if "scores" in answer or not isinstance(results, list):
        return answer.get("scores")
    by_index = {one.get("index"): one.get("relevance_score") for one in results if isinstance(one, dict)}
    return [by_index[index] for index in range(len(results))] if by_index.keys() == set(range(len(results))) else None


def _reason(error: Exception) -> str:
    """Return why a connection failed, without the addresses in memory that the libraries print."""
    inner: BaseException = error
    while isinstance(following := getattr(inner, "reason", None) or (inner.args or [None])[0], BaseException):
        inner = following
    return f"{type(inner).__name__}"
