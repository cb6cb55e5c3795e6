"""What backends of language models promise."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from robustrank.plugins import create
from robustrank.plugins.specification import Spec, parse
from robustrank.rankers.llm.backend import METHODS, TOP, Backend, Decoding
from robustrank.rankers.llm.prompt import Prompt, Shown, Turn
from robustrank.records import Document
from robustrank.testing.samples import DOCUMENTS, QUERY, TEXTS, require, require_one_identity

WORDS = (" Yes", "No", "relevant passage")  # requested spellings


class LlmConformance:
    """Answers what the prompt asks, twice alike and whatever came before."""

    plugin: ClassVar[str]  # a specification

    def test_it_has_a_method(self) -> None:
        """It generates, gives probabilities, or embeds."""
        require(any(self.new_llm().has(method) for method in METHODS), f"it has none of {', '.join(METHODS)}")

    def test_generates_alike(self) -> None:
        """Equal prompts and decodings give equal texts, in another order as well, and no more than ``max_tokens``."""
        llm = self.new_llm()
        if not llm.has("generate"):
            return
        decodings = [Decoding(8), Decoding(2), Decoding(8, temperature=1.0, seed=3)]
        questions = [(prompt, decoding) for prompt in self.prompts() for decoding in decodings]
        first = [llm.generate(*one) for one in questions]
        second = [self.new_llm().generate(*one) for one in questions[::-1]][::-1]
        require(first == second, f"two instances generated {first} and {second}")
        for answer, (_, decoding) in zip(first, questions, strict=True):
            written = answer.tokens_out
            require(isinstance(answer.text, str), f"an answer is {answer.text!r}, not text")
            require(
                written is None or written <= decoding.max_tokens, f"it wrote {written} of {decoding.max_tokens} tokens"
            )

    def test_gives_log_probabilities(self) -> None:
        """At most 20 tokens, the most probable first, whose probabilities do not sum to more than 1; twice alike."""
        llm = self.new_llm()
        if not llm.has("next_token"):
            return
        for prompt in self.prompts():
            token = llm.next_token(prompt, WORDS)
            logs = [log for _, log in token.top]
            require(0 < len(logs) <= TOP and logs == sorted(logs, reverse=True), f"the most probable tokens are {logs}")
            require(np.exp(logs).sum() <= 1 + 1e-4, f"the probabilities sum to {np.exp(logs).sum()}")
            require(set(token.spelled) <= set(WORDS), f"it gave {set(token.spelled)}, of {set(WORDS)}")
            require(self.new_llm().next_token(prompt, WORDS) == token, "another instance gave another distribution")

    def test_gives_log_likelihoods(self) -> None:
        """Sums of log-probabilities, none above 0, with the number of tokens; nothing for an empty continuation."""
        llm = self.new_llm()
        if not llm.has("log_likelihood"):
            return
        for prompt in self.prompts():
            total, tokens = llm.log_likelihood(prompt, f" {QUERY}")
            require(total <= 0 < tokens, f"the log-likelihood of {tokens} tokens is {total}")
            require(llm.log_likelihood(prompt, "") == (0.0, 0), "an empty continuation has a log-likelihood")

    def test_embeds_alike(self) -> None:
        """Vectors of one width and of length 1, twice alike."""
        llm = self.new_llm()
        if not llm.has("embed"):
            return
        vectors = [llm.embed(prompt) for prompt in self.prompts()]
        require(len({vector.shape for vector in vectors}) == 1, f"shapes {[vector.shape for vector in vectors]}")
        require(all(abs(np.linalg.norm(vector) - 1) < 1e-3 for vector in vectors), "a vector is not of length 1")
        again = [self.new_llm().embed(prompt) for prompt in self.prompts()]
        require(
            all(np.array_equal(a, b) for a, b in zip(vectors, again, strict=True)), "another instance embeds otherwise"
        )

    def test_has_one_identity(self) -> None:
        """Two instances have one identity: its fingerprint does not change from one to the next."""
        require_one_identity("llm", self.specification())

    def prompts(self) -> list[Prompt]:
        """Return the prompts of the tests: a plain text, a chat, one with odd Unicode, one that begins the answer."""
        shown = tuple(Shown(str(n), text, Document(doc_id, text)) for n, (doc_id, text) in enumerate(DOCUMENTS.items()))
        turns = (Turn("system", "You judge passages."), Turn("user", TEXTS[3]))
        return [
            Prompt(text=f"Passage: {TEXTS[0]}\nRelevant:", query=QUERY, shown=shown),
            Prompt((Turn("user", TEXTS[1]),), query=QUERY, shown=shown),
            Prompt(turns, query=QUERY, shown=shown),
        ]

    def specification(self) -> Spec:
        """Return the specification; override it where parameters are not known before the test runs."""
        return parse(self.plugin)

    def new_llm(self) -> Backend:
        """Return the backend."""
        llm: Backend = create("llm", self.specification())
        return llm
