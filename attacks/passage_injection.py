"""Passage injection: borrows a sentence from elsewhere, the best documents of the list or any document at all.

Source: Tamber, Lin: Illusions of Relevance: Arbitrary Content Injection Attacks Deceive Retrievers, Rerankers, and LLM
Judges, Findings of AACL 2025, arXiv 2501.18536, section 3 (sentence injection, and its reverse: relevant content).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from robustrank.attack import Attack, Perturbation, apply_edits
from robustrank.collections.collection import Collection
from robustrank.victim import Access, QueryInterface, Target, Victim

from .parts.insertion import SENTENCE_BREAK, Position, insertion


@dataclass
class PassageInjection(Attack):
    """Inserts sentences of another document; asks the victim nothing but the list it shows anybody."""

    what: Literal["relevant", "random"] = "relevant"  # of the documents that stand above, or of any
    sentences: int = 1  # how many are inserted, each of another document
    position: Position = "start"  # where they are inserted
    longest: int = 40  # words of a sentence, at the most

    access = Access.NOTHING
    size_parameter = "sentences"
    budget_unit = "sentences"
    reference = "Tamber, Lin, Findings of AACL 2025, arXiv 2501.18536, section 3"
    deviations = "relevant sentences are the first of the documents ranked best; case and periods are kept"
    control = "random-trigger"

    _others: list[str] = field(default_factory=list, init=False, repr=False)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Know the documents from which random sentences are taken."""
        self._others = list(collection.documents.values())

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with the sentences in it."""
        best = [candidate.text for candidate in target.ranked if candidate.doc_id != target.doc_id]
        if self.what == "random":
            best = [self._others[int(i)] for i in rng.integers(len(self._others), size=10 * self.sentences)]
        found = [sentence for text in best if (sentence := self._first(text))][: self.sentences]
        if not found:
            return Perturbation(target.document, note="there is no sentence to insert")
        edits = (insertion(target.document, " ".join(found), self.position),)
        return Perturbation(apply_edits(target.document, edits), edits)

    def _first(self, text: str) -> str:
        """Return a text's first sentence, cut after ``longest`` words."""
        return " ".join(SENTENCE_BREAK.split(text.strip())[0].split()[: self.longest])
