"""List injection: a text in a document tells a ranker that is a language model which document to put first, or why.

Reference: decision objective hijacking and decision criteria hijacking: Vulnerability of LLM Rankers to Prompt
Injection, SIGIR 2026, arXiv 2602.16752; fake completions and role tags: Liu et al.: Formalizing and Benchmarking Prompt
Injection Attacks and Defenses, USENIX Security 2024.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from robustrank.attack import Attack, Perturbation
from robustrank.rankers.llm.parsing import LETTERS
from robustrank.victim import Access, Target, Victim

from .parts.edits import perturbation_of
from .parts.injections import Form, Goal, Tags, Wording
from .parts.insertion import insertion


@dataclass(frozen=True)
class ListInjection(Attack):
    """Inserts an instruction that names the document by its label, or not, without queries to the victim.

    A known label is the document's place in the list that is ranked, which is its label where one prompt shows the
    whole list; a guessed one is that of the first document. In windows, groups and shuffles a label is wrong, so what
    is left is what the sentence says.
    """

    goal: Goal = "objective"  # which passage to put first, or what relevance means
    place: Literal["front", "back", "both"] = "front"  # of the document, where the instruction is inserted
    form: Form = "plain"  # a sentence, a finished answer, the same behind tags of a chat, or a sentence with the label
    identifier: Literal["known", "guessed", "none"] = "none"  # the label that the instruction names
    letters: bool = False  # whether labels are letters, as those of setwise prompts and windows of `first`
    tags: Tags = "chatml"  # whose chat template role-tags are written in

    access = Access.NOTHING
    reference = "arXiv 2602.16752 (SIGIR 2026); Liu et al., USENIX Security 2024"
    deviations = "new wordings: those of the first paper were not at hand"
    control = "random-trigger"

    def __post_init__(self) -> None:
        if self.form == "identifier" and self.identifier == "none":
            raise ValueError("form=identifier needs a label: identifier=known or guessed")

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with the instruction inserted."""
        text = Wording(self.goal, self.form, self._label(target), self.tags).text()
        positions = {"front": ("start",), "back": ("end",), "both": ("start", "end")}[self.place]
        edits = [insertion(target.document, text, position) for position in positions]  # type: ignore[arg-type]
        if len(edits) == 2 and edits[0].start == edits[1].start:
            edits = edits[:1]  # an empty document has one place
        return perturbation_of(target.document, edits)

    def _label(self, target: Target) -> str:
        """Return the label; nothing for one that is not named, or that has no letter."""
        if self.identifier == "none":
            return ""
        number = target.position if self.identifier == "known" else 1
        if not self.letters:
            return str(number)
        return LETTERS[number - 1] if 1 <= number <= len(LETTERS) else ""
