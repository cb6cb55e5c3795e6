"""Rewriting by a language model: the document is written again by a named strategy of generative-engine optimisation.

Reference: Aggarwal et al.: GEO: Generative Engine Optimization, KDD 2024, arXiv 2311.09735.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation
from robustrank.plugins.constraints import Count
from robustrank.plugins.nested import LlmSpec
from robustrank.rankers.llm.backend import Decoding
from robustrank.rankers.llm.calls import Caller
from robustrank.rankers.llm.parsing import without_thinking
from robustrank.rankers.llm.prompt import Shown
from robustrank.rankers.llm.templates import render, template_digest
from robustrank.records import Document
from robustrank.text.words import words
from robustrank.victim import Access, Target, Victim

from .parts.edits import perturbation_of

STRATEGIES = {
    "neutral": "Write the text again in other words. Keep what it says, its length and its tone.",
    "authoritative": "Make the text sound authoritative and certain, as if an expert had written it.",
    "statistics": "Put numbers and statistics into the text wherever they support what it says.",
    "quotations": "Put quotations of relevant people into the text that support what it says.",
    "cite-sources": "Name sources for what the text says.",
    "easy-to-understand": "Make the text easier to understand.",
    "fluency": "Make the text more fluent.",
    "unique-words": "Use rarer words in the text wherever they fit.",
    "technical-terms": "Use more technical terms in the text wherever they fit.",
    "keywords": "Put more words of the query into the text, wherever they fit.",
}
Strategy = Literal[
    "neutral",
    "authoritative",
    "statistics",
    "quotations",
    "cite-sources",
    "easy-to-understand",
    "fluency",
    "unique-words",
    "technical-terms",
    "keywords",
]


@dataclass
class LLMRewrite(Attack):
    """Has a language model rewrite the document. ``neutral`` is the paraphrase that a strategy has to outperform."""

    llm: LlmSpec  # the language model that writes
    strategy: Strategy = "authoritative"  # how the text is rewritten
    max_tokens: Count = 800  # of the new text; where it is cut, the text ends there
    template: str | None = None  # Jinja2 file in place of the built-in prompt

    access = Access.NOTHING
    cost = "language model"
    reference = "Aggarwal et al. (GEO), KDD 2024, arXiv 2311.09735"
    deviations = "the names of the strategies are from memory, and their wordings are new"
    control = "random-trigger"

    @property
    def fingerprint(self) -> str:
        """The text of the template."""
        return template_digest(self.template or "rewrite")

    def check(self) -> None:
        """Refuse a backend that cannot write."""
        Caller(self.llm).check("attack llm-rewrite", "generate")

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the rewritten document, with the edits that lead to it, word by word."""
        if not target.document.strip():
            return Perturbation(target.document, note="there is no text to rewrite")
        shown = (Shown("", target.document, Document(target.doc_id, target.document)),)
        prompt = render(self.template or "rewrite", target.query, shown, instruction=STRATEGIES[self.strategy])
        answer = Caller(self.llm).generate(prompt, Decoding(self.max_tokens))
        text = (without_thinking(answer.text) or "").strip()
        if not text:
            return Perturbation(target.document, note="the language model wrote no text")
        return perturbation_of(target.document, word_edits(target.document, text))


def word_edits(before: str, after: str) -> list[Edit]:
    """Return the edits that turn one text into another, at boundaries of words."""
    old, new = _pieces(before), _pieces(after)
    starts = np.cumsum([0, *map(len, old)]).tolist()
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [Edit(starts[a], starts[b], "".join(new[c:d])) for kind, a, b, c, d in blocks if kind != "equal"]


def _pieces(text: str) -> list[str]:
    """Return the words of a text and what is between them, in order: joined they are the text."""
    pieces, position = [], 0
    for word in words(text):
        pieces += [text[position : word.start], text[word.start : word.end]]
        position = word.end
    return [piece for piece in [*pieces, text[position:]] if piece]
