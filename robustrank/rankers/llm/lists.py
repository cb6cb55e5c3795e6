"""What rankers of lists by prompts share: one list at a time, its cost, and what became of the answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from robustrank.plugins.constraints import Amount, Count
from robustrank.randomness import derive
from robustrank.rankers.llm.backend import calls_for
from robustrank.rankers.llm.base import PromptingRanker, greedy
from robustrank.rankers.llm.calls import Spent
from robustrank.rankers.llm.labels import exact_spellings
from robustrank.rankers.llm.parsing import ParsedOrder, parse_label
from robustrank.rankers.llm.prompt import Prompt
from robustrank.records import Candidate, Cost, ParseReport, Ranking, Request, Scores
from robustrank.steps import followed


@dataclass
class PromptedLists(PromptingRanker):
    """A ranker of lists that prompts a language model."""

    depth: Count = 100  # documents of a list that are ranked, the first; the others follow in their order
    seed: Amount = 0  # of shuffles and sampled answers

    _report: ParseReport = field(default=ParseReport(0), init=False, repr=False, compare=False)

    def rank(self, requests: Sequence[Request]) -> list[Ranking]:
        """Return the rankings, one list after another.

        Raises:
            CallFailed: The backend gave no answer.
        """
        return [self._ranking(request) for request in followed(requests, "lists")]

    @abstractmethod
    def order(self, request: Request) -> tuple[Sequence[int], Scores | None]:
        """Return the positions of a list's candidates, best first, and their scores if there are any.

        Args:
            request: A list of two candidates or more, no more than ``depth``.
        """

    def _ranking(self, request: Request) -> Ranking:
        self._report, self.calls.spent = ParseReport(0), Spent()
        short = replace(request, candidates=request.candidates[: self.depth])
        with calls_for(request.query, request.query_id):
            order, scores = self.order(short) if len(short) > 1 else (range(len(short)), None)
        rest = range(len(short), len(request))
        cost = Cost(self.calls.spent.calls, self.calls.spent.tokens)
        return Ranking((*order, *rest), None if rest else scores, cost, self._report)

    def _count(self, **counts: int) -> None:
        self._report = replace(
            self._report, **{name: getattr(self._report, name) + count for name, count in counts.items()}
        )

    def _count_order(self, parsed: ParsedOrder) -> None:
        self._count(
            answers=1,
            exact=parsed.is_exact,
            unparsable=not parsed.is_readable,
            identity=parsed.is_readable and parsed.is_identity,
            missing=parsed.missing,
            duplicate=parsed.duplicate,
            out_of_range=parsed.out_of_range,
        )

    def _rng(self, query: str, candidates: Sequence[Candidate], purpose: str) -> np.random.Generator:
        """Return the generator of a list: it depends on its query, its ids in their order and the seed alone.

        So an attacked list, which keeps its ids, is shuffled as the clean one is.
        """
        return derive(self.seed, purpose, query, *(candidate.doc_id for candidate in candidates))

    def _written_label(
        self, query: str, candidates: Sequence[Candidate], labels: Sequence[str], max_tokens: int, tag: str = ""
    ) -> int | None:
        """Return the position of the document whose label a prompt's answer names; None where it names none."""
        prompt = self._prompt(query, candidates, labels, max_tokens)
        label = parse_label(self.calls.generate(prompt, greedy(max_tokens)).text, labels, tag)
        self._count(answers=1, exact=label is not None, unparsable=label is None)
        return label

    def _best_labels(self, prompt: Prompt) -> list[int]:
        """Return the positions of the prompt's documents by the log-probabilities of their labels, equals in order."""
        spellings = exact_spellings(shown.label for shown in prompt.shown)
        reading = self._read_labels(prompt, spellings)
        logs = [reading.logs[shown.label] for shown in prompt.shown]
        order = sorted(range(len(logs)), key=lambda position: -logs[position])
        is_identity = order == list(range(len(order)))
        self._count(answers=1, exact=not reading.unseen, missing=reading.unseen, identity=is_identity)
        return order
