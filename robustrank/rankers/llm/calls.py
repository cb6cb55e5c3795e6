"""Calls of backends: each is recorded, and answered from the cache if it is in there; failures are not kept.

The cache is keyed by the backend's identity, the class of device, the prompt, and all arguments as the parameters of
decoding. A record has the digest of the prompt, so that the file of a run's calls answers them again
(:mod:`robustrank.rankers.llm.replay`).
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import PluginError, UsageError
from robustrank.plugins import create, identity
from robustrank.plugins.failure import plugin_code, shown
from robustrank.plugins.specification import parse
from robustrank.rankers.cache import digest
from robustrank.rankers.llm.backend import Answer, Backend, CallFailed, Decoding, Method, NextToken
from robustrank.rankers.llm.prompt import Prompt
from robustrank.rankers.runtime import runtime_parts
from robustrank.rankers.sqlite_store import SqliteStore
from robustrank.rankers.store import Store

Record = dict[str, Any]

_path: Path | None = None
_store: Store | None = None  # opened at the first call
_opened_by = 0  # process
_is_off = False
_recorders: list[list[Record]] = []


def use_call_cache(folder: Path | None) -> None:
    """Keep the answers of this process's calls in a folder; None keeps none."""
    global _path, _store
    path = None if folder is None else folder.absolute() / "calls.sqlite"
    if path != _path:
        _path, _store = path, None


@contextmanager
def without_call_cache() -> Iterator[None]:
    """Make each call anew and keep none, while the context is open: to measure how far repeats differ."""
    global _is_off
    before, _is_off = _is_off, True
    try:
        yield
    finally:
        _is_off = before


def _kept() -> Store | None:
    global _store, _opened_by
    if _is_off:
        return None
    if _path is not None and (_store is None or _opened_by != os.getpid()):  # a forked process opens the file anew
        _store, _opened_by = SqliteStore(_path), os.getpid()
    return _store


@contextmanager
def recording() -> Iterator[list[Record]]:
    """Yield the list to which each call is added while the context is open."""
    records: list[Record] = []
    _recorders.append(records)
    try:
        yield records
    finally:
        _recorders[:] = [other for other in _recorders if other is not records]


@dataclass
class Spent:
    """What calls cost, wherever their answers come from, so that it is the same in every run.

    Attributes:
        calls: Calls, each a prompt.
        tokens: Tokens read and written, as far as backends count them; None: not counted.
    """

    calls: int = 0
    tokens: int | None = None

    def add(self, *tokens: int | None) -> None:
        """Count a call and its tokens."""
        self.calls += 1
        counted = [count for count in tokens if count is not None]
        if counted:
            self.tokens = (self.tokens or 0) + sum(counted)


