"""Pointwise rankers: one prompt for each document, whose score is read from probabilities of tokens or from a text.

Sources: yes-no and query likelihood as in ielab/llm-rankers; query likelihood: Sachan et al. (UPR), EMNLP 2022; graded
labels: Zhuang et al., NAACL 2024; monoT5: Nogueira et al., Findings of EMNLP 2020; Qwen3-Reranker: its model card;
Rank1: Weller et al., 2025; a grade after reasoning: the form of ERank.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np

from robustrank.notices import notice
from robustrank.plugins.constraints import Count, Range
from robustrank.rankers.llm.backend import Method, calls_for
from robustrank.rankers.llm.base import PromptingRanker, greedy
from robustrank.rankers.llm.labels import Spellings, exact_spellings, word_spellings
from robustrank.rankers.llm.parsing import parse_grade
from robustrank.rankers.llm.prompt import Prompt
from robustrank.rankers.ranker import Pair, PointwiseRanker, Scores
from robustrank.records import Candidate, Document
from robustrank.steps import followed

Scoring = Literal[
    "yes-no", "query-likelihood", "rating", "rating-peak", "rating-words", "monot5", "qwen3-reranker", "grade", "rank1"
]
WORDS = ("Not Relevant", "Somewhat Relevant", "Highly Relevant")  # worth 0, 1 and 2
END_OF_THOUGHT = "</think>"
_NEEDS: dict[str, tuple[Method, ...]] = {
    "query-likelihood": ("log_likelihood",),
    "rating-words": ("log_likelihood",),
    "grade": ("generate",),
    "rank1": ("generate", "next_token"),
}


@dataclass
class LLMPointwise(PromptingRanker, PointwiseRanker):
    """Scores each document by a separate prompt.

    ``yes-no``, ``monot5``, ``qwen3-reranker``: the probability of yes among yes and no. ``query-likelihood``: the
    log-likelihood of the query after the document. ``rating``: the expected grade; ``rating-peak``: the log-probability
    of the highest; ``rating-words``: the expected grade of three labels in words. ``grade``: the whole number that the
    model writes after reasoning. ``rank1``: the probability of true after reasoning.
    """

    scoring: Scoring = "yes-no"  # how a score is read
    levels: Annotated[int, Range(at_least=2, at_most=10)] = 5  # grades of rating: 0 to levels - 1
    highest: Count = 10  # highest grade that `grade` asks for; the lowest is 0
    instruction: str = "Given a web search query, retrieve relevant passages that answer the query"  # of qwen3-reranker
    max_tokens: Count = 2048  # of the answer with its reasoning, for grade and rank1

    reference: ClassVar[str] = "Sachan et al., EMNLP 2022; Zhuang et al., NAACL 2024; Weller et al. (Rank1), 2025"
    deviations: ClassVar[str] = (
        "the wordings are new, except those that models were trained with (monot5, qwen3-reranker); "
        "grade has the form of ERank, whose prompt and range are not published where we looked"
    )

    def __post_init__(self) -> None:
        self._unread = self._low_mass = self._read = 0

    @property
    def noise(self) -> float:
        """That of the backend."""
        return self.calls.backend.noise

    @property
    def built_in(self) -> str:
        """One template for each way of scoring."""
        return f"pointwise-{'rating' if self.scoring == 'rating-peak' else self.scoring}"

    @property
    def needs(self) -> Sequence[Method]:
        """What the way of scoring needs."""
        return _NEEDS.get(self.scoring, ("next_token",))

    @property
    def room(self) -> int:
        """Tokens that a prompt leaves for what follows it."""
        return {"grade": self.max_tokens, "rank1": self.max_tokens, "query-likelihood": 128, "rating-words": 8}.get(
            self.scoring, 1
        )

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], one prompt or several a pair.

        Raises:
            CallFailed: The backend gave no answer.
            DataError: The model's next token is no label.
        """
        return np.array([self._score(*pair) for pair in followed(pairs, "prompts")], dtype=np.float32)

    def characters_read(self, query: str, document: str) -> int:
        """Return the characters of the words that the prompt shows."""
        return self._characters(query, document, self.room, **self._names)

    @property
    def _names(self) -> dict[str, int | str]:
        """Further names of the templates."""
        return {"levels": self.levels, "highest": self.highest, "instruction": self.instruction}

    def _score(self, query: str, document: str) -> float:
        with calls_for(query):
            return self._read_score(query, document)

    def _read_score(self, query: str, document: str) -> float:
        shown = [Candidate(Document("", document))]
        prompt = self._prompt(query, shown, [""], self.room, **self._names)
        ways: dict[str, Callable[[str, Prompt], float]] = {
            "query-likelihood": lambda query, prompt: self.calls.log_likelihood(prompt, f" {query}")[0],
            "rating": self._rating,
            "rating-peak": self._rating,
            "rating-words": self._rating_words,
            "grade": self._grade,
            "rank1": self._rank1,
        }
        return ways.get(self.scoring, self._yes)(prompt.query, prompt)

    def _yes(self, query: str, prompt: Prompt) -> float:
        yes, no = ("true", "false") if self.scoring in ("monot5", "rank1") else ("yes", "no")
        read = self._labels(prompt, word_spellings([yes, no]))
        return read[yes] / (read[yes] + read[no])

    def _rating(self, query: str, prompt: Prompt) -> float:
        grades = [str(grade) for grade in range(self.levels)]
        read = self._labels(prompt, exact_spellings(grades))
        if self.scoring == "rating-peak":
            return math.log(max(read[grades[-1]], 1e-38))
        return sum(int(grade) * share for grade, share in read.items())

    def _rating_words(self, query: str, prompt: Prompt) -> float:
        logs = np.array([self.calls.log_likelihood(prompt, f" {label}")[0] for label in WORDS])
        shares = np.exp(logs - logs.max())
        return float((shares * np.arange(len(WORDS))).sum() / shares.sum())

    def _grade(self, query: str, prompt: Prompt) -> float:
        grade = parse_grade(self.calls.generate(prompt, greedy(self.max_tokens)).text, self.highest)
        if grade is None:
            self._unread += 1
            if self._unread == 1:
                notice(
                    f"llm {self.llm}: an answer has no grade from 0 to {self.highest}; such documents get the grade 0"
                )
        return 0.0 if grade is None else grade

    def _rank1(self, query: str, prompt: Prompt) -> float:
        answer = self.calls.generate(prompt, greedy(self.max_tokens, (END_OF_THOUGHT,)))
        thought = f"{prompt.prefix}{answer.text.rstrip()}\n{END_OF_THOUGHT}"  # closed where max_tokens cut it
        return self._yes(query, replace(prompt, prefix=thought))

    def _labels(self, prompt: Prompt, spellings: Spellings) -> dict[str, float]:
        """Return the probabilities of labels among them; few mass on all of them is told once."""
        reading = self._read_labels(prompt, spellings)
        self._read += 1
        self._low_mass += reading.mass < 0.5
        if reading.mass < 0.5 and self._low_mass == 1:
            notice(
                f"llm {self.llm}: the labels {', '.join(spellings)} have {reading.mass:.0%} of the next token's "
                "probability (below 50 %): the model hardly answers in the requested form"
            )
        return reading.probabilities
