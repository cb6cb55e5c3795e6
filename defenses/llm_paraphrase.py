"""Paraphrase: a language model rewrites or summarises each document before it is ranked.

Source: Jain et al.: Baseline Defenses for Adversarial Attacks Against Aligned Language Models, 2023, arXiv 2309.00614,
section 4.2, of prompts there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.defense import Defense, RewritingRanker
from robustrank.memo import Memo
from robustrank.notices import notice
from robustrank.plugins.constraints import Count
from robustrank.plugins.nested import LlmSpec
from robustrank.rankers.llm.backend import Decoding
from robustrank.rankers.llm.calls import Caller
from robustrank.rankers.llm.parsing import without_thinking
from robustrank.rankers.llm.prompt import Shown
from robustrank.rankers.llm.templates import render, template_digest
from robustrank.rankers.llm.texts import one_line
from robustrank.rankers.ranker import Ranker
from robustrank.records import Document


@dataclass(frozen=True)
class LLMParaphrase(Defense):
    """Ranks documents as a language model writes them again, or summarises them."""

    llm: LlmSpec  # the language model that writes
    what: Literal["paraphrase", "summary"] = "paraphrase"  # what it writes
    max_tokens: Count = 400  # of the new text; where it is cut, the text ends there

    reference = "Jain et al., 2023, arXiv 2309.00614, section 4.2"
    deviations = "documents are rewritten, and not prompts; a text that the model does not write stays as it is"

    @property
    def fingerprint(self) -> str:
        """The text of the template."""
        return template_digest("paraphrase")

    def check(self) -> None:
        """Refuse a backend that cannot write."""
        Caller(self.llm).check("defense llm-paraphrase", "generate")

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker of rewritten documents."""
        return Paraphrasing.over(ranker, self)


class Paraphrasing(RewritingRanker):
    """Ranks documents that a language model has rewritten."""

    def __init__(self, inner: Ranker, settings: LLMParaphrase) -> None:
        super().__init__(inner)
        self._settings, self._caller = settings, Caller(settings.llm)
        self._texts: Memo[str, str] = Memo()
        self._unwritten = 0

    def rewritten_document(self, document: str) -> str:
        """Return the rewritten text; the text itself where the model writes none, which is told once."""
        return self._texts.get(document, lambda: self._written(document)) if document.strip() else document

    def _written(self, document: str) -> str:
        shown = (Shown("", document, Document("", document)),)
        prompt = render("paraphrase", "", shown, summary=self._settings.what == "summary")
        answer = self._caller.generate(prompt, Decoding(self._settings.max_tokens))
        text = one_line(without_thinking(answer.text) or "")
        if not text:
            self._unwritten += 1
            if self._unwritten == 1:
                notice(f"llm {self._settings.llm}: a document was not rewritten, and is ranked as it is")
        return text or document
