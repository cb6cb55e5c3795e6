"""Listwise ranking: a model orders windows of a list.

Sources: RankGPT: Sun et al., EMNLP 2023; RankZephyr: Pradeep et al., 2023; FIRST: Reddy et al., EMNLP 2024, arXiv
2406.15657; InsertRank: Seetharaman et al., 2025, arXiv 2506.14086; TDPart: Parry et al., 2024, arXiv 2405.14589.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Literal

from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count, Range
from robustrank.plugins.nested import RankerSpec
from robustrank.rankers.llm.backend import Method
from robustrank.rankers.llm.base import greedy
from robustrank.rankers.llm.first_stage import FirstStage
from robustrank.rankers.llm.lists import PromptedLists
from robustrank.rankers.llm.parsing import LETTERS, Identifiers, identifiers, parse_order
from robustrank.rankers.llm.sorting import Items, Sort, partition_top, sliding_windows
from robustrank.records import Request, Scores

Window = Annotated[int, Range(at_least=2, at_most=200)]


@dataclass
class Windowed(PromptedLists):
    """Orders windows of a list, each by one prompt."""

    window: Window = 20  # passages of a prompt

    def _sorter(self, request: Request) -> Sort:
        return lambda window: [window[index] for index in self._sorted(request, window)]

    @abstractmethod
    def _sorted(self, request: Request, window: Items) -> Sequence[int]:
        """Return the indices of a window's passages, best first, as one prompt orders them."""


@dataclass
class Sliding(Windowed):
    """Moves a window from the bottom of the list to its top."""

    stride: Count = 10  # how far the window moves
    passes: Count = 1  # over the list

    def order(self, request: Request) -> tuple[Sequence[int], Scores | None]:
        """Return the order after all passes."""
        positions, sort = range(len(request)), self._sorter(request)
        return sliding_windows(positions, self.window, self.stride, self.passes, sort), None


@dataclass
class Generating(Windowed):
    """Orders a window by the identifiers that the model writes.

    Answers are repaired by rule: repeated and unknown identifiers are dropped, missing ones follow in the order of the
    input; an answer without any leaves the window as it is. All of it is counted.
    """

    style: Literal["rankgpt", "zephyr", "reason"] = "rankgpt"  # a turn for each passage, one turn, or with reasoning
    identifiers: Identifiers = "numbers"  # of passages; letters are 26 at most
    max_tokens: Count = 400  # of an answer; with reasoning some thousands

    def __post_init__(self) -> None:
        refuse_more_than_letters(self.identifiers, self.window)

    @property
    def built_in(self) -> str:
        """The template of the style."""
        return f"listwise-{self.style}"

    def _sorted(self, request: Request, window: Items) -> Sequence[int]:
        candidates = [request.candidates[position] for position in window]
        labels = identifiers(len(window), self.identifiers)
        prompt = self._prompt(request.query, candidates, labels, self.max_tokens)
        answer = self.calls.generate(prompt, greedy(self.max_tokens))
        tag = "answer" if self.style == "reason" else ""
        parsed = parse_order(answer.text, len(window), self.identifiers, tag)
        self._count_order(parsed)
        return parsed.order


@dataclass
class LLMListwise(Generating, Sliding):
    """Orders windows of the list by the identifiers that the model writes, from the bottom of the list to its top.

    Answers are repaired by rule: repeated and unknown identifiers are dropped, missing ones follow in the order of the
    input; an answer without any leaves the window as it is. All of it is counted.
    """

    reference: ClassVar[str] = "Sun et al. (RankGPT), EMNLP 2023; Pradeep et al. (RankZephyr), 2023"
    deviations: ClassVar[str] = "new wordings in the forms of the papers; the last window starts at the first passage"


@dataclass
class First(Sliding):
    """Orders a window by the probabilities of its identifiers as the first token of the answer: a token a window."""

    identifiers: Identifiers = "letters"  # of passages; each has to be one token

    reference: ClassVar[str] = "Reddy et al. (FIRST), EMNLP 2024, arXiv 2406.15657"
    deviations: ClassVar[str] = "a new wording"

    def __post_init__(self) -> None:
        refuse_more_than_letters(self.identifiers, self.window)

    @property
    def built_in(self) -> str:
        """The template."""
        return "listwise-first"

    @property
    def needs(self) -> Sequence[Method]:
        """Probabilities."""
        return ("next_token",)

    def _sorted(self, request: Request, window: Items) -> Sequence[int]:
        candidates = [request.candidates[position] for position in window]
        labels = identifiers(len(window), self.identifiers)
        return self._best_labels(self._prompt(request.query, candidates, labels, 1))


@dataclass
class InsertRank(LLMListwise):
    """Listwise ranking with a score of each passage in the prompt, by default BM25's.

    A passage keeps its score through all windows; that of an attacked text is computed anew.
    """

    scores: RankerSpec = "bm25"  # the ranker of pairs whose scores are shown, with three decimals
    style: Literal["insertrank"] = "insertrank"  # type: ignore[assignment]  # one turn, with a line for each score

    reference: ClassVar[str] = "Seetharaman et al. (InsertRank), 2025, arXiv 2506.14086"
    deviations: ClassVar[str] = "a new wording"

    _first_stage: FirstStage | None = field(default=None, init=False, repr=False, compare=False)

    def prepare(self, collection: Collection) -> None:
        """Prepare the ranker whose scores are shown."""
        self._first_stage = FirstStage.of(self.scores, collection)

    def order(self, request: Request) -> tuple[Sequence[int], Scores | None]:
        """Return the order of the request with scores."""
        scores = FirstStage.required(self._first_stage).scores(request)
        scored = zip(request.candidates, scores.tolist(), strict=True)
        return super().order(replace(request, candidates=tuple(replace(c, score=score) for c, score in scored)))


@dataclass
class TDPart(Generating):
    """Listwise ranking by partitioning from the top: fewer prompts than sliding windows, if the first stage is good.

    The first window is ordered, and its passage at the cutoff is compared with the others, a window at a time; those
    above it join the candidates, which are ordered again.
    """

    cutoff: Count = 10  # rank of the pivot in the first window
    buffer: Count = 20  # most candidates; once there are so many, no more passages are read

    reference: ClassVar[str] = "Parry et al. (TDPart), 2024, arXiv 2405.14589"
    deviations: ClassVar[str] = "a new wording"

    def order(self, request: Request) -> tuple[Sequence[int], Scores | None]:
        """Return the order: candidates, pivot, the others."""
        positions, sort = range(len(request)), self._sorter(request)
        return partition_top(positions, self.window, self.cutoff, self.buffer, sort), None


def refuse_more_than_letters(kind: Identifiers, window: int) -> None:
    """Refuse a window of more passages than there are letters to name them.

    Raises:
        ValueError: It is one.
    """
    if kind == "letters" and window > len(LETTERS):
        raise ValueError(f"window={window}: there are {len(LETTERS)} letters")
