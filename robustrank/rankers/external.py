"""Rankers of other systems as processes of their environments: a list a line on standard input, an order a line back.

The protocol is in ``contrib/protocol.py``, with adapters beside it.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shlex
import signal
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from robustrank.collections.collection import Collection
from robustrank.errors import DataError, PluginError, UsageError
from robustrank.plugins.constraints import Amount, Positive
from robustrank.plugins.values import excerpt
from robustrank.rankers.llm.backend import CallFailed, calls_for
from robustrank.rankers.ranker import Ranker
from robustrank.records import Cost, ParseReport, Ranking, Request, Scores
from robustrank.steps import followed

_ALLOWED = '{"id": …, "order": [ids of the documents, best first], "scores": [numbers] or null, "calls": number}'
_TAIL = 600  # characters of a process's standard error in a message


@dataclass
class ExternalRanker(Ranker):
    """A process that ranks: it reads a list a line as JSON, and writes an order a line.

    What it computes cannot be hashed, so its version is declared: change it whenever the process changes, or answers of
    the old one are taken from the cache. It is started at the first list, and ended with this process.
    """

    command: str  # command line, as "/opt/rank_llm/bin/python contrib/rank_llm_adapter.py ZephyrReranker model"
    version: str | Amount  # what the process is now: versions of the system and its model; part of the identity
    timeout: Positive = 600.0  # seconds until the process has to answer a list
    seed: Amount = 0  # sent with each list

    family = "language-model"

    _process: _Process | None = field(default=None, init=False, repr=False, compare=False)

    def check(self) -> None:
        """Refuse a command that is none or names no program, and an empty version; start nothing.

        Raises:
            UsageError: One of them.
        """
        import shutil

        words = self._words()
        if shutil.which(words[0]) is None:
            raise UsageError(f"there is no program {words[0]!r}", where="command", allowed="a command line")
        if not str(self.version).strip():
            raise UsageError("version is empty", allowed="what the process is now, as versions of system and model")

    def reading(self, collection: Collection) -> Sequence[str]:
        """Return where lists come from, and on whose word."""
        return (f"Lists come from a process; its version {self.version!r} is declared, and cannot be checked.",)

    def rank(self, requests: Sequence[Request]) -> list[Ranking]:
        """Return the rankings, one list after another.

        Raises:
            CallFailed: The process says that it failed.
            DataError: The process ended, or does not answer in time.
            PluginError: It answers with something else than an order of the documents.
        """
        return [self._ranking(request) for request in followed(requests, "lists")]

    def _ranking(self, request: Request) -> Ranking:
        documents = [
            {"id": candidate.doc_id, "text": candidate.text, "score": candidate.score}
            for candidate in request.candidates
        ]
        question = {"id": request.query_id, "query": request.query, "docs": documents, "seed": self.seed}
        if self._process is None or not self._process.is_alive:
            self._process = _Process(self._words(), self.timeout)
        answer = self._process.answer(question)
        if answer.get("id") != request.query_id:
            raise self._refusal(f"the process answers for {excerpt(answer.get('id'))}, not {request.query_id!r}")
        if "failed" in answer:
            with calls_for(request.query, request.query_id):
                raise CallFailed(f"the process failed: {answer['failed']}", where=self.command)
        return self._checked(request, answer)

    def _checked(self, request: Request, answer: Mapping[str, Any]) -> Ranking:
        order, positions = answer.get("order"), {doc_id: index for index, doc_id in enumerate(request.doc_ids)}
        if not isinstance(order, list) or sorted(map(str, order)) != sorted(positions):
            raise self._refusal(f"the process gives the order {excerpt(order)} for {len(positions)} documents")
        calls, tokens = answer.get("calls"), answer.get("tokens")
        if not all(count is None or (type(count) is int and count >= 0) for count in (calls, tokens)):
            raise self._refusal(f"the process gives {excerpt(calls)} calls and {excerpt(tokens)} tokens")
        cost = Cost(0 if calls is None else calls, tokens)
        order = tuple(positions[str(doc_id)] for doc_id in order)
        return Ranking(order, self._scores(answer.get("scores"), len(order)), cost, self._parse(answer.get("parse")))

    def _scores(self, scores: object, count: int) -> Scores | None:
        import numpy as np

        if scores is None:
            return None
        if not isinstance(scores, list) or len(scores) != count or not all(type(s) in (int, float) for s in scores):
            raise self._refusal(f"the process gives the scores {excerpt(scores)} for {count} documents")
        return np.array(scores, dtype=np.float32)

    def _parse(self, counts: object) -> ParseReport | None:
        if counts is None:
            return None
        try:
            return ParseReport(**counts)  # type: ignore[arg-type]  # refused below
        except TypeError as error:
            names = ", ".join(ParseReport.__dataclass_fields__)
            raise self._refusal(f"the process gives the parse report {excerpt(counts)}; its counts: {names}") from error

    def _refusal(self, what: str) -> PluginError:
        return PluginError(what, where=self.command, allowed=_ALLOWED)

    def _words(self) -> list[str]:
        try:
            words = shlex.split(self.command)
        except ValueError as error:
            raise UsageError(f"command {self.command!r} cannot be read: {error}") from error
        if not words:
            raise UsageError("command is empty", allowed="a command line")
        return words


class _Process:
    """A child process that answers lines; it ends with its group when it is let go."""

    def __init__(self, words: Sequence[str], timeout: float) -> None:
        self._words, self._timeout = words, timeout
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        try:
            self._child = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
                text=True,
                encoding="utf-8",
            )
        except OSError as error:
            raise DataError(f"the process cannot be started: {error}", where=shlex.join(words)) from error
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=_read, args=(self._child, self._lines), daemon=True).start()
        self._end = weakref.finalize(self, _kill, self._child, self._errors)

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._child.poll() is None

    def answer(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Return what it answers to a line.

        Raises:
            DataError: It ended, or does not answer in time.
            PluginError: Its line is no JSON object.
        """
        stdin = self._child.stdin
        try:
            if stdin is not None:
                stdin.write(json.dumps(question) + "\n")
                stdin.flush()
            line = self._lines.get(timeout=self._timeout)
        except (OSError, queue.Empty) as error:
            reason = f"no answer in {self._timeout:g} s" if isinstance(error, queue.Empty) else "it reads no more lines"
            failure = self._failure(reason)
            self._end()
            raise failure from error
        if not line:
            failure = self._failure(f"it ended with status {self._child.wait()}")
            self._end()
            raise failure
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise PluginError(
                f"the process writes {excerpt(line)}",
                where=shlex.join(self._words),
                allowed=_ALLOWED,
                hint="what libraries print has to go to standard error: see contrib/protocol.py",
            )
        return answer

    def _failure(self, reason: str) -> DataError:
        self._errors.seek(0)
        said = self._errors.read().decode("utf-8", "replace").strip()[-_TAIL:]
        where = shlex.join(self._words)
        return DataError(f"the process does not rank: {reason}" + (f"; it said: {said}" if said else ""), where=where)


def _read(child: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    """Put each line into the queue, and an empty one at the end."""
    if child.stdout is not None:
        with contextlib.suppress(ValueError, OSError):  # closed
            for line in child.stdout:
                lines.put(line)
    lines.put("")


def _kill(child: subprocess.Popen[str], errors: IO[bytes]) -> None:
    """End the process and what it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for stream in (child.stdin, child.stdout, errors):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.close()
