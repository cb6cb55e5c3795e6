"""Backends that are a Python function: oracles, models that always answer alike, models that obey injections.

Subclass :class:`ScriptedBackend` in a file and name the file where a backend is named:
``llm: my_script.py``. They calibrate measures, and test rankers without a model.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence

from robustrank.rankers.llm.backend import Answer, Backend, Decoding, NextToken
from robustrank.rankers.llm.prompt import Prompt


class ScriptedBackend(Backend):
    """A function of the prompt, which also says what the prompt shows (``query``, ``shown``)."""

    @abstractmethod
    def answer(self, prompt: Prompt) -> str:
        """Return the text that continues the prompt; raise :class:`CallFailed` for a call that fails."""

    def generate(self, prompt: Prompt, decoding: Decoding) -> Answer:
        """Return the function's text, cut to ``max_tokens`` words."""
        text = self.answer(prompt)
        words = text.split(" ")
        is_cut = len(words) > decoding.max_tokens
        cut = " ".join(words[: decoding.max_tokens])
        return Answer(
            cut, finish_reason="length" if is_cut else "stop", tokens_out=min(len(words), decoding.max_tokens)
        )

    def next_token(self, prompt: Prompt, spellings: Sequence[str]) -> NextToken:
        """Return a distribution with nine tenths of its mass on the function's first word, the rest on no label."""
        word = (self.answer(prompt).split() or [""])[0]
        top = ((word, math.log(0.9)), ("\N{REPLACEMENT CHARACTER}", math.log(0.1)))
        spelled = {spelling: math.log(1e-6) for spelling in spellings}
        return NextToken(top, {**spelled, word: math.log(0.9)} if word in spelled else spelled, is_complete=True)
