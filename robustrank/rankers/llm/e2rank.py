"""E2Rank: documents as vectors, and the query as a prompt that holds the first documents.

Source: E2Rank, 2025, arXiv 2510.22733, with the code of Alibaba-NLP/E2Rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustrank.plugins.constraints import Count
from robustrank.rankers.llm.backend import Method
from robustrank.rankers.llm.lists import PromptedLists
from robustrank.rankers.llm.parsing import identifiers
from robustrank.rankers.llm.prompt import Prompt
from robustrank.records import Request, Scores


@dataclass
class E2Rank(PromptedLists):
    """Scores documents by the cosine of their vectors with that of a prompt of query and first documents.

    A document in the prompt moves the score of every other: ``spill`` says how far. Backend:
    ``transformers:model=…,start=false,end=<|endoftext|>``.
    """

    window: Count = 20  # documents in the prompt, the first of the list
    instruction: str = "Given a web search query, retrieve relevant passages that answer the query"  # of the prompt

    reference: ClassVar[str] = "E2Rank, 2025, arXiv 2510.22733"
    deviations: ClassVar[str] = "one prompt a query; no sliding windows"

    @property
    def built_in(self) -> str:
        """The template."""
        return "e2rank"

    @property
    def needs(self) -> Sequence[Method]:
        """Vectors."""
        return ("embed",)

    def order(self, request: Request) -> tuple[Sequence[int], Scores | None]:
        """Return the order by cosines, equals in the order of the input."""
        first = request.candidates[: self.window]
        labels = identifiers(len(first), "numbers")
        prompt = self._prompt(request.query, first, labels, 1, instruction=self.instruction)
        query = self.calls.embed(prompt)
        vectors = [self.calls.embed(Prompt(text=self._text(c.text, self.passage_words))) for c in request.candidates]
        scores = np.array([float(vector @ query) for vector in vectors], dtype=np.float32)
        return np.argsort(-scores, kind="stable").tolist(), scores
