"""Answers of an earlier run by the digests of its prompts: re-analysis without the model, audits, tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.json_lines import read_lines
from robustrank.paths import given_path
from robustrank.rankers.llm.backend import Answer, Backend, CallFailed, Decoding, Method, NextToken
from robustrank.rankers.llm.calls import vector_of
from robustrank.rankers.llm.prompt import Prompt


@dataclass
class ReplayBackend(Backend):
    """Answers from a file of recorded calls, as ``calls.jsonl`` of a cell; a prompt that is not in it fails."""

    file: str  # calls.jsonl

    def has(self, method: Method) -> bool:
        """Return whether the file has answers of a method."""
        return any(recorded == method for recorded, _, _ in self._answers)

    def check(self) -> None:
        """Refuse a file that is missing or not of calls."""
        _ = self._answers

    def generate(self, prompt: Prompt, decoding: Decoding) -> Answer:
        """Return the recorded answer."""
        return Answer(**self._answer("generate", prompt, decoding.to_record()))

    def next_token(self, prompt: Prompt, spellings: Sequence[str]) -> NextToken:
        """Return the recorded distribution."""
        return NextToken.from_record(self._answer("next_token", prompt, {"spellings": list(spellings)}))

    def log_likelihood(self, prompt: Prompt, continuation: str) -> tuple[float, int]:
        """Return the recorded log-likelihood."""
        answer = self._answer("log_likelihood", prompt, {"continuation": continuation})
        return answer["sum"], answer["tokens"]

    def embed(self, prompt: Prompt) -> NDArray[np.float32]:
        """Return the recorded vector."""
        return vector_of(self._answer("embed", prompt, {}))

    def _answer(self, method: Method, prompt: Prompt, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        key = method, prompt.digest, json.dumps(arguments, sort_keys=True)
        if key not in self._answers:
            raise CallFailed(
                f"no recorded {method} for the prompt {prompt.digest[:12]}… and its arguments", where=self.file
            )
        return self._answers[key]

    @cached_property
    def _answers(self) -> dict[tuple[str, str, str], Mapping[str, Any]]:
        answers: dict[tuple[str, str, str], Mapping[str, Any]] = {}
        for where, record in read_lines(given_path(self.file)):
            if "failed" in record:
                continue
            try:
                key = record["method"], record["prompt"], json.dumps(record["arguments"], sort_keys=True)
                answer = record["answer"]
            except KeyError as error:
                allowed = "records with method, prompt, arguments and answer"
                raise DataError(f"the call has no {error}", where=where, allowed=allowed) from error
            if answers.setdefault(key, answer) != answer:
                raise DataError(
                    "two answers to one call",
                    where=where,
                    hint="these are calls of two models, or of one that does not repeat",
                )
        return answers
