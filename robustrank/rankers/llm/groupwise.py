"""Groupwise grades and iterative elimination.

Sources: GroupRank: arXiv 2511.11653, with the code of AQ-MedAI/Diver; IRanker: Feng et al., 2025.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count, Share, SomeShare, Weight
from robustrank.plugins.nested import RankerSpec
from robustrank.randomness import derive_seed
from robustrank.rankers.llm.backend import Decoding
from robustrank.rankers.llm.first_stage import FirstStage
from robustrank.rankers.llm.lists import PromptedLists
from robustrank.rankers.llm.parsing import identifiers, parse_grades
from robustrank.rankers.llm.sorting import Items, eliminate
from robustrank.records import Request, Scores

HIGHEST = 10.0  # grade


@dataclass
class GroupRank(PromptedLists):
    """Grades groups of passages from 0 to 10, in shuffled groups of several epochs; the mean is added to a first stage.

    A passage without a grade in an epoch has the mean of its other epochs; without any, the first stage alone decides,
    and it counts as missing. Answers are sampled: look at the noise of repeats.
    """

    group: Count = 10  # passages of a prompt
    epochs: Count = 2  # each with groups of its shuffle
    weight: Share = 0.6  # of the mean grade, scaled to [0, 1]; the rest is of the first stage
    first_stage: RankerSpec = "bm25"  # ranker of pairs whose scores, scaled to [0, 1] in each list, are added
    temperature: Weight = 0.3  # of sampled answers; 0 is greedy
    top_p: SomeShare = 0.8  # nucleus of sampled answers
    max_tokens: Count = 8000  # of an answer with its reasoning

    reference: ClassVar[str] = "GroupRank, 2025, arXiv 2511.11653"
    deviations: ClassVar[str] = (
        "a new wording; grades that are missing are no zeros; scores of the first stage are scaled in each list"
    )

    _first: FirstStage | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def built_in(self) -> str:
        """The template."""
        return "grouprank"

    def prepare(self, collection: Collection) -> None:
        """Prepare the first stage."""
        self._first = FirstStage.of(self.first_stage, collection)

    def order(self, request: Request) -> tuple[Sequence[int], Scores | None]:
        """Return the order by the weighted sum, equals in the order of the input."""
        grades = np.full((self.epochs, len(request)), np.nan)
        for epoch in range(self.epochs):
            shuffle = self._rng(request.query, request.candidates, f"epoch {epoch}").permutation(len(request)).tolist()
            for start in range(0, len(shuffle), self.group):
                self._grade(request, shuffle[start : start + self.group], epoch, grades[epoch])
        first = _scaled(FirstStage.required(self._first).scores(request))
        graded = ~np.isnan(grades)
        means = np.where(graded, grades, 0).sum(axis=0) / np.maximum(1, graded.sum(axis=0)) / HIGHEST
        scores = np.where(graded.any(axis=0), self.weight * means + (1 - self.weight) * first, first)
        return np.argsort(-scores, kind="stable").tolist(), scores.astype(np.float32)

    def _grade(self, request: Request, positions: Items, epoch: int, grades: NDArray[np.float64]) -> None:
        """Write the grades of a group; those that the answer lacks stay nan."""
        candidates = [request.candidates[position] for position in positions]
        prompt = self._prompt(
            request.query, candidates, identifiers(len(positions), "numbers"), self.max_tokens, highest=int(HIGHEST)
        )
        seed = derive_seed(self.seed, request.query, str(epoch), *(c.doc_id for c in candidates)) % 2**31
        answer = self.calls.generate(prompt, Decoding(self.max_tokens, self.temperature, self.top_p, seed))
        read = parse_grades(answer.text, len(positions), HIGHEST)
        for place, grade in read.items():
            grades[positions[place]] = grade
        missing = len(positions) - len(read)
        self._count(answers=1, exact=not missing, unparsable=not read, missing=missing if read else 0)


@dataclass
class IRanker(PromptedLists):
    """Asks for the least relevant of the passages that are left, and deletes it, until one is left.

    An answer that names none deletes the last, and is counted. It is for short lists: a prompt a passage.
    """

    depth: Count = 10  # documents of a list that are ranked, the first; the others follow in their order
    max_tokens: Count = 1024  # of an answer with its reasoning

    reference: ClassVar[str] = "Feng et al. (IRanker), 2025"
    deviations: ClassVar[str] = (
        "a new wording in the form of the paper's; no guess by similarity where no answer is read"
    )

    @property
    def built_in(self) -> str:
        """The template."""
        return "iranker"

    def order(self, request: Request) -> tuple[Sequence[int], Scores | None]:
        """Return the reverse order of deletion."""
        return eliminate(range(len(request)), lambda left: self._worst(request, left)), None

    def _worst(self, request: Request, left: Items) -> int:
        labels = identifiers(len(left), "numbers")
        candidates = [request.candidates[position] for position in left]
        label = self._written_label(request.query, candidates, labels, self.max_tokens, "answer")
        return len(left) - 1 if label is None else label


def _scaled(scores: Scores) -> NDArray[np.float64]:
    """Return scores scaled to [0, 1]; zeros where all are equal."""
    low, high = float(scores.min()), float(scores.max())
    return (scores.astype(np.float64) - low) / (high - low) if high > low else np.zeros(len(scores))
