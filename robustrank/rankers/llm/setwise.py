"""Setwise ranking: which of a few passages is the most relevant, as the comparison of a heap or of bubble sort.

Sources: Zhuang et al., SIGIR 2024, arXiv 2310.09497; Rank-R1: Zhuang et al., 2025, arXiv 2503.06034.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from robustrank.plugins.constraints import Count, Range
from robustrank.rankers.llm.backend import Method
from robustrank.rankers.llm.lists import PromptedLists
from robustrank.rankers.llm.parsing import Identifiers, identifiers
from robustrank.rankers.llm.sorting import Items, bubble_top, heap_top
from robustrank.records import Request, Scores


@dataclass
class LLMSetwise(PromptedLists):
    """Compares a passage with ``children`` others at once. An answer without a label leaves the first, counted."""

    method: Literal["heapsort", "bubblesort"] = "heapsort"  # how comparisons become an order
    children: Annotated[int, Range(at_least=1, at_most=25)] = 3  # passages of a comparison, less one
    k: Count = 10  # the top k are looked for; the others keep the order of the input
    choice: Literal["likelihood", "generation"] = "likelihood"  # labels' probabilities, or the label that is written
    permutations: Count = 1  # comparisons of one group with shuffled labels, which vote; the first is not shuffled
    max_tokens: Count = 8  # of a written answer

    identifiers: ClassVar[Identifiers] = "letters"
    tag: ClassVar[str] = ""  # of the answer
    shuffles: ClassVar[bool] = False  # whether the passages of a comparison are shuffled
    reference: ClassVar[str] = "Zhuang et al., SIGIR 2024, arXiv 2310.09497"
    deviations: ClassVar[str] = "a new wording, whose answer is the label alone"

    @property
    def built_in(self) -> str:
        """The template."""
        return "setwise"

    @property
    def needs(self) -> Sequence[Method]:
        """Probabilities, or texts."""
        return ("next_token",) if self.choice == "likelihood" else ("generate",)

    def order(self, request: Request) -> tuple[Sequence[int], Scores | None]:
        """Return the order."""
        sort = heap_top if self.method == "heapsort" else bubble_top
        return sort(range(len(request)), self.k, self.children, lambda group: self._best(request, group)), None

    def _best(self, request: Request, group: Items) -> int:
        """Return the index of the best of a group, by vote; of equals the first."""
        votes = Counter(dict.fromkeys(range(len(group)), 0))
        candidates = [request.candidates[position] for position in group]
        rng = self._rng(request.query, candidates, "setwise")
        for number in range(self.permutations):
            is_shuffled = self.shuffles or number > 0
            shown = rng.permutation(len(group)).tolist() if is_shuffled else list(range(len(group)))
            winner = self._named(request, [group[index] for index in shown])
            votes[0 if winner is None else shown[winner]] += 1
        return max(votes, key=lambda index: (votes[index], -index))

    def _named(self, request: Request, positions: Items) -> int | None:
        """Return the index of the passage that one prompt names; None where it names none."""
        labels = identifiers(len(positions), self.identifiers)
        candidates = [request.candidates[position] for position in positions]
        if self.choice == "likelihood":
            return self._best_labels(self._prompt(request.query, candidates, labels, 1))[0]
        return self._written_label(request.query, candidates, labels, self.max_tokens, self.tag)


@dataclass
class RankR1(LLMSetwise):
    """Setwise ranking of 20 passages a comparison by a model that reasons first.

    The passages of a comparison are shuffled by a generator of the list.
    """

    children: Annotated[int, Range(at_least=1, at_most=99)] = 19  # passages of a comparison, less one
    choice: Literal["likelihood", "generation"] = "generation"  # the label that is written behind the reasoning
    max_tokens: Count = 2048  # of the answer with its reasoning

    identifiers: ClassVar[Identifiers] = "numbers"
    tag: ClassVar[str] = "answer"
    shuffles: ClassVar[bool] = True
    reference: ClassVar[str] = "Zhuang et al., 2025, arXiv 2503.06034"
    deviations: ClassVar[str] = "the wording follows the paper's form; shuffles do not depend on the calls before"

    @property
    def built_in(self) -> str:
        """The template."""
        return "rank-r1"
