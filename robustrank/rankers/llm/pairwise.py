"""Pairwise ranking prompts: which of two passages is more relevant, in both orders.

Sources: Qin et al. (PRP), Findings of NAACL 2024, arXiv 2306.17563; duoT5: Pradeep, Nogueira, Lin, 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar, Literal

import numpy as np

from robustrank.plugins.constraints import Count
from robustrank.rankers.llm.backend import Method
from robustrank.rankers.llm.labels import word_spellings
from robustrank.rankers.llm.lists import PromptedLists
from robustrank.rankers.llm.sorting import bubble_top, by_pairs, heap_top
from robustrank.records import Request, Scores

LABELS = ("A", "B")


@dataclass
class LLMPairwise(PromptedLists):
    """Compares two passages at a time; one wins if both orders of the two name it, otherwise they tie.

    ``allpair`` counts wins over all pairs; ``heapsort`` and ``sliding`` look for the top k, in which a passage moves up
    only where it wins. ``duot5`` sums the probability of the first passage over all pairs, each in one order.
    """

    method: Literal["allpair", "heapsort", "sliding", "duot5"] = "heapsort"  # how comparisons become an order
    choice: Literal["likelihood", "generation"] = "likelihood"  # labels' probabilities, or the label that is written
    k: Count = 10  # the top k are looked for by heapsort and sliding; ties keep the order of the input
    max_tokens: Count = 8  # of a written answer

    reference: ClassVar[str] = "Qin et al., Findings of NAACL 2024, arXiv 2306.17563"
    deviations: ClassVar[str] = "a new wording; duot5 has that of its models"

    @property
    def built_in(self) -> str:
        """One of two templates."""
        return "duot5" if self.method == "duot5" else "pairwise"

    @property
    def needs(self) -> Sequence[Method]:
        """Probabilities, or texts."""
        return ("next_token",) if self.choice == "likelihood" or self.method == "duot5" else ("generate",)

    def order(self, request: Request) -> tuple[Sequence[int], Scores | None]:
        """Return the order, and the sums over the list where all pairs are compared."""
        positions = range(len(request))

        def prefers(position: int, other: int) -> bool:
            return self._compare(request, position, other) > 0

        if self.method == "heapsort":
            return heap_top(positions, self.k, 2, by_pairs(prefers)), None
        if self.method == "sliding":
            return bubble_top(positions, self.k, 1, by_pairs(prefers)), None
        scores = np.zeros(len(request), dtype=np.float32)
        for position, other in combinations(positions, 2):
            share = self._first_is_better(request, position, other)
            scores[[position, other]] += share, 1 - share
        return np.argsort(-scores, kind="stable").tolist(), scores

    def _first_is_better(self, request: Request, position: int, other: int) -> float:
        """Return the share of a comparison that the first of two wins: 1, 1/2 or 0; of duot5 its probability."""
        if self.method != "duot5":
            return (1 + self._compare(request, position, other)) / 2
        candidates = [request.candidates[position], request.candidates[other]]
        spellings = word_spellings(["true", "false"])
        prompt = self._prompt(request.query, candidates, ["0", "1"], 1)
        reading = self._read_labels(prompt, spellings)
        self._count(answers=1, exact=1)
        return reading.probabilities["true"]

    def _compare(self, request: Request, position: int, other: int) -> int:
        """Return 1 if the first wins, -1 if the second does, and 0 if the two orders disagree."""
        first, second = self._named(request, position, other), self._named(request, other, position)
        agreed = first is not None and first == second
        self._count(pairs=1, pairs_agreed=agreed, picked_first=(first == position) + (second == other))
        return 0 if not agreed else 1 if first == position else -1

    def _named(self, request: Request, position: int, other: int) -> int | None:
        """Return which of two positions a prompt with them in this order names; None where it names none."""
        candidates = [request.candidates[position], request.candidates[other]]
        if self.choice == "likelihood":
            prompt = self._prompt(request.query, candidates, LABELS, 1)
            return (position, other)[self._best_labels(prompt)[0]]
        label = self._written_label(request.query, candidates, LABELS, self.max_tokens)
        return None if label is None else (position, other)[label]