@dataclass
class Caller:
    """A backend behind the cache and the records."""

    specification: str  # of the backend
    spent: Spent = field(default_factory=Spent)

    @cached_property
    def backend(self) -> Backend:
        """The backend; its weights load at the first call."""
        backend: Backend = create("llm", parse(self.specification))
        return backend

    def check(self, reader: str, *methods: Method) -> None:
        """Refuse a backend that cannot work here, or cannot do what a reader of answers needs.

        Raises:
            UsageError: It lacks a method.
        """
        self.backend.check()
        for method in methods:
            if not self.backend.has(method):
                raise UsageError(
                    f"llm {self.specification!r} has no {method}, which {reader} needs",
                    allowed=f"a backend with {method}: see robustrank list llms",
                    hint="a server has to return log-probabilities (logprobs, top_logprobs) for next_token",
                )

    def generate(self, prompt: Prompt, decoding: Decoding) -> Answer:
        """Return the continuation of a prompt, see :meth:`Backend.generate`."""
        answer = self._call(
            "generate",
            prompt,
            decoding.to_record(),
            lambda: asdict(_checked(self.backend.generate(prompt, decoding), Answer, "an Answer")),
        )
        self.spent.add(answer["tokens_in"], answer["tokens_out"])
        return Answer(**answer)

    def next_token(self, prompt: Prompt, spellings: Sequence[str]) -> NextToken:
        """Return the distribution of the next token, see :meth:`Backend.next_token`."""

        def ask() -> Record:
            given = _checked(self.backend.next_token(prompt, spellings), NextToken, "a NextToken")
            logs = [log for _, log in given.top] + list(given.spelled.values())
            if not given.top or not all(np.isfinite(log) or log == -np.inf for log in logs):
                raise PluginError(f"llm {self.specification!r} gave log-probabilities {shown(given)}")
            top = [[token, max(float(log), _LOWEST)] for token, log in given.top]
            spelled = {token: max(float(log), _LOWEST) for token, log in given.spelled.items()}
            return {"top": top, "spelled": spelled, "is_complete": given.is_complete, "tokens_in": given.tokens_in}

        answer = self._call("next_token", prompt, {"spellings": list(spellings)}, ask)
        self.spent.add(answer["tokens_in"])
        return NextToken.from_record(answer)

    def log_likelihood(self, prompt: Prompt, continuation: str) -> tuple[float, int]:
        """Return the log-likelihood of a continuation and its tokens, see :meth:`Backend.log_likelihood`."""

        def ask() -> Record:
            total, tokens = self.backend.log_likelihood(prompt, continuation)
            if not np.isfinite(total):
                raise PluginError(f"llm {self.specification!r} gave the log-likelihood {total}")
            return {"sum": float(total), "tokens": int(tokens)}

        answer = self._call("log_likelihood", prompt, {"continuation": continuation}, ask)
        self.spent.add(answer["tokens"])
        return answer["sum"], answer["tokens"]

    def embed(self, prompt: Prompt) -> NDArray[np.float32]:
        """Return the vector of a prompt, see :meth:`Backend.embed`."""

        def ask() -> Record:
            vector = np.asarray(self.backend.embed(prompt), dtype="<f4")
            if vector.ndim != 1 or not np.isfinite(vector).all():
                raise PluginError(f"llm {self.specification!r} gave a vector of shape {vector.shape}, or not finite")
            return {"vector": base64.b64encode(vector.tobytes()).decode()}

        answer = self._call("embed", prompt, {}, ask)
        self.spent.add()
        return vector_of(answer)

    def _call(
        self, method: Method, prompt: Prompt, arguments: Mapping[str, Any], ask: Callable[[], Record]
    ) -> Mapping[str, Any]:
        started, record = time.monotonic(), {"method": method, "prompt": prompt.digest, "arguments": dict(arguments)}
        key = digest("call", self._identity, method, prompt.digest, json.dumps(arguments, sort_keys=True))
        store = _kept()
        known = store.get_many([key]) if store else {}
        if key in known:
            answer: Record = json.loads(known[key])
            _record({**record, "answer": answer, "cached": True})
            return answer
        try:
            with plugin_code(f"llm {self.specification!r}", f"{method}()"):
                answer = ask()
        except CallFailed as error:
            _record({**record, "failed": error.what, "seconds": round(time.monotonic() - started, 3)})
            raise
        if store:
            store.put_many({key: json.dumps(answer).encode()})
        _record({**record, "answer": answer, "seconds": round(time.monotonic() - started, 3)})
        return answer

    @cached_property
    def _identity(self) -> str:
        return identity("llm", parse(self.specification)) + json.dumps(runtime_parts())


def vector_of(record: Mapping[str, Any]) -> NDArray[np.float32]:
    """Return float32[H], the vector that the record of a call holds."""
    return np.frombuffer(base64.b64decode(record["vector"]), dtype="<f4").astype(np.float32)


_LOWEST = -1e9  # a log-probability of minus infinity, as JSON can hold it


def _checked(value: Any, kind: type, words: str) -> Any:
    if not isinstance(value, kind):
        raise PluginError(f"a backend returned {shown(value)}", allowed=words)
    if isinstance(value, Answer) and not (isinstance(value.text, str) and isinstance(value.reasoning, str)):
        raise PluginError(
            f"a backend answered {shown(value.text)}", allowed="text; a call that fails raises CallFailed"
        )
    return value


def _record(record: Record) -> None:
    for recorder in _recorders:
        recorder.append(record)
