"""Language models behind an OpenAI-compatible endpoint: vLLM, Ollama, llama.cpp's server, hosted ones.

What a server can do is probed once, by one request; nothing falls back in silence. Temperature, seed and max_tokens are
sent with every request: a server that is told none of them samples.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from robustrank.errors import DataError, UsageError
from robustrank.plugins.constraints import Amount, Count, Number, Positive, Share
from robustrank.plugins.values import excerpt
from robustrank.rankers.llm.backend import TOP, Answer, Backend, CallFailed, Decoding, Method, NextToken
from robustrank.rankers.llm.prompt import Prompt, Turn
from robustrank.rankers.ranker import BF16_NOISE

PROBE = Prompt((Turn("user", "Answer with one word: yes or no?"),))


@dataclass
class OpenAIBackend(Backend):
    """A model behind ``/v1/chat/completions``.

    Weights behind a server cannot be hashed, so their version is declared: change it whenever the server changes, or
    answers of the old one are taken from the cache. The key is read from the environment, and kept nowhere.
    """

    url: str  # the address up to /v1, as http://localhost:8000/v1
    model: str  # the name that the server has for it
    version: str | Amount  # what the server runs now: a revision with the server's version, or a date
    key_variable: str | None = None  # environment variable with the key; null sends none
    timeout: Positive = 120.0  # seconds until the server has to answer
    retries: Amount = 4  # further tries after a failed connection, a timeout, or status 408, 409, 429 or 5xx
    window: Count | None = (
        None  # most tokens of a prompt and its answer together; null: not known, nothing is shortened
    )
    thinking: bool | None = None  # chat_template_kwargs: enable_thinking, for servers that read it; null sends none
    prefill: bool = False  # whether the server continues an answer that was begun (continue_final_message of vLLM)
    extra: dict[str, str | Number | bool] = field(default_factory=dict)  # further fields of every request
    noise: Share = BF16_NOISE  # how far rounding may move a score from call to call: servers batch, and reuse prefixes

    def has(self, method: Method) -> bool:
        """Return whether it generates, which it does, or gives log-probabilities, which is probed once."""
        return method == "generate" or (method == "next_token" and self._has_logprobs)

    @property
    def context(self) -> int | None:
        """What ``window`` says."""
        return self.window

    @property
    def about(self) -> tuple[str, ...]:
        """Where answers come from, and on whose word."""
        return (f"Answers come from {self.url}; the version {self.version!r} is declared, and cannot be checked.",)

    def check(self) -> None:
        """Refuse an address that is none or holds a secret, a missing package, and a key that is not set.

        Raises:
            UsageError: One of them.
            DataError: The package openai is not installed.
        """
        from importlib.util import find_spec

        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"url {self.url!r} is no address", allowed="http://…/v1 or https://…/v1")
        if parts.username or parts.password or parts.query:
            raise UsageError(
                "url holds a user, a password or a query, which would be kept with the results",
                where=f"{parts.scheme}://…@{parts.hostname}",
                hint="put a key into an environment variable, and name that: key_variable=NAME",
            )
        if not str(self.version).strip():
            raise UsageError("version is empty", allowed="what the server runs now, as a revision or a date")
        if find_spec("openai") is None:
            raise DataError("the package openai is not installed", hint='pip install "robustrank[openai]"')
        _ = self._key

    def count_tokens(self, prompt: Prompt) -> int:
        """Return no fewer than a prompt has, in most languages: one for three bytes of UTF-8; servers do not tell."""
        return sum(
            _AROUND_A_TURN + len(turn.text.encode("utf-8", "replace")) // 3
            for turn in prompt.turns or (Turn("user", prompt.text),)
        )

    def generate(self, prompt: Prompt, decoding: Decoding) -> Answer:
        """Return the server's text."""
        options: dict[str, Any] = {
            "max_tokens": decoding.max_tokens,
            "temperature": decoding.temperature,
            "top_p": decoding.top_p,
            "seed": decoding.seed,
        }
        if decoding.stop:
            options["stop"] = list(decoding.stop)
        choice, usage = self._ask(prompt, options)
        text = choice.message.content
        reasoning = getattr(choice.message, "reasoning_content", None) or getattr(choice.message, "reasoning", None)
        if text is None and not reasoning:
            raise CallFailed("the server answers without a text", where=self.url)
        return Answer(text or "", reasoning or "", choice.finish_reason or "stop", *usage)

    def next_token(self, prompt: Prompt, spellings: Sequence[str]) -> NextToken:
        """Return the 20 most probable tokens that the server gives; spellings beyond them are not returned."""
        choice, (read, _) = self._ask(prompt, _LOGPROBS)
        top = _returned(choice)
        if not top:
            raise CallFailed("the server answers without log-probabilities, though it gave some before", where=self.url)
        wanted = set(spellings)
        return NextToken(top, {token: log for token, log in top if token in wanted}, tokens_in=read)

    @cached_property
    def _has_logprobs(self) -> bool:
        """Whether the server returns log-probabilities, probed once."""
        try:
            choice, _ = self._ask(PROBE, _LOGPROBS)
        except CallFailed as error:
            if "status 4" in error.what and "status 429" not in error.what:  # it refuses the request as it is
                choice, _ = self._ask(PROBE, {key: _LOGPROBS[key] for key in ("max_tokens", "temperature", "seed")})
                return False
            raise
        return bool(_returned(choice))

    def _ask(self, prompt: Prompt, options: Mapping[str, Any]) -> tuple[Any, tuple[int | None, int | None]]:
        """Return the first choice of the answer, and the tokens read and written.

        Raises:
            CallFailed: There is none.
        """
        import openai

        chat, more = self._messages(prompt), dict(self.extra)
        if self.thinking is not None:
            more["chat_template_kwargs"] = {"enable_thinking": self.thinking}  # type: ignore[assignment]
        if chat[-1]["role"] == "assistant":
            more |= {"continue_final_message": True, "add_generation_prompt": False}
        try:
            answer = self._client.chat.completions.create(
                model=self.model, messages=chat, extra_body=more or None, **options
            )
        except openai.APIStatusError as error:
            body = repr(self._without_key(error.response.text)[:300])
            raise CallFailed(
                f"the server answers with status {error.status_code}: {body}", where=self.url, hint=_HINT
            ) from None  # the cause holds the request, and the key in it
        except openai.OpenAIError as error:
            kind = type(error).__name__
            raise CallFailed(f"no answer after {self.retries + 1} tries: {kind}", where=self.url, hint=_HINT) from None
        except UnicodeEncodeError:
            raise CallFailed(
                "the prompt has half of a surrogate pair, which UTF-8 cannot send", where=self.url
            ) from None
        except ValueError:
            raise CallFailed("the server answers with no JSON", where=self.url, hint=_HINT) from None
        choices = getattr(answer, "choices", None)
        if not choices or getattr(choices[0], "message", None) is None:
            body = repr(self._without_key(str(answer))[:300])
            raise CallFailed(f"the server answers without a choice: {body}", where=self.url, hint=_HINT)
        usage = getattr(answer, "usage", None)
        return choices[0], (getattr(usage, "prompt_tokens", None), getattr(usage, "completion_tokens", None))

    def _messages(self, prompt: Prompt) -> list[dict[str, str]]:
        """Return the messages of a chat.

        Raises:
            UsageError: The prompt begins the answer, which the server does not continue.
        """
        chat: list[dict[str, str]] = [{"role": turn.role, "content": turn.text} for turn in prompt.turns]
        chat = chat or [{"role": "user", "content": prompt.text}]
        if not prompt.prefix:
            return chat
        if not self.prefill:
            raise UsageError(
                f"the prompt begins the answer ({excerpt(prompt.prefix)}), which servers do not continue in general",
                hint="say prefill=true for a server that does, as vLLM; or use a template without `answer`",
            )
        return [*chat, {"role": "assistant", "content": prompt.prefix}]

    @property
    def _key(self) -> str:
        """The key of the environment.

        Raises:
            UsageError: It is not set.
        """
        if self.key_variable is None:
            return ""
        key = os.environ.get(self.key_variable, "")
        if not key:
            raise UsageError(
                f"the environment variable {self.key_variable!r} is not set", hint=f"export {self.key_variable}=…"
            )
        return key

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "…") if self._key else text

    @cached_property
    def _client(self) -> Any:
        import openai

        client = openai.OpenAI(
            api_key=self._key or "none", base_url=self.url, timeout=self.timeout, max_retries=self.retries
        )
        weakref.finalize(self, client.close)
        return client


_AROUND_A_TURN = 16  # tokens of a chat template
_LOGPROBS = {"max_tokens": 1, "temperature": 0.0, "seed": 0, "logprobs": True, "top_logprobs": TOP}
_HINT = "is it up, and are model, key_variable, timeout and retries right? finished calls are in the cache"


def _returned(choice: Any) -> tuple[tuple[str, float], ...]:
    """Return the tokens that a server gives for the first place of its answer, the most probable first."""
    content = getattr(getattr(choice, "logprobs", None), "content", None) or []
    tokens = (getattr(content[0], "top_logprobs", None) or []) if content else []
    pairs = [(token.token, float(token.logprob)) for token in tokens]
    return tuple(sorted(pairs, key=lambda pair: -pair[1]))
