"""The contract of backends: a language model that generates, gives probabilities of tokens, or embeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.rankers.llm.prompt import Prompt
from robustrank.rankers.ranker import FP32_NOISE

Method = Literal["generate", "next_token", "log_likelihood", "embed"]
METHODS: tuple[Method, ...] = ("generate", "next_token", "log_likelihood", "embed")
TOP = 20  # most probable tokens that a backend returns, as servers do


class CallFailed(DataError):
    """A backend gave no answer: a failure of the call, never an answer that is bad.

    Attributes:
        query, query_id: What was ranked when it failed; empty where it is not known. See :func:`calls_for`.
    """

    query = query_id = ""


@contextmanager
def calls_for(query: str, query_id: str = "") -> Iterator[None]:
    """Say what the calls inside are for, should one fail: the query alone is lost then.

    Args:
        query: The text of the query.
        query_id: Its id, where it is known.
    """
    try:
        yield
    except CallFailed as error:
        error.query, error.query_id = error.query or query, error.query_id or query_id
        raise


@dataclass(frozen=True)
class Decoding:
    """How an answer is generated. Temperature 0 is greedy."""

    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()  # the answer ends before the first of these texts

    def to_record(self) -> dict[str, Any]:
        """Return the arguments as the record of a call holds them."""
        return {**asdict(self), "stop": list(self.stop)}


@dataclass(frozen=True)
class Answer:
    """A generated text.

    Attributes:
        text: The text, without the prompt's prefix.
        reasoning: What a server returns apart from the text, as the model's thinking.
        finish_reason: ``stop``, or ``length`` where ``max_tokens`` cut it.
        tokens_in, tokens_out: Tokens read and written, where they are counted.
    """

    text: str
    reasoning: str = ""
    finish_reason: str = "stop"
    tokens_in: int | None = None
    tokens_out: int | None = None


@dataclass(frozen=True)
class NextToken:
    """The distribution of the token after a prompt.

    Attributes:
        top: The most probable tokens with their natural log-probabilities, the most probable first; at most ``TOP``.
        spelled: Of each requested spelling that is one token, its log-probability, where the backend has
            it. Spellings that are one and the same token have one entry.
        is_complete: Whether a spelling that is missing in ``spelled`` is no single token, rather than not returned.
        tokens_in: Tokens read, where they are counted.
    """

    top: tuple[tuple[str, float], ...]
    spelled: Mapping[str, float] = field(default_factory=dict)
    is_complete: bool = False
    tokens_in: int | None = None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> NextToken:
        """Return the distribution that the record of a call holds."""
        return cls(**{**record, "top": tuple((token, log) for token, log in record["top"])})


class Backend:
    """A language model. Subclass as a dataclass, and implement what the model can.

    A constructor only keeps its parameters: weights load at the first call. An answer depends on the arguments of its
    call alone. A call that fails raises :class:`CallFailed`, and returns no text.
    """

    reference: ClassVar[str] = ""

    @property
    def fingerprint(self) -> str:
        """What decides an answer beyond code, parameters and files they name, as a model of the hub."""
        return ""

    def has(self, method: Method) -> bool:
        """Return whether a method answers: by default where the class overrides it. A server may have to be probed."""
        return getattr(type(self), method) is not getattr(Backend, method)

    @property
    def noise(self) -> float:
        """How far an answer may move a score from one call to the next by rounding, relative to the largest score."""
        return FP32_NOISE

    @property
    def context(self) -> int | None:
        """Most tokens of a prompt and its answer together; None: not known."""
        return None

    @property
    def special_tokens(self) -> tuple[str, ...]:
        """The texts that the tokenizer reads as special tokens, as those of the chat template."""
        return ()

    @property
    def about(self) -> tuple[str, ...]:
        """How the model is read, a sentence for each fact, for the header of a run; loads no weights."""
        return ()

    def check(self) -> None:
        """Refuse at planning what cannot work here, as a missing package, file or key."""

    def count_tokens(self, prompt: Prompt) -> int | None:
        """Return the number of tokens of a prompt; None: not known."""
        return None

    def generate(self, prompt: Prompt, decoding: Decoding) -> Answer:
        """Return a continuation of the prompt.

        Raises:
            CallFailed: There is none.
        """
        raise NotImplementedError

    def next_token(self, prompt: Prompt, spellings: Sequence[str]) -> NextToken:
        """Return the distribution of the token after the prompt.

        Args:
            prompt: The prompt.
            spellings: Texts whose probabilities are wanted, too, where each is one token.

        Raises:
            CallFailed: There is none.
        """
        raise NotImplementedError

    def log_likelihood(self, prompt: Prompt, continuation: str) -> tuple[float, int]:
        """Return the sum of the natural log-probabilities of the continuation's tokens after the prompt, their number.

        Raises:
            CallFailed: There is none.
        """
        raise NotImplementedError

    def embed(self, prompt: Prompt) -> NDArray[np.float32]:
        """Return float32[H], the last token's state after the last layer, of Euclidean length 1.

        Raises:
            CallFailed: There is none.
        """
        raise NotImplementedError
